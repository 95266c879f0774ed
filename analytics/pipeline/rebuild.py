"""What a writer needs to know when it takes a part over: the offset, and the visits that may still go on."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import msgspec

from analytics.buffer.place import Place
from analytics.events import VisitAttributes
from analytics.pipeline.visits import OpenVisits, Visit
from analytics.sites import lookup
from analytics.store import db

_SQL = db.statements(__file__)
MARGIN = dt.timedelta(minutes=5)
RECENT_BATCHES = 40
"""History is written batch after batch, whatever its time: the visits of the last batches may go on too."""
CLOCK_BATCHES = 40
"""Among so many a batch is that had hits which came just then."""


class Offset(NamedTuple):
    """What a part is committed up to."""

    entry_id: str
    batch: int
    epoch: str
    entries: int

    @property
    def place(self) -> Place:
        return Place(self.entry_id, self.epoch, self.entries)


def offset(cursor: db.Cursor, part: int) -> Offset:
    """What the part is committed up to; its start when nothing is."""
    cursor.execute(_SQL["offset"], [part])
    return Offset(*(cursor.fetchone() or ("0-0", 0, "", 0)))


def offsets(cursor: db.Cursor) -> dict[int, Offset]:
    """The same of all parts."""
    cursor.execute(_SQL["offsets"])
    return {part: Offset(*found) for part, *found in cursor.fetchall()}


def open_visits(cursor: db.Cursor, part: int, batch: int, now: dt.datetime) -> OpenVisits:
    """The visits of a part with an event of late, from the table `event`."""
    names = [field.name for field in msgspec.structs.fields(VisitAttributes)]
    # What waits in the buffer came after what was written last, however long ago that was. It may have happened one
    # idle time before it came, in a visit that was idle as long.
    cursor.execute(_SQL["received_upto"], [part, batch - CLOCK_BATCHES])
    ((received_upto,),) = cursor.fetchall()
    last = min(now, received_upto or now)
    found = OpenVisits(last) if received_upto else OpenVisits()
    cursor.execute(_SQL["open_visits"], [part, last - 2 * lookup.longest_idle() - MARGIN, batch - RECENT_BATCHES])
    for site_id, visitor_id, visit_id, started_at, last_at, counted, *values in cursor:
        attributes = VisitAttributes(**dict(zip(names, values, strict=True)))
        found.open(site_id, Visit(visit_id, visitor_id, started_at, last_at, counted, attributes))
    return found
