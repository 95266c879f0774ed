"""Computations of this process: each question at most once at a time, so many at once, and none that nobody waits for.

Callers of the same question wait for the same computation. When the last of them is gone it is stopped, unless it
renews an answer that is kept.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

from django.conf import settings

from analytics.reports import stop

T = TypeVar("T")
_LOOK_SECONDS = 0.25
"""So often a caller is looked after who may have hung up."""


class Busy(Exception):
    """No answer in time: too many questions run already."""


class Flight:
    """One computation and how many wait for it."""

    def __init__(self, future: Future[object], stopping: stop.Stop) -> None:
        self.future = future
        self.stopping = stopping
        self.waiting = 0
        self.wanted = False
        """Also when nobody waits."""


_flights: dict[str, Flight] = {}
_lock = threading.Lock()


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Made by the process that computes: threads do not survive a fork."""
    return ThreadPoolExecutor(settings.REPORT_QUESTIONS, "question")


def wait(name: str, compute: Callable[[], T], seconds: float) -> T:
    """What `compute` gives, from the computation of that name that runs already or from a new one.

    Raises what it raises, Busy after so many seconds, and stop.CallerGone as soon as whoever asks is gone.
    """
    flight, until, gone = _board(name, compute), time.monotonic() + seconds, stop.caller.get()
    try:
        while True:
            try:
                return flight.future.result(min(_LOOK_SECONDS, max(until - time.monotonic(), 0)))  # type: ignore[return-value]
            except NotYet:
                if flight.future.done():  # it raises that itself, or has ended in this moment
                    return flight.future.result()  # type: ignore[return-value]
                if time.monotonic() >= until:
                    raise Busy from None
                if gone():
                    raise stop.CallerGone from None
    finally:
        _leave(name, flight)


def renew(name: str, compute: Callable[[], T], seconds: float) -> T | None:
    """The same, but None when it is not there after so many seconds: it goes on, whoever waits."""
    flight = _board(name, compute)
    flight.wanted = True
    try:
        return flight.future.result(seconds)  # type: ignore[return-value]
    except NotYet:
        return flight.future.result() if flight.future.done() else None  # type: ignore[return-value]
    finally:
        _leave(name, flight)


def _board(name: str, compute: Callable[[], T]) -> Flight:
    with _lock:
        flight = _flights.get(name)
        if flight is None or flight.stopping.asked:
            stopping = stop.Stop()
            flight = Flight(_threads().submit(_run, name, compute, stopping), stopping)
            _flights[name] = flight
        flight.waiting += 1
        return flight


def _run(name: str, compute: Callable[[], T], stopping: stop.Stop) -> T:
    try:
        with stop.watched(stopping):
            if stopping.asked:
                raise stop.Stopped
            return compute()
    finally:
        with _lock:
            if name in _flights and _flights[name].stopping is stopping:
                del _flights[name]


def _leave(name: str, flight: Flight) -> None:
    with _lock:
        flight.waiting -= 1
        lonely = not flight.waiting and not flight.wanted and not flight.future.done()
        if lonely and _flights.get(name) is flight:
            del _flights[name]
    if lonely:
        flight.future.cancel()
        flight.stopping.now()
