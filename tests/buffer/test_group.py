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
    assert [group.board(n).arrive() for n in (1, 2, 3)] == [1, 2, 3]


def test_those_who_come_during_a_trip_travel_together_on_the_next() -> None:
    disk = Disk()
    group: Group[int, str] = Group(disk.commit, 10)
    heard: dict[int, str] = {}
    threads = [start(lambda: heard.update({0: group.board(0).arrive()}))]
    assert disk.under_way.acquire(timeout=PATIENCE_SECONDS)
    for n in (1, 2, 3):
        threads.append(start(lambda n=n: heard.update({n: group.board(n).arrive()})))  # type: ignore[misc]
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
    threads = [start(lambda: group.board(0).arrive())]
    assert disk.under_way.acquire(timeout=PATIENCE_SECONDS)
    threads += [start(lambda n=n: group.board(n).arrive()) for n in range(1, 6)]  # type: ignore[misc]
    wait_for(lambda: len(group._waiting) == 5)
    for _ in range(4):
        disk.may_return.release()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert [len(trip) for trip in disk.trips] == [1, 2, 2, 1]


def test_a_thread_takes_all_along_that_it_has_boarded_with() -> None:
    trips: list[list[int]] = []
    group: Group[int, None] = Group(trips.append, 10)
    passages = [group.board(n) for n in range(4)]
    assert trips == []
    for passage in reversed(passages):
        passage.arrive()
    assert [sorted(trip) for trip in trips] == [[0, 1, 2, 3]]


def test_a_thread_that_has_boarded_with_more_than_there_is_room_for_goes_again() -> None:
    trips: list[list[int]] = []
    group: Group[int, None] = Group(trips.append, 3)
    passages = [group.board(n) for n in range(7)]
    for passage in reversed(passages):
        passage.arrive()
    assert sorted(n for trip in trips for n in trip) == list(range(7))
    assert max(map(len, trips)) == 3
    assert trips[0][0] == 6, "whoever wants to arrive is on the trip"


def test_whoever_boards_during_a_trip_and_waits_later_goes_by_itself() -> None:
    disk = Disk()
    group: Group[int, str] = Group(disk.commit, 10)
    first = start(lambda: group.board(0).arrive())
    assert disk.under_way.acquire(timeout=PATIENCE_SECONDS)
    late = group.board(1)
    disk.may_return.release()
    first.join(PATIENCE_SECONDS)
    disk.may_return.release()
    assert late.arrive() == "trip 2"


def test_after_a_trip_that_raised_the_next_ones_go() -> None:
    def commit(items: list[int]) -> int:
        if items == [13]:
            raise RuntimeError("a fault of ours")
        return sum(items)

    group: Group[int, int] = Group(commit, 10)
    with pytest.raises(RuntimeError):
        group.board(13).arrive()
    assert group.board(1).arrive() == 1


def test_under_many_threads_every_item_travels_once() -> None:
    seen: list[int] = []

    def commit(items: list[int]) -> list[int]:
        seen.extend(items)
        return items

    group: Group[int, list[int]] = Group(commit, 7)
    missing: list[int] = []

    def send(first: int) -> None:
        for n in range(first, first + 500):
            if n not in group.board(n).arrive():
                missing.append(n)

    def send_in_lots(first: int) -> None:
        for n in range(first, first + 500, 5):
            lot = [(k, group.board(k)) for k in range(n, n + 5)]
            missing.extend(k for k, passage in lot if k not in passage.arrive())

    threads = [start(lambda k=k: (send, send_in_lots)[k % 2](k * 500)) for k in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not missing
    assert sorted(seen) == list(range(4000))
