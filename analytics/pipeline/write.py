"""Rows of a batch into TimescaleDB, with the books and the offset of the part, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from analytics import failpoints
from analytics.events import Event, Hit
from analytics.pipeline import copy
from analytics.pipeline.derive import Derived
from analytics.store import db, ledger

_SQL = db.statements(__file__)
SETTLED = dt.timedelta(days=3, hours=1)
"""Reports keep answers about what is older than three days; later than that only imports and servers bring events."""


class Overtaken(RuntimeError):
    """Another writer has moved the part's offset: this one's batch is old and must not be kept."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Hits of one part, its number there, and where the part's stream goes on behind them."""

    part: int
    number: int
    hits: list[Hit]
    entry_id: str
    overflow_ids: list[int]
    now: dt.datetime
    epoch: str = ""
    entries: int = 0
    """How many entries of the epoch are committed with this batch (`buffer.Place`)."""
    lost: int = 0
    """Entries that were lost since the batch before."""
    reread: bool = False
    """The stream is read again from its start: hits may be stored already."""


def rows(cursor: db.Cursor, batch: Batch, derived: Derived) -> None:
    """Everything the batch leaves behind. Doing it twice is impossible: the offset moves with it."""
    place = (batch.part, batch.number)
    for hit, reason in _copy(cursor, list(zip(derived.stored, derived.events, strict=True)), place):
        derived.set_aside(hit, reason)
    copy.hits(cursor, ((hit, hit.visitor_id) for hit in derived.refused), place)
    for failure in derived.failures:
        encoded = msgspec.msgpack.encode(failure.hit)
        cursor.execute(
            _SQL["quarantine"],
            [
                ledger.bookable(failure.hit.site_id),
                failure.hit.hit_id,
                failure.reason,
                failure.detail,
                batch.now,
                encoded,
                batch.part,
            ],
        )
    settled_at = batch.now - SETTLED
    if changed := sorted({event.site_id for event in derived.events if event.ts < settled_at}):
        cursor.execute(_SQL["past_changed"], [changed])
    db.copy(cursor, "unsettled", ("site_id", "visitor_id", "ts", "part", "batch"), _late(derived.late, place))
    ledger.enter(cursor, batch.part, _books(derived, batch.now))
    cursor.execute(_SQL["drop_overflow"], [batch.overflow_ids])
    place_behind = [batch.entry_id, batch.epoch, batch.entries]
    cursor.execute(_SQL["move_offset"], [batch.part, batch.number, batch.now, *place_behind, batch.lost])
    if cursor.rowcount != 1:
        raise Overtaken(f"part {batch.part} is not at batch {batch.number - 1} any more")


def _late(events: Iterable[Event], place: tuple[int, int]) -> Iterable[tuple[Any, ...]]:
    """The first and the last late event of each visitor on each day: what lies between is settled with them."""
    spans: dict[tuple[int, int, dt.date], list[dt.datetime]] = defaultdict(list)
    for event in events:
        spans[event.site_id, event.visitor_id, event.ts.date()].append(event.ts)
    for (site_id, visitor_id, _), moments in spans.items():
        for ts in {min(moments), max(moments)}:
            yield site_id, visitor_id, ts, *place


def _copy(cursor: db.Cursor, pairs: list[tuple[Hit, Event]], place: tuple[int, int]) -> Iterator[tuple[Hit, str]]:
    """COPY hits and their events; those that PostgreSQL cannot keep, found by halving, are given back with a reason."""
    try:
        with cursor.connection.transaction():
            copy.hits(cursor, ((hit, event.visitor_id) for hit, event in pairs), place)
            failpoints.passed("mid copy")
            copy.events(cursor, (event for _, event in pairs), place)
    except db.UNSTORABLE as error:
        if len(pairs) == 1:
            yield pairs[0][0], db.describe(error)
            return
        half = len(pairs) // 2
        yield from _copy(cursor, pairs[:half], place)
        yield from _copy(cursor, pairs[half:], place)


def _books(derived: Derived, now: dt.datetime) -> ledger.Counts:
    minute = now.replace(second=0, microsecond=0)
    counts: ledger.Counts = Counter()
    for outcome, hits in (("stored", derived.stored), ("duplicate", derived.duplicates)):
        counts.update((minute, hit.site_id, outcome, "") for hit in hits)
    counts.update((minute, hit.site_id, "refusal kept", hit.refused) for hit in derived.refused)
    counts.update((minute, failure.hit.site_id, "quarantined", failure.reason) for failure in derived.failures)
    return counts
