"""Who is here now, and the last half hour minute by minute: two seconds old at most, however many look."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from analytics.reports import cache
from analytics.reports.query import Answer, Filter, Query

HERE = dt.timedelta(minutes=5)
"""Whoever did something in that time is a current visitor."""
MINUTES = 30
FRESH = dt.timedelta(seconds=2)
_NO_VERSION = 0
"""Answers are gone before a change of history could matter."""


def current(site_id: int, filter: Filter | None, now: dt.datetime, with_bots: bool = False) -> int:
    """Distinct visitors with an event in the last five minutes. Raises what `cache.answer` raises."""
    now = _stepped(now)
    query = Query(
        site_id=site_id,
        metrics=("visitors",),
        start=now - HERE,
        end=now + FRESH,
        zone="UTC",
        filter=filter,
        with_bots=with_bots,
    )
    ((visitors,),) = (row.metrics for row in fresh(query, now).rows)
    return int(visitors or 0)


def minutes(query: Query, now: dt.datetime) -> Answer:
    """The answer to a question about the last 30 minutes, the one that is running included; its own range is not
    looked at. With the dimension `time:minute` alone it has a row for each of them."""
    end = now.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    return fresh(replace(query, start=end - dt.timedelta(minutes=MINUTES), end=end), _stepped(now))


def fresh(query: Query, now: dt.datetime) -> Answer:
    """The answer, two seconds old at most. Raises what `cache.answer` raises."""
    return cache.answer(query, _NO_VERSION, now, FRESH)


def _stepped(now: dt.datetime) -> dt.datetime:
    """The even second, so that everybody who looks at the same time asks the same."""
    return now.replace(second=now.second - now.second % int(FRESH.total_seconds()), microsecond=0)
