"""A computation can be stopped from another thread, and whoever waits can be found to be gone.

Whoever runs a statement says with `by` how it is interrupted; nobody has to know who asks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Gone = Callable[[], bool]


class Stopped(Exception):
    """The computation was stopped: nobody waits for its answer any more."""


class CallerGone(Exception):
    """Whoever asked has hung up; there is nobody to answer."""


class Stop:
    """Of one computation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ways: list[Callable[[], None]] = []
        self.asked = False

    def now(self) -> None:
        """Interrupt what runs, and whatever would run next."""
        with self._lock:
            self.asked = True
            for way in self._ways:
                way()

    @contextlib.contextmanager
    def by(self, way: Callable[[], None]) -> Iterator[None]:
        """While the block runs it can be interrupted that way. Raises Stopped when it should not begin any more."""
        with self._lock:
            if self.asked:
                raise Stopped
            self._ways.append(way)
        try:
            yield
        finally:
            with self._lock:
                self._ways.remove(way)


_running: ContextVar[Stop | None] = ContextVar("running", default=None)
caller: ContextVar[Gone] = ContextVar("caller", default=lambda: False)
"""Whether whoever asked in this thread is gone; the pool that takes requests sets it."""


@contextlib.contextmanager
def watched(stop: Stop) -> Iterator[None]:
    """What runs in the block in this thread is stopped by `stop`."""
    token = _running.set(stop)
    try:
        yield
    finally:
        _running.reset(token)


@contextlib.contextmanager
def by(way: Callable[[], None]) -> Iterator[None]:
    """While the block runs it can be interrupted that way, if anybody could want to. Raises Stopped."""
    stop = _running.get()
    with stop.by(way) if stop else contextlib.nullcontext():
        yield


def was_asked() -> bool:
    """Whether this thread's computation is to stop."""
    stop = _running.get()
    return stop is not None and stop.asked
