"""A visitor without cookies has another id after midnight, and is one visitor in one visit, in every time zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.reports import run
from analytics.reports.query import Query
from analytics.sites import models

pytestmark = pytest.mark.database
MINUTE = dt.timedelta(minutes=1)
UTC_MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
AUCKLAND_MIDNIGHT = dt.datetime(2026, 11, 21, 11, tzinfo=dt.UTC)
"""Thirteen hours ahead in summer: 22 November begins there."""


@pytest.mark.parametrize("midnight", [UTC_MIDNIGHT, AUCKLAND_MIDNIGHT], ids=["of-utc", "of-auckland"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_visit_across_midnight_is_one_visit_on_the_day_that_it_began(
    record: Callable[..., Any], site: models.Site, zone: str, midnight: dt.datetime
) -> None:
    record([{"at": midnight - MINUTE, "url": "/before"}, {"at": midnight + MINUTE, "url": "/after"}])
    first = dt.datetime(2026, 11, 20, tzinfo=ZoneInfo(zone))
    asked = Query(site.pk, ("visits", "visitors", "pageviews"), first, first + 3 * dt.timedelta(days=1), zone)
    later = midnight + 10 * MINUTE
    (total,) = run.answer(asked, later).rows
    assert total.metrics == (1, 1, 2)
    by_day = Query(site.pk, ("visits",), asked.start, asked.end, zone, ("time:day",), fill=False)
    began = (midnight - MINUTE).astimezone(ZoneInfo(zone)).date()
    visits = {str(row.dimensions[0])[:10]: row.metrics[0] for row in run.answer(by_day, later).rows}
    assert {day: n for day, n in visits.items() if n} == {str(began): 1}


def test_after_the_visit_the_visitor_of_yesterday_is_another_one(record: Callable[..., Any], site: models.Site) -> None:
    record([{"at": UTC_MIDNIGHT - MINUTE}, {"at": UTC_MIDNIGHT + 31 * MINUTE}])
    asked = Query(site.pk, ("visits", "visitors"), UTC_MIDNIGHT - 2 * MINUTE, UTC_MIDNIGHT + 60 * MINUTE, "UTC")
    (total,) = run.answer(asked, UTC_MIDNIGHT + 60 * MINUTE).rows
    assert total.metrics == (2, 2)
