"""What a writer needs to know when it takes a part over: the offset, and the visits that may still go on."""

from __future__ import annotations

import datetime as dt

import msgspec

from analytics.events import VisitAttributes
from analytics.pipeline.visits import OpenVisits, Visit
from analytics.sites import lookup
from analytics.store import db

_SQL = db.statements(__file__)
MARGIN = dt.timedelta(minutes=5)
RECENT_BATCHES = 40
"""History is written batch after batch, whatever its time: the visits of the last batches may go on too."""


def offset(cursor: db.Cursor, part: int) -> tuple[str, int]:
    """(entry id, batch number) that the part is committed up to."""
    cursor.execute(_SQL["offset"], [part])
    return cursor.fetchone() or ("0-0", 0)


def open_visits(cursor: db.Cursor, part: int, batch: int, now: dt.datetime) -> OpenVisits:
    """The visits of a part with an event of late, from the table `event`."""
    found = OpenVisits()
    names = [field.name for field in msgspec.structs.fields(VisitAttributes)]
    cursor.execute(_SQL["open_visits"], [part, now - lookup.longest_idle() - MARGIN, batch - RECENT_BATCHES])
    for site_id, visitor_id, visit_id, started_at, last_at, counted, *values in cursor:
        attributes = VisitAttributes(**dict(zip(names, values, strict=True)))
        found.open(site_id, Visit(visit_id, visitor_id, started_at, last_at, counted, attributes))
    return found
