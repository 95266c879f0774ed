"""The composed text: one for both engines, and free of whatever a user wrote."""

from __future__ import annotations

import datetime as dt
import re

from hypothesis import given, settings

from analytics.reports import catalog, fragments, plan, sql
from analytics.reports.query import Condition, Query
from tests.reports import world

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOSTILE = "x'; DROP TABLE event; --"


def query(days: float, **changes: object) -> Query:
    given = {"site_id": 1, "metrics": ("visitors",), "start": NOW - days * DAY, "end": NOW + DAY, "zone": "UTC"}
    return Query(**(given | changes))  # type: ignore[arg-type]


def test_no_text_of_a_user_gets_into_the_statement() -> None:
    dimension = f"{catalog.PROPS}{HOSTILE}"
    hostile = query(1, dimensions=(dimension,), filter=Condition("contains", dimension, (HOSTILE,), False))
    for dialect in (fragments.TIMESCALEDB, fragments.DUCKDB):
        statement = sql.compose(hostile, dialect)
        assert "DROP" not in statement.text
        assert HOSTILE in statement.parameters


@given(world.queries())
@settings(max_examples=200, deadline=None)
def test_both_engines_run_one_text_that_differs_only_in_how_columns_are_read(query: Query) -> None:
    mine, other = (sql.compose(query, dialect) for dialect in (fragments.TIMESCALEDB, fragments.DUCKDB))

    def bare(text: str) -> str:
        text = re.sub(r"\w+ AT TIME ZONE 'UTC'|make_timestamp\(epoch_us\(\w+\)\)", "INSTANT", text)
        text = re.sub(r"props ->> CAST\(\$\d+ AS text\)|json_extract_string\(props, \$\d+\)", "PROPERTY", text)
        for dialect in (fragments.TIMESCALEDB, fragments.DUCKDB):
            for kept in ("", f" FILTER (WHERE {catalog.PAGEVIEW})"):
                text = text.replace(dialect.last.format(filter=kept), "LAST" + kept)
        return re.sub(r"\$\d+|prop_\d+", "$", text)  # a key and a value that are equal share a number

    if "lower(" not in mine.text:  # each names its own way to lower case
        assert bare(mine.text) == bare(other.text)
    assert mine.columns == other.columns
    used = {int(number) for number in re.findall(r"\$(\d+)", mine.text)}
    assert used == set(range(1, len(mine.parameters) + 1))


def test_only_the_columns_that_are_needed_are_read() -> None:
    statement = sql.compose(query(1), fragments.DUCKDB)
    assert statement.columns == {"site_id", "ts", "category", "visitor_id"}


def test_a_range_that_is_recent_and_short_goes_to_timescaledb() -> None:
    limits = plan.Limits(hot_days=30, span_days=2)

    def engine(days: float, **changes: object) -> str:
        return plan.choose(query(days, **changes), NOW, limits).engine

    assert [engine(1), engine(2), engine(2.1), engine(40)] == ["timescaledb"] * 2 + ["duckdb"] * 2
    assert engine(29.9, end=NOW - 29 * DAY) == "timescaledb"
    assert engine(30.1, end=NOW - 29 * DAY) == "duckdb"
    visits_begin_before = {"metrics": ("visits",), "end": NOW - 29 * DAY}
    assert engine(29.9, **visits_begin_before) == "duckdb"


def test_without_the_lake_a_range_is_cut_to_what_is_known_whole() -> None:
    limits = plan.Limits(hot_days=30)
    whole, cut = plan.without_lake(query(10), NOW, limits), plan.without_lake(query(90), NOW, limits)
    assert whole is not None
    assert cut is not None
    assert (whole.warning, whole.query) == ("", query(10))
    assert (cut.query.start, "since 2026-10-24 12:00 UTC" in cut.warning) == (NOW - 30 * DAY, True)
    visits = plan.without_lake(query(90, metrics=("visits",)), NOW, limits)
    assert visits is not None
    assert visits.query.start == NOW - 30 * DAY + fragments.LONGEST_IDLE
    assert plan.without_lake(query(90, end=NOW - 60 * DAY), NOW, limits) is None
