"""Which visit an event belongs to: the open visits of one part, in memory.

A visit ends after the site's idle time, never at midnight, after 24 hours at most. Its id is a function of site,
visitor and first instant, so the same hits in the same order give the same visits, here and in every recount.

Events that reports leave out (an image in an access log, a page the site excludes) have visits of their own: they
neither begin nor prolong one that counts. A visit that a spam referrer began is a visit like others, and left out as a
whole.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

import msgspec

from analytics.enrich import spam
from analytics.events import VisitAttributes

PLACED_AS_COUNTED = frozenset({"", spam.CATEGORY})
"""Categories of stored events whose visits are not those of left-out events."""
LONGEST = dt.timedelta(hours=24)
MOST_VISITORS = 500_000
MOST_OF_A_VISITOR = 4
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Placeable(Protocol):
    """What is known of an event that is placed: a hit, or a stored event."""

    @property
    def site_id(self) -> int: ...
    @property
    def visitor_id(self) -> int: ...
    @property
    def previous_visitor_id(self) -> int | None: ...
    @property
    def ts(self) -> dt.datetime: ...
    @property
    def received_at(self) -> dt.datetime: ...


class Visit(msgspec.Struct):
    """A visit that may still go on."""

    id: int
    visitor_id: int
    started_at: dt.datetime
    last_at: dt.datetime
    counted: bool
    attributes: VisitAttributes

    def takes(self, ts: dt.datetime, idle: dt.timedelta) -> bool:
        """Whether an event at `ts` belongs to this visit, be it a little out of order."""
        return self.started_at - idle <= ts <= self.last_at + idle and ts - self.started_at < LONGEST


def visit_id(site_id: int, visitor_id: int, started_at: dt.datetime, counted: bool = True) -> int:
    """64 bits, signed."""
    text = f"{site_id} {visitor_id} {started_at.timestamp():.6f}{'' if counted else ' left out'}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=b"visit").digest(), signed=True)


class OpenVisits:
    """The visits of one part that may still go on; the visitor seen longest ago is forgotten first.

    `received_upto` is when the newest hit came that was placed. Of two idle times before that all visits are known.
    """

    def __init__(self, received_upto: dt.datetime = EARLIEST) -> None:
        self._by_visitor: OrderedDict[tuple[int, int, bool], list[Visit]] = OrderedDict()
        self._received_upto = received_upto
        self.placed_late = False
        """Whether the hit placed last may belong elsewhere: a later one of its visitor was placed before it, or may
        have been. The settling job sees to it."""

    def place(
        self, hit: Placeable, idle: dt.timedelta, counted: bool, attributes: Callable[[], VisitAttributes]
    ) -> Visit:
        """The visit of a hit: one that is open, else a new one with the attributes of this hit."""
        visit = self._find((hit.site_id, hit.visitor_id, counted), hit.ts, idle)
        if visit is None and hit.previous_visitor_id is not None:
            visit = self._find((hit.site_id, hit.previous_visitor_id, counted), hit.ts, idle)
        self.placed_late = self._is_late(hit, visit, counted, idle)
        if visit is None:
            number = visit_id(hit.site_id, hit.visitor_id, hit.ts, counted)
            visit = Visit(number, hit.visitor_id, hit.ts, hit.ts, counted, attributes())
            self.open(hit.site_id, visit)
        visit.last_at = max(visit.last_at, hit.ts)
        if hit.received_at > self._received_upto:
            self._received_upto = hit.received_at
        return visit

    def open(self, site_id: int, visit: Visit) -> None:
        """Remember a visit. Of one visitor a few are kept, this one and the newest: history may arrive beside the
        present."""
        visits = self._by_visitor.setdefault((site_id, visit.visitor_id, visit.counted), [])
        if len(visits) >= MOST_OF_A_VISITOR:
            visits.remove(min(visits, key=lambda known: known.last_at))
        visits.append(visit)
        while len(self._by_visitor) > MOST_VISITORS:
            self._by_visitor.popitem(last=False)

    def _is_late(self, hit: Placeable, visit: Visit | None, counted: bool, idle: dt.timedelta) -> bool:
        # Of what happened so long ago the memory here knows too little, and settling may have moved the visits since.
        # (A hit that left the quarantine, or the overflow table, is written long after it came.)
        if hit.ts < max(hit.received_at, self._received_upto) - idle:
            return True
        if visit is not None:
            return hit.ts < visit.started_at
        if known := self._by_visitor.get((hit.site_id, hit.visitor_id, counted)):
            return hit.ts < max(visit.last_at for visit in known)
        return False

    def _find(self, key: tuple[int, int, bool], ts: dt.datetime, idle: dt.timedelta) -> Visit | None:
        for visit in reversed(self._by_visitor.get(key, ())):
            if visit.takes(ts, idle):
                self._by_visitor.move_to_end(key)
                return visit
        return None
