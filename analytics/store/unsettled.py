"""Late events that wait for their visits: the numbers they touch are provisional until then."""

from __future__ import annotations

import datetime as dt
import logging

from analytics.store import db

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
AROUND = dt.timedelta(hours=32)
"""A late event can change visits that far away: a visit lasts 24 hours at most, and is idle for less than eight."""


def is_provisional(site_id: int, start: dt.datetime, end: dt.datetime) -> bool:
    """Whether the visits of a range, start ≤ ts < end, may still be put together otherwise.

    They may when nobody can tell: no answer fails for this.
    """
    try:
        with db.transaction() as cursor:
            cursor.execute(_SQL["within"], [site_id, start - AROUND, end + AROUND])
            return cursor.fetchall() == [(True,)]
    except db.AWAY as error:
        log.warning("whether late events wait is not known: %s", db.describe(error))
        return True
