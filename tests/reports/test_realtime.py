"""Who is here now: the same filters as everywhere, and nothing older than seconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from analytics.events import Hit
from analytics.reports import realtime
from analytics.reports.query import Condition, Query
from analytics.sites.models import Site

pytestmark = pytest.mark.database

NOW = dt.datetime(2026, 11, 20, 12, 0, 7, tzinfo=dt.UTC)
ESTONIA = Condition("is", "event:page", ("/ee",))
BY_MINUTE = Query(
    site_id=1, metrics=("visitors", "pageviews"), start=NOW, end=NOW, zone="Asia/Kathmandu", dimensions=("time:minute",)
)


@pytest.fixture
def here(record: Callable[..., list[Hit]], site: Site) -> Callable[..., None]:
    """Pageviews (address, path, seconds ago)."""

    def seen(*pages: tuple[str, str, int], at: dt.datetime = NOW) -> None:
        items: Iterable[Mapping[str, Any]] = [
            {"url": f"https://example.com{path}", "ip": ip, "at": at - dt.timedelta(seconds=ago)}
            for ip, path, ago in pages
        ]
        record(items, now=at)

    return seen


def test_current_visitors_had_an_event_in_the_last_five_minutes(here: Callable[..., None], site: Site) -> None:
    here(("81.2.69.1", "/", 1), ("81.2.69.1", "/ee", 20), ("81.2.70.1", "/ee", 290), ("81.2.71.1", "/", 310))
    assert realtime.current(site.pk, None, NOW) == 2
    assert realtime.current(site.pk, ESTONIA, NOW) == 2
    assert realtime.current(site.pk, Condition("matches", "event:page", ("^/$",)), NOW) == 1
    assert realtime.current(site.pk + 1, None, NOW) == 0


def test_who_comes_is_seen_two_seconds_later(here: Callable[..., None], site: Site) -> None:
    assert realtime.current(site.pk, None, NOW) == 0
    later = NOW + realtime.FRESH
    here(("81.2.69.1", "/", 1), at=later)
    assert realtime.current(site.pk, None, later) == 1


def test_the_last_half_hour_has_thirty_minutes_and_the_running_one_is_the_last(
    here: Callable[..., None], site: Site
) -> None:
    here(("81.2.69.1", "/", 1), ("81.2.69.1", "/ee", 65), ("81.2.70.1", "/", 66), ("81.2.71.1", "/", 29 * 60))
    here(("81.2.72.1", "/", 31 * 60))
    rows = realtime.minutes(replace(BY_MINUTE, site_id=site.pk), NOW).rows
    assert [(row.dimensions[0][11:16], *row.metrics) for row in rows if any(row.metrics)] == [
        ("17:16", 1, 1),
        ("17:44", 2, 2),
        ("17:45", 1, 1),
    ]
    assert len(rows) == 30
