"""Answers out of stretches are those out of events, whatever is in which store."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given

from analytics.events import Event
from analytics.lake import derive, export, read, storage, stretches
from analytics.reports import brief, catalog, goals, run
from analytics.reports.query import Query
from tests.reports import oracle, world
from tests.reports.test_engines import NOW, RANDOM, answers, same

pytestmark = pytest.mark.database

DAY = dt.timedelta(days=1)
FRESH = world.LAST - DAY
"""Later events are in TimescaleDB only."""


def at_once(event: Event, luck: random.Random, ruleset: int | None) -> Event:
    """In the lake with the others of its time, but for the few that came late."""
    late = luck.random() < 0.02 or event.ts >= FRESH
    return msgspec.structs.replace(
        event, batch=3 if late else 1, ruleset=event.ruleset if late or ruleset is None else ruleset
    )


def narrowed(query: Query) -> Query:
    """The same question without what stretches do not know."""
    plain = dataclasses.replace(query, only=(), with_bots=False, filter=None, order=(), dimensions=())

    def known(**changes: Any) -> bool:
        return brief.fits(dataclasses.replace(plain, **({"metrics": ("visitors",)} | changes)))

    metrics = tuple(name for name in query.metrics if known(metrics=(name,))) or ("visitors", "visits")
    dimensions = tuple(name for name in query.dimensions if known(dimensions=(name,)))
    kept = [name for name in dimensions if name not in catalog.BUCKETS]
    fits = all(len(values) == len(kept) for values in query.only) and kept
    return dataclasses.replace(
        plain,
        only=query.only if fits else (),
        metrics=metrics,
        dimensions=dimensions,
        filter=query.filter if query.filter and known(filter=query.filter) else None,
        order=tuple(pair for pair in query.order if pair[0] in (*metrics, *dimensions)),
    )


@pytest.mark.parametrize(("seed", "ruleset"), [(0, None), (1, 1)])
def test_stretches_the_events_and_the_definitions_agree_on_random_questions(
    seed: int, ruleset: int | None, stores: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOT_DAYS = 1000
    luck = random.Random(seed)
    if seed:
        monkeypatch.setattr(derive, "ROWS_AT_ONCE", 20)
    events = [at_once(event, luck, ruleset) for event in world.events(seed, visits=150)]
    world.store([event for event in events if event.batch == 1])
    export.export("hits"), export.export("events")
    assert derive.derive(FRESH + DAY) >= world.DAYS - 1
    world.store([event for event in events if event.batch > 1])
    span = world.FIRST - DAY, world.LAST + DAY
    found = read.brief(world.SITE, *span, frozenset())
    assert len(found.stretches) >= world.DAYS - 1
    assert not found.files
    truth = oracle.Oracle(events)

    @given(world.queries().map(narrowed))
    @RANDOM
    def agree(query: Query) -> None:
        assert brief.fits(query) or goals.needs_duckdb(query)
        rows, total = truth.rows(query)
        hot, both = answers(query, settings)
        assert both.rows == hot.rows
        assert both.rulesets == hot.rulesets
        assert both.total_rows == hot.total_rows == (total if query.total_rows else None)
        assert [row.dimensions for row in both.rows] == [row.dimensions for row in rows]
        for got, wanted in zip(both.rows, rows, strict=True):
            assert all(map(same, got.metrics, wanted.metrics)), (got, wanted)

    agree()


def test_most_of_a_day_is_read_as_whole_visits(stores: None, settings: Any) -> None:
    settings.REPORT_HOT_SPAN_DAYS = 0
    events = [msgspec.structs.replace(event, batch=1) for event in world.events(5, visits=300)]
    world.store(events)
    export.export("hits"), export.export("events")
    query = Query(world.SITE, ("visits", "pageviews"), world.FIRST, world.LAST, "UTC")
    before = run.answer(query, NOW)
    assert derive.derive(NOW) > 0
    after = run.answer(query, NOW)
    assert after.rows == before.rows
    assert after.rows_read < before.rows_read
    assert derive.derive(NOW) == 0, "what is there is not made again"


def test_stretches_of_files_that_were_replaced_are_not_read_and_go_after_a_day(stores: None, settings: Any) -> None:
    settings.REPORT_HOT_SPAN_DAYS = 0
    first, *rest = [msgspec.structs.replace(event, batch=1) for event in world.events(6) if event.site_id == world.SITE]
    world.store(rest)
    export.export("hits"), export.export("events")
    derive.derive(NOW)
    span = world.FIRST - 2 * DAY, world.LAST + 2 * DAY
    whole = read.brief(world.SITE, *span, frozenset())
    world.store([msgspec.structs.replace(first, batch=2)])
    export.export("hits"), export.export("events")
    partly = read.brief(world.SITE, *span, frozenset())
    assert len(partly.stretches) == len(whole.stretches) - 1
    assert len(partly.files) == 2
    query = Query(world.SITE, ("visitors", "visits", "events"), world.FIRST - DAY, world.LAST + 2 * DAY, "UTC")
    expected, _ = oracle.Oracle([first, *rest]).rows(query)
    assert run.answer(query, NOW).rows[0].metrics == expected[0].metrics
    later = dt.datetime.now(dt.UTC) + 2 * DAY
    assert derive.collect() == 0
    assert derive.collect(later) == 1
    assert derive.derive(NOW) == 1
    assert run.answer(query, NOW).rows[0].metrics == expected[0].metrics


def test_stretches_may_be_deleted_at_any_time(stores: None, settings: Any) -> None:
    settings.REPORT_HOT_SPAN_DAYS = 0
    world.store([msgspec.structs.replace(event, batch=1) for event in world.events(7)])
    export.export("hits"), export.export("events")
    derive.derive(NOW)
    query = Query(world.SITE, ("visitors", "visits"), world.FIRST, world.LAST, "UTC")
    before = run.answer(query, NOW)
    for derived in stretches.in_folder().values():
        storage.storage().delete(derived.name)
    after = run.answer(query, NOW)
    assert (after.rows, after.warning, after.engine) == (before.rows, "", "duckdb")
    assert after.rows_read > before.rows_read
