"""Computations are shared, bounded, and stopped when nobody waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analytics.reports import flights, stop
from tests import processes


class Work:
    """Runs until it is let go or interrupted; says which."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.free = threading.Event()
        self.times = 0
        self.interrupted = False

    def __call__(self) -> str:
        self.times += 1
        with stop.by(self._interrupt):
            self.begun.set()
            assert self.free.wait(10)
        if self.interrupted:
            raise stop.Stopped
        return "done"

    def _interrupt(self) -> None:
        self.interrupted = True
        self.free.set()


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.free.set()


def call(work: Work, gone: threading.Event, name: str = "a", seconds: float = 10) -> str:
    """Ask as a request would whose client hangs up when `gone` is set."""
    token = stop.caller.set(gone.is_set)
    try:
        return flights.wait(name, work, seconds)
    except stop.CallerGone:
        return "gone"
    finally:
        stop.caller.reset(token)


def test_who_asks_the_same_waits_for_the_same(work: Work) -> None:
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(call, work, threading.Event()) for _ in range(50)]
        work.begun.wait()
        time.sleep(0.1)
        work.free.set()
        assert {one.result() for one in asked} == {"done"}
    assert work.times == 1


def test_it_goes_on_while_anybody_waits_and_stops_when_the_last_is_gone(work: Work) -> None:
    one, other = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(call, work, one), pool.submit(call, work, other)
        work.begun.wait()
        one.set()
        assert first.result() == "gone"
        assert not work.interrupted
        other.set()
        assert second.result() == "gone"
    processes.wait_until(lambda: work.interrupted, "it is stopped")
    again = Work()
    again.free.set()
    assert call(again, threading.Event()) == "done", "whoever asks later is not given what was stopped"


def test_what_renews_a_kept_answer_goes_on_for_nobody(work: Work) -> None:
    assert flights.renew("a", work, 0.05) is None
    assert not work.interrupted
    work.free.set()
    processes.wait_until(lambda: not flights._flights, "it ends")


def test_a_place_in_the_queue_is_given_up_too(work: Work, settings: Any) -> None:
    others = [Work() for _ in range(settings.REPORT_QUESTIONS)]
    with ThreadPoolExecutor(10) as pool:
        running = [pool.submit(call, other, threading.Event(), f"other {index}") for index, other in enumerate(others)]
        for other in others:
            other.begun.wait()
        with pytest.raises(flights.Busy):
            call(work, threading.Event(), "late", 0.3)
        for other in others:
            other.free.set()
        assert {one.result() for one in running} == {"done"}
    assert not work.times, "it would have been computed for nobody"


def test_what_it_raises_is_raised_by_all_who_wait() -> None:
    def broken() -> str:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        flights.wait("broken", broken, 5)
