"""The books: how many hits of each site had which outcome, per minute. Append-only; sums are taken when read."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from analytics.store import db

_SQL = db.statements(__file__)
Counts = Counter[tuple[dt.datetime, int, str, str]]
"""(minute, site, outcome, reason) → hits."""


def bookable(site_id: int) -> int:
    """The site under which a hit is booked: 0, no known site, for a number that no site can have."""
    return site_id if 0 <= site_id < 1 << 31 else 0


def enter(cursor: db.Cursor, part: int, counts: Counts) -> None:
    """Book a batch's outcomes in the caller's transaction."""
    lines = [
        (minute, bookable(site), part, outcome, reason, n) for (minute, site, outcome, reason), n in counts.items()
    ]
    db.copy(cursor, "ledger", ("minute", "site_id", "part", "outcome", "reason", "n"), lines)


def take_over(cursor: db.Cursor, part: int, taking: int, counts: Counts) -> None:
    """Book the door's counters that were set aside under the number `taking`, and remember that number."""
    enter(cursor, part, counts)
    cursor.execute(_SQL["taken"], [part, taking])


def taken(cursor: db.Cursor) -> dict[int, int]:
    """The number of the last taking of each part."""
    cursor.execute(_SQL["takings"])
    return dict(cursor.fetchall())


def sums(cursor: db.Cursor) -> Counter[tuple[int, str]]:
    """(site, outcome) → hits, over all time."""
    cursor.execute(_SQL["sums"])
    return Counter({(site, outcome): int(n) for site, outcome, n in cursor.fetchall()})


def accepted_since(cursor: db.Cursor, site_id: int, moment: dt.datetime) -> int:
    """Hits accepted for a site since a moment, as far as the door's counters have been taken over."""
    cursor.execute(_SQL["accepted_since"], [site_id, moment])
    ((n,),) = cursor.fetchall()
    return int(n)
