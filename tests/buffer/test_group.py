"""Threads share their trips; each hears what became of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from analytics.buffer.group import Group

PATIENCE_SECONDS = 10.0


class Disk:
    """Something slow: each trip lasts until it is let go."""

    def __init__(self) -> None:
        self.trips: list[list[int]] = []
        self.under_way = threading.Semaphore(0)
        self.may_return = threading.Semaphore(0)

    def commit(self, items: list[int]) -> str:
        self.trips.append(items)
        self.under_way.release()
        assert self.may_return.acquire(timeout=PATIENCE_SECONDS)
        return f"trip {len(self.trips)}"


def start(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call)
    thread.start()
    return thread


def wait_for(true: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_SECONDS / 0.002)):
        if true():
            return
        threading.Event().wait(0.002)
    raise AssertionError("never happened")


def test_a_lone_thread_goes_at_once() -> None:
    group: Group[int, int] = Group(lambda items: sum(items), 10)
    assert [group.join(n) for n in (1, 2, 3)] == [1, 2, 3]


def test_those_who_come_during_a_trip_travel_together_on_the_next() -> None:
    disk = Disk()
    group: Group[int, str] = Group(disk.commit, 10)
    heard: dict[int, str] = {}
    threads = [start(lambda: heard.update({0: group.join(0)}))]
    assert disk.under_way.acquire(timeout=PATIENCE_SECONDS)
    for n in (1, 2, 3):
        threads.append(start(lambda n=n: heard.update({n: group.join(n)})))  # type: ignore[misc]
    wait_for(lambda: len(group._waiting) == 3)
    disk.may_return.release()
    disk.may_return.release()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert [sorted(trip) for trip in disk.trips] == [[0], [1, 2, 3]]
    assert heard == {0: "trip 1", 1: "trip 2", 2: "trip 2", 3: "trip 2"}


def test_no_more_travel_together_than_there_is_room_for() -> None:
    disk = Disk()
    group: Group[int, str] = Group(disk.commit, 2)
    threads = [start(lambda: group.join(0))]
    assert disk.under_way.acquire(timeout=PATIENCE_SECONDS)
    threads += [start(lambda n=n: group.join(n)) for n in range(1, 6)]  # type: ignore[misc]
    wait_for(lambda: len(group._waiting) == 5)
    for _ in range(4):
        disk.may_return.release()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert [len(trip) for trip in disk.trips] == [1, 2, 2, 1]


def test_after_a_trip_that_raised_the_next_ones_go() -> None:
    def commit(items: list[int]) -> int:
        if items == [13]:
            raise RuntimeError("a fault of ours")
        return sum(items)

    group: Group[int, int] = Group(commit, 10)
    with pytest.raises(RuntimeError):
        group.join(13)
    assert group.join(1) == 1


def test_under_many_threads_every_item_travels_once() -> None:
    seen: list[int] = []

    def commit(items: list[int]) -> list[int]:
        seen.extend(items)
        return items

    group: Group[int, list[int]] = Group(commit, 7)
    missing: list[int] = []

    def send(first: int) -> None:
        for n in range(first, first + 500):
            if n not in group.join(n):
                missing.append(n)

    threads = [start(lambda k=k: send(k * 500)) for k in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not missing
    assert sorted(seen) == list(range(4000))
