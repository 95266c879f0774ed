"""What is asked of which store, what a store may do, and what is said when one is away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from psycopg import errors

from analytics.lake import duck, export, read
from analytics.reports import cold, fragments, hot, plan, run, sql
from analytics.reports.query import Query
from analytics.store import db
from tests import builders
from tests.reports import world

pytestmark = pytest.mark.database

NOW = builders.NOW + dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
NOTHING = cold.Stored((), pa.table({"ts": pa.array([], pa.timestamp("us", "UTC")), "site_id": [], "ruleset": []}))


def query(**changes: Any) -> Query:
    given: dict[str, Any] = {
        "site_id": 1, "metrics": ("visitors", "pageviews"), "start": builders.NOW - 10 * DAY,
        "end": builders.NOW + DAY, "zone": "UTC",
    }  # fmt: skip
    return Query(**(given | changes))


def page(path: str, **more: Any) -> dict[str, Any]:
    return {"url": f"https://example.com{path}", **more}


def numbers(given: Query) -> list[tuple[Any, ...]]:
    return [(*row.dimensions, *row.metrics) for row in run.answer(given, NOW).rows]


def test_the_newest_second_is_counted_before_and_after_its_export(record: Callable[..., Any]) -> None:
    paged = query(dimensions=("event:page",))
    record([page("/a"), page("/b")])
    assert numbers(paged) == [("/a", 1, 1), ("/b", 1, 1)]
    export.export("hits"), export.export("events")
    assert numbers(paged) == [("/a", 1, 1), ("/b", 1, 1)]
    record([page("/b", at=builders.NOW + dt.timedelta(minutes=1))])
    assert numbers(paged) == [("/a", 1, 1), ("/b", 1, 2)]
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM event")
        assert cursor.fetchone() == (3,)


def test_an_export_between_the_two_readings_changes_nothing(
    record: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    record([page("/a"), page("/b")])
    taken = read.brief

    def then_exported(*given: Any) -> read.Slice:
        before = taken(*given)
        export.export("hits"), export.export("events")
        return before

    monkeypatch.setattr(read, "brief", then_exported)
    assert numbers(query()) == [(1, 2)]


def test_rows_that_the_hot_tier_has_dropped_are_counted_from_the_lake(record: Callable[..., Any]) -> None:
    record([page("/a"), page("/b")])
    export.export("hits"), export.export("events")
    with db.transaction() as cursor:
        cursor.execute("TRUNCATE event")
    assert numbers(query()) == [(1, 2)]


def test_a_short_recent_range_is_asked_of_timescaledb_and_a_long_one_of_duckdb(stores: None) -> None:
    assert run.answer(query(start=NOW - DAY), NOW).engine == "timescaledb"
    assert run.answer(query(start=NOW - 20 * DAY), NOW).engine == "duckdb"
    assert run.answer(query(start=NOW - 100 * DAY, end=NOW - 99 * DAY), NOW).engine == "duckdb"


def test_an_answer_tells_how_many_rows_and_files_were_read(record: Callable[..., Any]) -> None:
    record([page("/a"), page("/b")])
    export.export("hits"), export.export("events")
    record([page("/b", at=builders.NOW + dt.timedelta(minutes=1)), page("/c", at=builders.NOW - 5 * DAY)])
    both = run.answer(query(), NOW)
    assert (both.rows_read, both.files_read) == (4, 1)
    recent = run.answer(query(start=NOW - DAY), NOW)
    assert (recent.engine, recent.rows_read, recent.files_read) == ("timescaledb", 3, 0)
    early = run.answer(query(start=NOW - 100 * DAY, end=NOW - 99 * DAY), NOW)
    assert (early.rows_read, early.files_read) == (0, 0)


def away(*_: Any) -> read.Slice:
    raise read.LakeAway("no such host")


def test_without_the_lake_the_hot_window_is_answered_and_the_answer_says_so(
    record: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    record([page("/a")])
    monkeypatch.setattr(read, "slice", away)
    monkeypatch.setattr(read, "brief", away)
    recent = run.answer(query(), NOW)
    assert (recent.rows[0].metrics, recent.engine, recent.warning) == ((1, 1), "timescaledb", "")
    series = run.answer(query(start=NOW - 90 * DAY, dimensions=("time:day",)), NOW)
    assert "counted since 2026-10-21" in series.warning
    assert series.rows[0].dimensions == ("2026-10-21",), "days nobody can know are not shown as empty"
    with pytest.raises(run.Unavailable):
        run.answer(query(start=NOW - 90 * DAY, end=NOW - 60 * DAY), NOW)


def test_a_file_that_has_gone_is_as_a_lake_that_is_away(
    record: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    record([page("/a")])
    gone = read.Slice((f"{settings.LAKE_CACHE_DIR}/gone.parquet",), {}, 1)
    monkeypatch.setattr(read, "slice", lambda *_: gone)
    monkeypatch.setattr(read, "brief", lambda *_: gone)
    assert run.answer(query(), NOW).engine == "timescaledb"
    assert run.answer(query(dimensions=("event:page",)), NOW).engine == "timescaledb"


def test_a_query_that_takes_too_long_is_stopped_in_either_engine(stores: None, settings: Any) -> None:
    slow = sql.Statement("SELECT count(*) FROM range(100000000000)", (), frozenset({"ts", "site_id"}))
    with pytest.raises(duckdb.InterruptException):
        cold.answer(query(), slow, NOTHING, plan.Limits(engine=duck.Limits(timeout_seconds=1)))
    slow = sql.Statement("SELECT pg_sleep(10)", (), frozenset())
    with pytest.raises(errors.QueryCanceled):
        hot.answer(query(), slow, plan.Limits(engine=duck.Limits(timeout_seconds=1)))


def test_memory_is_bounded(stores: None) -> None:
    greedy = sql.Statement("SELECT count(DISTINCT i) FROM range(50000000) t(i)", (), frozenset({"ts", "site_id"}))
    with pytest.raises(duckdb.OutOfMemoryException):
        cold.answer(query(), greedy, NOTHING, plan.Limits(engine=duck.Limits(memory="40MB")))


def test_duckdb_reaches_nothing_but_the_lake(stores: None) -> None:
    for text in (
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/out.db'",
        "INSTALL httpfs",
        "LOAD '/tmp/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_directories = ['/']",
        "SELECT * FROM settings",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_json('/proc/self/environ')",
        "SELECT * FROM read_parquet('s3://elsewhere/x.parquet')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/out.parquet' (FORMAT parquet)",
        "EXPORT DATABASE '/tmp/out'",
        "IMPORT DATABASE '/tmp/out'",
        "SET temp_directory = '/tmp'",
        "SET threads = 64",
        "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
    ):
        statement = sql.Statement(text, (), frozenset({"ts", "site_id"}))
        with pytest.raises(duckdb.Error):
            cold.answer(query(), statement, NOTHING, plan.Limits())


def test_timescaledb_is_only_read(stores: None) -> None:
    with pytest.raises(errors.ReadOnlySqlTransaction):
        hot.answer(query(), sql.Statement("TRUNCATE event", (), frozenset()), plan.Limits())


def _chunks(given: Query, text: str, parameters: Any) -> set[str]:
    with db.transaction() as cursor:
        cursor.execute("EXPLAIN " + text, parameters, prepare=False)
        plan_text = "\n".join(line for (line,) in cursor.fetchall())
    return {word for word in plan_text.replace(" ", "\n").split("\n") if word.endswith("_chunk")}


def test_timescaledb_looks_only_into_the_chunks_of_the_range(stores: None) -> None:
    events = world.events(1, visits=400)
    world.store(events)
    start = world.FIRST + 2 * DAY
    everything = ("visitors", "visits", "bounce_rate", "visit_duration")
    for dimensions, most in (((), 3), (("event:page",), 3), (("visit:exit_page",), 5)):
        given = query(start=start, end=start + dt.timedelta(hours=1), metrics=everything, dimensions=dimensions)
        statement = sql.compose(given, fragments.TIMESCALEDB)
        assert 1 <= len(_chunks(given, statement.text, statement.parameters)) <= most
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM show_chunks('event')")
        assert (cursor.fetchone() or (0,))[0] > 5
