"""The door's counters into the ledger, and the balance of everything that came against everything that is kept."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from pyiceberg.table import Table

from analytics import buffer
from analytics.buffer import counters, place
from analytics.events import Hit
from analytics.lake import tables
from analytics.pipeline import losses, rebuild, redelivered
from analytics.store import db, ledger

_SQL = db.statements(__file__)
TRIES = 20
LOCK_SPACE = 7004
NAMES: tuple[tables.Name, ...] = ("hits", "events")
WRITTEN_OFF, REFUSALS_WRITTEN_OFF = "written off", "refusal written off"
"""Outcomes of what was lost, by which the books balance again and show it for ever."""


def enter_door_counters(part: int) -> None:
    """Move the counters that the door keeps beside a part's stream into the ledger, exactly once.

    The counters are set aside under a number; the ledger remembers the number in the transaction that books them. After
    a crash in between the same number is taken again, and nothing is booked twice.
    """
    with db.transaction() as cursor:
        # A writer that has just lost its part may still be at it.
        cursor.execute(_SQL["one_at_a_time"], [LOCK_SPACE, part])
        taking = ledger.taken(cursor).get(part, 0) + 1
        counters.end_taking(part, taking - 1)
        if taken := counters.begin_taking(part, taking):
            ledger.take_over(cursor, part, taking, counters.by_minute(taken))


@dataclass(frozen=True, slots=True)
class SiteBalance:
    """One site's books; site 0 stands for requests that named no known site."""

    site_id: int
    accepted: int
    refused: int
    turned_away: int
    """Refused without keeping a hit: too fast, over quota, opted out."""
    stored: int
    duplicate: int
    quarantined: int
    refusals_kept: int
    buffered: int
    refusals_buffered: int
    written_off: int
    """Lost, as somebody has stated; less than zero: kept although nobody counted it at the door."""
    refusals_written_off: int

    @property
    def received(self) -> int:
        return self.accepted + self.refused + self.turned_away

    @property
    def hits_missing(self) -> int:
        """What was accepted and is nowhere; less than zero: more than came."""
        return self.accepted - self.stored - self.duplicate - self.quarantined - self.buffered - self.written_off

    @property
    def refusals_missing(self) -> int:
        """The same of what was refused and kept. Of refusals that named no site no hit is kept."""
        kept = self.refusals_kept + self.refusals_buffered + self.refusals_written_off
        return self.refused - kept if self.site_id else 0

    @property
    def difference(self) -> int:
        return self.hits_missing or self.refusals_missing


@dataclass(frozen=True, slots=True)
class StoreBalance:
    """One kind of row: what the books say, and what the two tiers hold."""

    kind: str
    booked: int
    hot: int
    """Rows of TimescaleDB that the lake does not have yet."""
    lake: int

    @property
    def difference(self) -> int:
        return self.booked - self.hot - self.lake


@dataclass(frozen=True, slots=True)
class Balance:
    sites: tuple[SiteBalance, ...]
    stores: tuple[StoreBalance, ...]
    lost: tuple[losses.Lost, ...] = ()
    """Entries of the buffer that vanished, as the writers noticed."""

    @property
    def holds(self) -> bool:
        """Nothing is missing and nothing is there twice."""
        return not any([line.difference for line in self.sites] + [line.difference for line in self.stores])


class NothingToWriteOff(Exception):
    """The books of the sites balance, or no reason was given."""


class Restless(Exception):
    """The books moved during every try to read them at one instant."""


def balance() -> Balance:
    """The books at one instant, while everything runs. Raises Restless."""
    for _ in range(TRIES):
        lake = {name: tables.load(name) for name in NAMES}
        reached = {name: tables.watermark(table) for name, table in lake.items()}
        rows = {name: _total_records(table) for name, table in lake.items()}
        with db.transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            sums, takings = ledger.sums(cursor), ledger.taken(cursor)
            buffered, pending = _at_the_door(cursor, takings)
            hot = {name: _hot(cursor, name, reached[name]) for name in lake}
            cursor.execute(_SQL["quarantined"])
            ((quarantined,),) = cursor.fetchall()
            lost = tuple(losses.known(cursor))
        with db.transaction() as cursor:
            if ledger.taken(cursor) == takings:
                booked = Counter(sums)
                booked.update(pending)  # and not +, which would forget what is less than zero
                return Balance(_sites(booked, buffered), _stores(sums, hot, rows, quarantined), lost)
    raise Restless("the books could not be read at one instant; try again")


def write_off(reason: str, now: dt.datetime) -> int:
    """Book what the books of each site miss as written off, with a reason; how many hits. Raises NothingToWriteOff.

    Rows that are missing in a store although they were written are no case for this: they are recounted.
    """
    missing = {
        (line.site_id, outcome): n
        for line in balance().sites
        for outcome, n in ((WRITTEN_OFF, line.hits_missing), (REFUSALS_WRITTEN_OFF, line.refusals_missing))
        if n
    }
    if not missing or not reason.strip():
        raise NothingToWriteOff("give a reason" if missing else "no site's books miss anything")
    minute = now.replace(second=0, microsecond=0)
    lines = Counter({(minute, site, outcome, reason.strip()): n for (site, outcome), n in missing.items()})
    with db.transaction() as cursor:
        ledger.enter(cursor, 0, lines)
    return sum(missing.values())


def _at_the_door(
    cursor: db.Cursor, takings: dict[int, int]
) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str]]]:
    """((site, outcome) → hits that wait to be written, (site, outcome) → counted by the door but not yet booked)."""
    buffered: Counter[tuple[int, str]] = Counter()
    pending: Counter[tuple[int, str]] = Counter()
    offsets = rebuild.offsets(cursor)
    for part in range(settings.BUFFER_PARTS):
        found = counters.cut(part, takings.get(part, 0) + 1)
        for (_, site, outcome, _reason), n in counters.by_minute(found.unbooked).items():
            pending[ledger.bookable(site), outcome] += n
        at = offsets[part].place if part in offsets else place.Place()
        another = at.epoch not in ("", found.epoch)
        hits = buffer.waiting(part, place.START if another else at.entry_id, found.last_id)
        if another or at.again:
            # It is read from its start, where hits may stand that are written already.
            hits = _without_delivered(cursor, hits)
        buffered.update(map(_key, hits))
        buffered.update(map(_key, buffer.overflowed(cursor, part)))
    return buffered, pending


def _without_delivered(cursor: db.Cursor, hits: Iterator[Hit]) -> Iterator[Hit]:
    while some := list(itertools.islice(hits, 1000)):
        yield from redelivered.drop(cursor, some)


def _key(hit: Hit) -> tuple[int, str]:
    return ledger.bookable(hit.site_id), "refused" if hit.refused else "accepted"


def _hot(cursor: db.Cursor, name: tables.Name, reached: dict[int, int]) -> int:
    total = 0
    for part in rebuild.offsets(cursor):
        cursor.execute(_SQL[f"hot_{name}"], [part, reached.get(part, 0)])
        total += sum(n for (n,) in cursor.fetchall())
    return total


def _total_records(table: Table) -> int:
    snapshot = table.current_snapshot()
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary.get("total-records") or 0)


def _sites(sums: Counter[tuple[int, str]], buffered: Counter[tuple[int, str]]) -> tuple[SiteBalance, ...]:
    return tuple(
        SiteBalance(
            site_id=site,
            accepted=sums[site, "accepted"],
            refused=sums[site, "refused"],
            turned_away=sums[site, counters.TURNED_AWAY],
            stored=sums[site, "stored"],
            duplicate=sums[site, "duplicate"],
            quarantined=sums[site, "quarantined"],
            refusals_kept=sums[site, "refusal kept"],
            buffered=buffered[site, "accepted"],
            refusals_buffered=buffered[site, "refused"],
            written_off=sums[site, WRITTEN_OFF],
            refusals_written_off=sums[site, REFUSALS_WRITTEN_OFF],
        )
        for site in sorted({site for site, _ in sums} | {site for site, _ in buffered})
    )


def _stores(
    sums: Counter[tuple[int, str]], hot: dict[tables.Name, int], lake: dict[tables.Name, int], quarantined: int
) -> tuple[StoreBalance, ...]:
    booked: Counter[str] = Counter()
    for (_, outcome), n in sums.items():
        booked[outcome] += n
    return (
        StoreBalance("hits", booked["stored"] + booked["refusal kept"], hot["hits"], lake["hits"]),
        StoreBalance("events", booked["stored"], hot["events"], lake["events"]),
        StoreBalance("quarantined", booked["quarantined"], quarantined, 0),
    )
