"""TimescaleDB, DuckDB over the lake and hot rows, and the definitions themselves give the same answers."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from analytics.lake import export
from analytics.reports import catalog, run
from analytics.reports.query import Answer, Query
from tests.reports import oracle, world

pytestmark = pytest.mark.database

NOW = world.LAST + dt.timedelta(days=2)
HALF = 2
"""Batches up to this one are in the lake, the others in TimescaleDB only."""
WORLDS = 2
QUESTIONS = 80
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
    assert hot.engine == ("duckdb" if catalog.needs_duckdb(query.filter) else "timescaledb")
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
    truth = oracle.Oracle(events)

    @given(world.queries())
    @RANDOM
    def agree(query: Query) -> None:
        rows, total = truth.rows(query)
        hot, both = answers(query, settings)
        assert hot.rows == both.rows
        assert hot.total_rows == both.total_rows == (total if query.total_rows else None)
        assert [row.dimensions for row in hot.rows] == [row.dimensions for row in rows]
        for got, wanted in zip(hot.rows, rows, strict=True):
            assert all(map(same, got.metrics, wanted.metrics)), (got, wanted)
        assert hot.rulesets == both.rulesets

    agree()
