"""Chunks go when the lake has all of their rows, and not before."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from analytics.events import Hit
from analytics.lake import tasks
from analytics.store import db, retention
from tests import builders

pytestmark = pytest.mark.database
DAY = dt.timedelta(days=1)
EVERYTHING = dict.fromkeys(range(64), 2**40)
LATER = builders.NOW + 30 * DAY


def count(table: str) -> int:
    with db.transaction() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (found,) = cursor.fetchone() or (0,)
        return int(found)


def copy_an_event(cursor: db.Cursor) -> None:
    """One more event like that which is there, of a batch that the lake does not have."""
    cursor.execute("CREATE TEMP TABLE late ON COMMIT DROP AS SELECT * FROM event LIMIT 1")
    cursor.execute("UPDATE late SET batch = 1::bigint << 41, hit_id = gen_random_uuid()")
    cursor.execute("INSERT INTO event SELECT * FROM late")


def test_rows_that_the_lake_has_go_and_others_stay(record: Callable[..., list[Hit]]) -> None:
    record([{"at": builders.NOW - 10 * DAY}])
    assert retention.drop_before("event", LATER, {}) == 0
    assert retention.drop_before("event", LATER, EVERYTHING) == 1
    assert count("event") == 0


def test_rows_of_a_writer_that_is_mid_way_are_kept(record: Callable[..., list[Hit]]) -> None:
    record([{"at": builders.NOW - 10 * DAY}])
    dropped: list[int] = []
    dropping = threading.Thread(target=lambda: dropped.append(retention.drop_before("event", LATER, EVERYTHING)))
    with db.transaction() as cursor:
        copy_an_event(cursor)
        dropping.start()
        time.sleep(0.5)
    dropping.join()
    assert dropped == [0]
    assert count("event") == 2


def test_a_writer_that_takes_long_puts_it_off(
    record: Callable[..., list[Hit]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(retention._SQL, "lock_timeout", "SET LOCAL lock_timeout = '100ms'")
    record([{"at": builders.NOW - 10 * DAY}])
    with db.transaction() as cursor:
        copy_an_event(cursor)
        assert retention.drop_before("event", LATER, EVERYTHING) == 0
    assert "busy" in caplog.text


def test_years_of_chunks_go_in_slices(record: Callable[..., list[Hit]], monkeypatch: pytest.MonkeyPatch) -> None:
    record([{"at": builders.NOW - n * DAY} for n in (1, 2, 300, 700, 701)])
    slices: list[int] = []
    real = retention._drop_slice

    def counted(*given: Any) -> int:
        slices.append(real(*given))
        return slices[-1]

    monkeypatch.setattr(retention, "_drop_slice", counted)
    assert retention.drop_before("event", LATER, EVERYTHING) == 5
    assert slices == [2, 1, 2, 0]


def test_trouble_with_events_does_not_keep_hits(monkeypatch: pytest.MonkeyPatch, stores: None) -> None:
    asked: list[str] = []

    def drop_before(table: str, *_: Any) -> int:
        asked.append(table)
        if table == "event":
            raise RuntimeError("no")
        return 0

    monkeypatch.setattr(retention, "drop_before", drop_before)
    with pytest.raises(RuntimeError):
        tasks.retain()
    assert asked == ["event", "hit"]
