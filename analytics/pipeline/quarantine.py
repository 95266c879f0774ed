"""Hits that could not be processed: looked at, and given to their parts again when what was wrong is put right.

A hit that is given back is an entry of the table `overflow`, which the writer of its part takes like any other. Its row
stays, marked; when the hit fails again, the writer takes the mark away and counts the attempt (`write.sql`).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.conf import settings

from analytics import buffer
from analytics.events import Hit
from analytics.store import db, ledger

_SQL = db.statements(__file__)
LOCK_SPACE = 7007
PAGE_HITS = 500
"""What one transaction gives back."""
ENTRY_HITS = 64
FLOOD = 100_000
"""Hits of one site. More are kept too, for they were accepted, but staff and alarms are told."""
_decode = msgspec.msgpack.Decoder(Hit).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hits in quarantine are meant; by default all."""

    ids: tuple[int, ...] | None = None
    site_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of the table `quarantine`."""

    id: int
    site_id: int
    hit_id: UUID
    reason: str
    detail: str
    attempts: int
    quarantined_at: dt.datetime
    readmitted_at: dt.datetime | None
    """Set: it is not in quarantine any more."""
    part: int
    encoded: bytes

    @property
    def hit(self) -> Hit | None:
        """The hit; None when this version cannot read how it was kept."""
        try:
            return _decode(self.encoded)
        except (msgspec.MsgspecError, ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class OfReason:
    reason: str
    hits: int
    newest_at: dt.datetime


@dataclass(frozen=True, slots=True)
class GivenBack:
    """How many hits went back, the ids of rows that cannot be read, and where the next page begins."""

    hits: int = 0
    unreadable: tuple[int, ...] = ()
    last_id: int = 0


def page(wanted: Wanted, most: int, before: int | None = None) -> list[Kept]:
    """The newest hits in quarantine, or the newest of those with an id below `before`."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["page"], [*_conditions(wanted), before, most])
        return [Kept(*row) for row in cursor.fetchall()]


def one(number: int) -> Kept | None:
    """A row by its id, in quarantine or given back."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["one"], [number])
        row = cursor.fetchone()
    return Kept(*row) if row else None


def reasons(cursor: db.Cursor, site_id: int | None = None) -> list[OfReason]:
    """What is in quarantine, by reason, the most first."""
    cursor.execute(_SQL["reasons"], [site_id])
    return [OfReason(*row) for row in cursor.fetchall()]


def flooded(cursor: db.Cursor) -> dict[int, int]:
    """Site → hits in quarantine, of sites that have more than FLOOD."""
    cursor.execute(_SQL["flooded"], [FLOOD])
    return dict(cursor.fetchall())


def count(wanted: Wanted) -> int:
    """How many hits in quarantine are meant."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["count"], _conditions(wanted))
        ((hits,),) = cursor.fetchall()
    return int(hits)


def give_back(wanted: Wanted, now: dt.datetime, most: int | None = None) -> GivenBack:
    """Give hits to their parts again, the oldest first, `most` at most; each is tried once.

    What a writer is at work on is left out. Pages are transactions of their own: after a fault the rest is asked for
    again. Raises db.FAULTS.
    """
    total = GivenBack()
    while most is None or total.hits < most:
        size = PAGE_HITS if most is None else min(PAGE_HITS, most - total.hits)
        done = _give_back_some(wanted, now, total.last_id, size)
        if done is None:
            break
        total = GivenBack(total.hits + done.hits, total.unreadable + done.unreadable, done.last_id)
    return total


def _give_back_some(wanted: Wanted, now: dt.datetime, after: int, size: int) -> GivenBack | None:
    """One page in one transaction; None when nothing is left."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["one_at_a_time"], [LOCK_SPACE])
        cursor.execute(_SQL["lock"], [*_conditions(wanted), after, size])
        found = [Kept(*row) for row in cursor.fetchall()]
        if not found:
            return None
        pairs = [(row, hit) for row in found if (hit := row.hit) is not None]
        _forget_event_ids(cursor, pairs)
        cursor.execute(_SQL["mark"], [[row.id for row, _ in pairs], now])
        for part, its_pairs in _by_part(pairs).items():
            for start in range(0, len(its_pairs), ENTRY_HITS):
                buffer.give_back(cursor, part, [hit for _, hit in its_pairs[start : start + ENTRY_HITS]], now)
            ledger.enter(cursor, part, _books([row for row, _ in its_pairs], now))
    readable = {row.id for row, _ in pairs}
    return GivenBack(len(pairs), tuple(row.id for row in found if row.id not in readable), found[-1].id)


def _by_part(pairs: Iterable[tuple[Kept, Hit]]) -> dict[int, list[tuple[Kept, Hit]]]:
    """By the part they came from. One that the buffer had when it was larger is nobody's now."""
    by_part: dict[int, list[tuple[Kept, Hit]]] = defaultdict(list)
    for row, hit in pairs:
        by_part[row.part % int(settings.BUFFER_PARTS)].append((row, hit))
    return by_part


def _forget_event_ids(cursor: db.Cursor, hits: Iterable[tuple[Kept, Hit]]) -> None:
    """They were remembered when the hits failed: the hits would be taken for repeats of themselves."""
    given = [
        (hit.site_id, hit.event_id, row.quarantined_at)
        for row, hit in hits
        if hit.event_id and hit.site_id == ledger.bookable(hit.site_id)
    ]
    if given:
        cursor.execute(_SQL["hold"])
        cursor.execute(_SQL["forget"], [list(column) for column in zip(*given, strict=True)])


def _books(rows: Iterable[Kept], now: dt.datetime) -> ledger.Counts:
    """What leaves quarantine: the books are only added to, so it is counted below zero."""
    minute = now.replace(second=0, microsecond=0)
    counts: ledger.Counts = Counter()
    for row in rows:
        counts[minute, row.site_id, "quarantined", row.reason] -= 1
    return counts


def _conditions(wanted: Wanted) -> Sequence[object]:
    return [None if wanted.ids is None else list(wanted.ids), wanted.site_id, wanted.reason]
