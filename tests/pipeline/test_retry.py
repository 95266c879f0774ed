"""Faults of the stores, and our own: the batch is taken again, later each time, and never lost."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from analytics import buffer
from analytics.pipeline import books, retry, session, steps
from analytics.pipeline.writer import Writer
from analytics.sites import lookup, models
from analytics.store import db
from tests import builders, processes


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def execute(statement: str) -> None:
    with db.transaction() as cursor:
        cursor.execute(statement)


def events() -> int:
    ((n,),) = rows("SELECT count(*) FROM event")
    return int(n)


@contextlib.contextmanager
def running() -> Iterator[Writer]:
    one = Writer()
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stop()
        thread.join()


def failures(one: Writer) -> int:
    """How often part 0 has failed in a row."""
    trouble = one._troubles.get(0)
    return trouble.failures if trouble else 0


class Refused(Exception):
    """An error as PostgreSQL gives it, with its code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def test_waits_grow_and_are_bounded() -> None:
    full = [retry.seconds(Refused("53100"), failures) for failures in range(1, 50)]
    assert 0.2 <= full[0] <= 0.3
    assert all(2.1 <= seconds <= 3.0 for seconds in full[5:])
    assert retry.seconds(Refused("40P01"), 1) <= 0.1


@pytest.mark.database
def test_a_table_that_somebody_locks_is_waited_for(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session.SETTINGS, "lock_timeout", "100ms")
    with running() as one:
        processes.wait_until(lambda: len(one.parts) == 4, "the writer has its parts")
        with db.transaction() as cursor:
            cursor.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
            processes.wait_until(lambda: failures(one) > 1, "it fails")
        processes.wait_until(lambda: events() == 1, "the hit is written")
    assert books.balance().holds


@pytest.mark.database
def test_a_deadlock_is_tried_again(site: models.Site, caplog: pytest.LogCaptureFixture) -> None:
    """The other session holds what the writer wants, and then wants what the writer holds."""
    other = db.connect()
    other.execute("SET deadlock_timeout = '1min'")
    other.commit()
    ids = sorted(builders.hit().hit_id for _ in range(2))
    remember = "INSERT INTO seen_event (period, site_id, event_id) SELECT max(period), $1, $2 FROM seen_period"
    waiting = f"SELECT count(*) FROM pg_stat_activity WHERE {other.info.backend_pid} = ANY (pg_blocking_pids(pid))"
    with contextlib.closing(other), running() as one:
        processes.wait_until(lambda: len(one.parts) == 4, "the writer has its parts")
        other.execute(remember, [site.pk, ids[1]])
        hits = [builders.hit(site_id=site.pk, visitor_id=n, event_id=ids[n]) for n in range(2)]
        buffer.push({0: hits}, builders.NOW)
        processes.wait_until(lambda: rows(waiting) == [(1,)], "the writer waits for the other session")
        other.execute(remember, [site.pk, ids[0]])
        other.rollback()
        processes.wait_until(lambda: events() == 2, "both hits are written")
    assert "40P01" in caplog.text


@pytest.mark.database
def test_a_quarantine_that_cannot_be_written_stops_the_part_and_commits_nothing(site: models.Site) -> None:
    execute("ALTER TABLE quarantine RENAME TO quarantine_away")
    try:
        with running() as one:
            bad = builders.hit(site_id=site.pk, payload="{")
            buffer.push({0: [bad, builders.hit(site_id=site.pk, visitor_id=1)]}, builders.NOW)
            buffer.push({1: [builders.hit(site_id=site.pk, visitor_id=2)]}, builders.NOW)
            processes.wait_until(lambda: events() == 1, "the other part is written")
            processes.wait_until(lambda: failures(one) > 1, "it fails")
            assert rows("SELECT visitor_id FROM event") == [(2,)]
            assert rows("SELECT batch FROM part_offset WHERE part = 0 AND batch > 0") == []
            execute("ALTER TABLE quarantine_away RENAME TO quarantine")
            processes.wait_until(lambda: events() == 2, "the part is written")
    finally:
        with contextlib.suppress(*db.FAULTS):
            execute("ALTER TABLE quarantine_away RENAME TO quarantine")
    assert rows("SELECT hit_id FROM quarantine") == [(bad.hit_id,)]
    assert books.balance().holds


@pytest.mark.database
def test_an_error_of_ours_is_said_with_its_place_and_tried_again_ever_more_seldom(
    site: models.Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    def broken(cursor: Any, batch: Any, *given: Any) -> Any:
        if batch.part == 0 and len(tries) < 3:
            tries.append(time.monotonic())
            raise ZeroDivisionError("a bug of ours")
        return real(cursor, batch, *given)

    real = steps.run
    monkeypatch.setattr(steps, "run", broken)
    with running():
        for part in range(4):
            buffer.push({part: [builders.hit(site_id=site.pk, visitor_id=part)]}, builders.NOW)
        processes.wait_until(lambda: events() == 4, "all parts are written")
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses[0] >= 0.2
    assert pauses[1] >= 0.4
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 3
    assert told[0].exc_info
    assert told[0].exc_info[0] is ZeroDivisionError


@pytest.mark.database
def test_a_database_that_is_read_only_is_connected_to_again(site: models.Site) -> None:
    database = db.parameters()["dbname"]
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with running() as one:
        processes.wait_until(lambda: len(one.parts) == 4, "the writer has its parts")
        with contextlib.closing(db.connect(autocommit=True)) as operator:
            operator.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on'.encode())
            operator.execute(end.encode())
            buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
            try:
                processes.wait_until(lambda: one._failures > 1, "the writer fails")
            finally:
                operator.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only'.encode())
        connection.close()
        lookup.forget()
        processes.wait_until(lambda: events() == 1, "the hit is written")
    db.close_pools()
    connection.close()
