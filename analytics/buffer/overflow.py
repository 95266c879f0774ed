"""Entries in PostgreSQL while Valkey is away: the table `overflow`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from analytics.buffer import counters, entries
from analytics.events import Hit
from analytics.store import db

_SQL = db.statements(__file__)
TAKE_ENTRIES = 64


class Overflowed(NamedTuple):
    """Hits of a part that overflowed, in their order, and the rows to be deleted when they are committed."""

    hits: list[Hit]
    ids: list[int]
    garbled: int


NOTHING = Overflowed([], [], 0)


def put(parts: Mapping[int, Sequence[Hit]], counts: Mapping[counters.Place, int], now: dt.datetime) -> None:
    """Rows and counters in one transaction. Raises db.FAULTS."""
    with db.transaction() as cursor:
        for part, hits in parts.items():
            cursor.execute(_SQL["put"], [part, now, entries.encode(hits)])
        for (part, minute, site_id, outcome, reason), n in counts.items():
            cursor.execute(_SQL["count"], [minute, site_id, part, outcome, reason, n])


def give_back(cursor: db.Cursor, part: int, hits: Sequence[Hit], now: dt.datetime) -> None:
    """A row in the caller's transaction, without counters."""
    cursor.execute(_SQL["put"], [part, now, entries.encode(hits)])


def waits_for(parts: Collection[int]) -> set[int]:
    """Those of the parts for which something waits."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["waits_for"], [list(parts)])
        return {part for (part,) in cursor.fetchall()}


def take(part: int) -> Overflowed:
    """The hits that have waited longest."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["take"], [part, TAKE_ENTRIES])
        rows = cursor.fetchall()
    found = [entries.decode(encoded, f"row {number} of the overflow table") for number, encoded in rows]
    hits = [hit for one in found for hit in one.hits]
    return Overflowed(hits, [number for number, _ in rows], sum(one.garbled for one in found))


def waiting(cursor: db.Cursor, part: int) -> Iterator[Hit]:
    """All hits of a part that wait."""
    cursor.execute(_SQL["waiting"], [part])
    for number, encoded in cursor:
        yield from entries.decode(encoded, f"row {number} of the overflow table").hits


def answers() -> bool:
    """Whether the table can be asked. Raises db.FAULTS."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["answers"])
        return True
