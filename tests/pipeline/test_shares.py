"""Any number of writers share the parts, and share them anew when one comes or goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from analytics import buffer
from analytics.pipeline.writer import Writer
from analytics.sites import models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.database


def settle(*writers: Writer) -> list[int]:
    """Let all of them look around until nothing changes; how many parts each has."""
    for _ in range(4):
        for one in writers:
            one.claim()
    return [len(one.parts) for one in writers]


def ended(*writers: Writer) -> None:
    for one in writers:
        one.let_go()


def all_parts(*writers: Writer) -> list[int]:
    return sorted(part for one in writers for part in one.parts)


def test_a_writer_that_joins_is_given_half_of_the_parts(stores: None) -> None:
    first, second = Writer(), Writer()
    assert settle(first) == [4]
    assert settle(first, second) == [2, 2]
    assert all_parts(first, second) == [0, 1, 2, 3]
    ended(first, second)


def test_the_parts_of_a_writer_that_is_gone_are_shared_by_the_others(stores: None) -> None:
    first, second, third = Writer(), Writer(), Writer()
    settle(first, second, third)
    first.let_go()
    processes.wait_until(lambda: settle(second, third) == [2, 2], "the parts are shared anew")
    assert all_parts(second, third) == [0, 1, 2, 3]
    second.let_go()
    processes.wait_until(lambda: settle(third) == [4], "the last one has all")
    ended(third)


def test_more_writers_than_parts_leave_some_without_one(stores: None, settings: Any) -> None:
    settings.BUFFER_PARTS = 2
    writers = [Writer() for _ in range(3)]
    assert sorted(settle(*writers)) == [0, 1, 1]
    assert all_parts(*writers) == [0, 1]
    ended(*writers)


@contextmanager
def running(count: int) -> Iterator[list[Writer]]:
    writers = [Writer() for _ in range(count)]
    threads = [threading.Thread(target=one.run) for one in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        for one in writers:
            one.stop()
        for thread in threads:
            thread.join()


def test_nothing_is_lost_or_doubled_while_writers_come_and_go(site: models.Site) -> None:
    def send(some: range) -> None:
        for visitor in some:
            buffer.push({visitor % 4: [builders.hit(site_id=site.pk, visitor_id=visitor)]}, builders.NOW)

    def written() -> int:
        with db.transaction() as cursor:
            cursor.execute("SELECT count(*) FROM event")
            ((n,),) = cursor.fetchall()
            return int(n)

    with running(1) as (first,):
        send(range(40))
        with running(1) as (second,):
            processes.wait_until(lambda: len(second.parts) == 2, "the second writer has its share")
            send(range(40, 80))
            first.stop()
            processes.wait_until(lambda: len(second.parts) == 4, "the second writer has all")
            send(range(80, 120))
            processes.wait_until(lambda: written() == 120, "everything is written")
    with db.transaction() as cursor:
        cursor.execute("SELECT count(DISTINCT hit_id) FROM event")
        assert cursor.fetchall() == [(120,)]
