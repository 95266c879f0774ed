"""How long rows stay in the hot tier: HOT_DAYS, and never before the lake has them."""

from __future__ import annotations

import datetime as dt
import logging

from analytics.store import db

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
SLICE = dt.timedelta(days=200)
"""What one transaction looks at and drops: it takes locks for every chunk (a day), and PostgreSQL has few."""
_LOCK_NOT_AVAILABLE = "55P03"


def drop_before(table: str, moment: dt.datetime, reached: dict[int, int]) -> int:
    """Drop the chunks of `hit` or `event` that end before a moment and hold nothing beyond `reached`; how many.

    `reached` is part → the last batch that the lake has. What a busy writer keeps from being dropped waits for the
    next time.
    """
    total = 0
    try:
        while dropped := _drop_slice(table, moment, reached):
            total += dropped
    except db.AWAY as error:
        if getattr(error, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        log.warning("%s is busy; its old rows are dropped the next time", table)
    return total


def _drop_slice(table: str, moment: dt.datetime, reached: dict[int, int]) -> int:
    """Drop the oldest chunks, at most a SLICE of them; how many."""
    with db.transaction() as cursor:
        # No writer is mid-way from here on: the rows of an open transaction would be dropped without being seen.
        # ONLY: writers lock the hypertable too, and a lock for each of its chunks is what the slices avoid.
        cursor.execute(_SQL["lock_timeout"])
        cursor.execute(_SQL[f"lock_{table}"])
        cursor.execute(_SQL["oldest_chunk"], [table])
        (first,) = cursor.fetchone() or (None,)
        if first is None or first >= moment:
            return 0
        before = end = min(moment, first + SLICE)
        cursor.execute(_SQL["parts"])
        for (part,) in cursor.fetchall():
            cursor.execute(_SQL[f"oldest_unexported_{table}"], [part, reached.get(part, 0), end])
            (oldest,) = cursor.fetchone() or (None,)
            before = min(before, oldest or before)
        cursor.execute(_SQL["drop_chunks"], [table, before])
        return len(cursor.fetchall())
