"""The largest groups, found by their bounds, are those of the definitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from analytics.lake import export
from analytics.reports import leaders, run
from analytics.reports.query import Condition, Query
from tests.reports import oracle, world
from tests.reports.test_engines import NOW, same

pytestmark = pytest.mark.database

ALL_DAYS = Query(world.SITE, ("visitors",), world.FIRST, world.LAST, "Asia/Kathmandu", ("event:page",))
METRICS = (
    ("visitors", "pageviews"),
    ("visitors", "events", "percentage", "time_on_page"),
    ("visitors", "visits", "bounce_rate", "scroll_depth"),
)


def questions() -> Iterator[Query]:
    """Every page of the largest groups of three dimensions."""
    for name, metrics in itertools.product(("event:page", "event:name", "event:props:plan"), METRICS):
        for offset, limit in ((0, 1), (0, 3), (2, 2)):
            yield replace(
                ALL_DAYS, dimensions=(name,), metrics=metrics, offset=offset, limit=limit, total_rows=limit < 3
            )


@pytest.mark.parametrize(("spare", "most"), [(0, 2_000), (1, 2_000), (0, 4)])
def test_they_are_those_of_the_definitions(
    spare: int, most: int, stores: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the first look is too narrow, and where more groups than are looked at could be among them."""
    monkeypatch.setattr(leaders, "ENOUGH_ROWS", 0)
    monkeypatch.setattr(leaders, "SPARE", spare)
    monkeypatch.setattr(leaders, "MOST_GROUPS", most)
    settings.HOT_DAYS, settings.REPORT_HOT_SPAN_DAYS = 1000, 0
    events = [msgspec.structs.replace(event, batch=1) for event in world.events(3, visits=120)]
    world.store(events[::2])
    export.export("hits"), export.export("events")
    world.store([msgspec.structs.replace(event, batch=2) for event in events[1::2]])
    truth = oracle.Oracle(events)
    for query in questions():
        assert leaders.fits(query)
        rows, total = truth.rows(query)
        answer = run.answer(query, NOW)
        assert [row.dimensions for row in answer.rows] == [row.dimensions for row in rows], query
        assert answer.total_rows == (total if query.total_rows else None)
        for got, wanted in zip(answer.rows, rows, strict=True):
            assert all(map(same, got.metrics, wanted.metrics)), (query, got, wanted)


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": ("pageviews", "visitors")},
        {"order": (("visitors", "asc"),)},
        {"dimensions": ("event:page", "event:name")},
        {"dimensions": ("visit:source",)},
        {"dimensions": ("time:day",)},
        {"dimensions": ("event:goal",)},
        {"limit": leaders.MOST_WANTED + 1},
        {"only": (("/",),)},
        {"filter": Condition("is", "event:name", ("a",))},
    ],
)
def test_other_questions_are_answered_otherwise(changes: Any) -> None:
    assert leaders.fits(replace(ALL_DAYS, limit=10))
    assert not leaders.fits(replace(ALL_DAYS, **{"limit": 10, **changes}))
