"""Late events that wait for their visits: the numbers they touch are provisional until then."""

from __future__ import annotations

import datetime as dt

from analytics.store import db

_SQL = db.statements(__file__)
AROUND = dt.timedelta(hours=32)
"""A late event can change visits that far away: a visit lasts 24 hours at most, and is idle for less than eight."""


def is_provisional(site_id: int, start: dt.datetime, end: dt.datetime) -> bool:
    """Whether the visits of a range, start ≤ ts < end, may still be put together otherwise."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["within"], [site_id, start - AROUND, end + AROUND])
        return cursor.fetchall() == [(True,)]
