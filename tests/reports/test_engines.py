"""TimescaleDB, DuckDB over the lake and hot rows, and the definitions themselves give the same answers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import os
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analytics.lake import export
from analytics.reports import catalog, goals, run
from analytics.reports.query import Answer, Query
from tests.reports import oracle, world

pytestmark = pytest.mark.database

NOW = world.LAST + dt.timedelta(days=2)
HALF = 2
"""Batches up to this one are in the lake, the others in TimescaleDB only."""
WORLDS = 2
QUESTIONS = int(os.environ.get("RANDOM_QUESTIONS", "80"))
"""Of each world; set the variable for a long run."""
RANDOM = settings(
    max_examples=QUESTIONS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


def answers(query: Query, settings: Any) -> tuple[Answer, Answer]:
    """Of TimescaleDB alone, and of the lake with what is beyond its watermark."""
    settings.REPORT_HOT_SPAN_DAYS = 1000
    hot = run.answer(query, NOW)
    settings.REPORT_HOT_SPAN_DAYS = 0
    both = run.answer(query, NOW)
    assert both.engine == "duckdb"
    assert hot.engine == ("duckdb" if goals.needs_duckdb(query) else "timescaledb")
    return hot, both


def same(got: float | None, wanted: float | None) -> bool:
    return got == wanted if got is None or wanted is None else math.isclose(got, wanted, rel_tol=1e-12)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_both_engines_and_the_definitions_agree_on_random_questions(seed: int, stores: None, settings: Any) -> None:
    settings.HOT_DAYS = 1000
    events = world.events(seed)
    early = [event for event in events if event.batch <= HALF]
    world.store(early)
    export.export("hits")
    assert export.export("events").rows == len(early)
    world.store([event for event in events if event.batch > HALF])
    world.store_rates()
    truth = oracle.Oracle(events, world.RATES)

    @given(world.queries())
    @RANDOM
    def agree(query: Query) -> None:
        rows, total = truth.rows(query)
        hot, both = answers(query, settings)
        assert [row.dimensions for row in hot.rows] == [row.dimensions for row in both.rows]
        assert hot.total_rows == both.total_rows == (total if query.total_rows else None)
        assert [row.dimensions for row in hot.rows] == [row.dimensions for row in rows]
        for got, other, wanted in zip(hot.rows, both.rows, rows, strict=True):
            assert all(map(same, got.metrics, wanted.metrics)), (got, wanted)
            assert got.metrics == other.metrics
        assert (hot.currency, hot.warning) == (both.currency, both.warning)
        assert hot.rulesets == both.rulesets

    agree()


OF_EVENTS = ("events", "pageviews", "orders", "total_revenue", "engagement_seconds", "conversions")
OF_VISITS = ("visits", "bounces", "engaged_visits", "exits", "entries")


@st.composite
def partitions(draw: st.DrawFn) -> Query:
    """A question whose rows part the whole: each event, and where visits are counted each visit, is in one of them."""
    query = draw(world.queries().filter(lambda query: query.filter is None or len(str(query.filter)) < 1000))
    of_visits = draw(st.booleans())
    scopes = ("visit", "time") if of_visits else ("event", "visit", "time")
    names = [name for name, one in catalog.DIMENSIONS.items() if one.scope in scopes and name != "event:goal"]
    return dataclasses.replace(
        query,
        metrics=OF_VISITS if of_visits else OF_EVENTS,
        dimensions=(draw(st.sampled_from(names)),),
        order=(), limit=10_000, offset=0, only=(), total_rows=False,
    )  # fmt: skip


def test_parts_add_up_to_the_whole(stores: None, settings: Any) -> None:
    settings.HOT_DAYS = 1000
    events = world.events(WORLDS)
    world.store(events)
    world.store_rates()

    @given(partitions().filter(lambda query: query.dimensions[0] != "time:minute" and world.fits(query)))
    @RANDOM
    def agree(query: Query) -> None:
        parts, whole = (answers(one, settings) for one in (query, dataclasses.replace(query, dimensions=())))
        for some, all_of_it in zip(parts, whole, strict=True):
            sums = [math.fsum(row.metrics[index] or 0 for row in some.rows) for index in range(len(query.metrics))]
            assert sums == pytest.approx(all_of_it.rows[0].metrics, rel=1e-9)

    agree()


CHANGES = {
    "Australia/Lord_Howe": dt.datetime(2026, 10, 3, 15, 30, tzinfo=dt.UTC),  # by half an hour
    "America/Sao_Paulo": dt.datetime(2017, 10, 15, 3, tzinfo=dt.UTC),  # skips midnight
    "Asia/Beirut": dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC),  # skips midnight
    "Africa/Cairo": dt.datetime(2025, 10, 30, 21, tzinfo=dt.UTC),  # has the hour before midnight twice
    "Pacific/Apia": dt.datetime(2011, 12, 30, 10, tzinfo=dt.UTC),  # skips a day
    "Asia/Kathmandu": dt.datetime(2026, 10, 24, 18, 15, tzinfo=dt.UTC),  # never changes; midnight at a quarter past
}
"""When a zone changes its clock."""
ZONES = hypothesis.settings(RANDOM, max_examples=QUESTIONS // 4)


@pytest.mark.parametrize("zone", CHANGES)
def test_hours_days_and_weeks_are_those_of_the_zone(zone: str, stores: None, settings: Any) -> None:
    settings.HOT_DAYS = 10_000
    by = CHANGES[zone] - dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC)
    events = [
        msgspec.structs.replace(event, ts=event.ts + by, visit_started_at=event.visit_started_at + by)
        for event in world.events(WORLDS + 1)
    ]
    world.store(events)
    truth = oracle.Oracle(events)

    def moved(query: Query, dimension: str) -> Query:
        return dataclasses.replace(
            query,
            start=query.start.astimezone(dt.UTC) + by,
            end=query.end.astimezone(dt.UTC) + by,
            zone=zone,
            metrics=("pageviews", "visitors", "visits", "bounce_rate"),
            dimensions=(dimension,),
            order=(),
            only=(),
        )

    times = st.sampled_from([name for name, one in catalog.DIMENSIONS.items() if one.scope == "time"])

    @given(st.builds(moved, world.queries(), times))
    @ZONES
    def agree(query: Query) -> None:
        rows, _ = truth.rows(query)
        for answer in answers(query, settings):
            assert [row.dimensions for row in answer.rows] == [row.dimensions for row in rows]
            for got, wanted in zip(answer.rows, rows, strict=True):
                assert all(map(same, got.metrics, wanted.metrics)), (got, wanted)

    agree()
