"""The writer process: takes parts that nobody has, and writes their batches one after the other.

A part belongs to whoever holds its advisory lock, which ends with the connection: a writer that dies leaves its parts
to the others at once. Whatever happens in a batch, its transaction is undone, the part's memory is dropped, and the
batch is taken again from the committed offset.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from django.conf import settings
from django.db import close_old_connections

from analytics import buffer, failpoints
from analytics.enrich import geo
from analytics.pipeline import books, derive, rebuild, steps, visits, write
from analytics.sites import lookup
from analytics.store import db

log = logging.getLogger(__name__)

LOCK_SPACE = 7001
BATCH_HITS = 5_000
IDLE_SECONDS = 0.2
CLAIM_SECONDS = 2.0
BOOKS_SECONDS = 60.0
TRIM_SECONDS = 15.0
RETRY_SECONDS = 1.0
PLACES_SECONDS = 60.0
"""How often the writer looks for a new address database."""


@dataclass
class Part:
    """What the writer of a part holds in memory."""

    number: int
    entry_id: str
    batch: int
    open_visits: visits.OpenVisits
    booked_at: float = 0.0
    trimmable: str = ""
    """The offset some seconds ago: entries below it are committed, and nobody is still reading them."""
    trimmed_at: float = field(default_factory=time.monotonic)


class Writer:
    """Writes until `stop` is called. `parts` are the parts it holds."""

    def __init__(self, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self._clock = clock
        self._places = geo.Followed(settings.GEOIP_DB or None)
        self._rules = derive.Rules(of_site=lookup.ruleset, geo=self._places.geo)
        self._stopping = threading.Event()
        self._connection: db.Connection | None = None
        self.parts: dict[int, Part] = {}

    def stop(self, *_: object) -> None:
        """Finish the batch at hand, then return from `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Write until stopped; faults of the stores are waited out."""
        claim_at, look_at = 0.0, time.monotonic() + PLACES_SECONDS
        while not self._stopping.is_set():
            try:
                if time.monotonic() >= claim_at:
                    self.claim()
                    claim_at = time.monotonic() + CLAIM_SECONDS
                if time.monotonic() >= look_at:
                    self.follow_places()
                    look_at = time.monotonic() + PLACES_SECONDS
                if self.drain_once() < BATCH_HITS // 10:
                    self._wait()
            except (*db.FAULTS, buffer.Fault, lookup.LookupAway, lookup.DatabaseFault) as error:
                log.warning("a store is away, the batch will be taken again: %s", db.describe(error))
                self.let_go()
                self._stopping.wait(RETRY_SECONDS)
        self.let_go()

    def claim(self) -> None:
        """Take every part that nobody writes."""
        for number in range(settings.BUFFER_PARTS):
            if number not in self.parts:
                with self._open().transaction(), self._open().cursor() as cursor:
                    cursor.execute("SELECT pg_try_advisory_lock($1, $2)", [LOCK_SPACE, number])
                    if cursor.fetchall() == [(True,)]:
                        self.parts[number] = _begin(cursor, number, self._clock())
                        log.info("writing part %s behind %s", number, self.parts[number].entry_id)

    def follow_places(self) -> None:
        """Take a new address database into use, if there is one."""
        if self._places.look_again():
            self._rules = msgspec.structs.replace(self._rules, geo=self._places.geo)

    def let_go(self) -> None:
        """Give all parts up and forget what was held in memory."""
        self.parts.clear()
        close_old_connections()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drain_once(self) -> int:
        """One batch of each part at most, in any order, so that no part waits for one that fails; how many hits."""
        return sum(self._write(part) for part in random.sample([*self.parts.values()], len(self.parts)))

    def _write(self, part: Part) -> int:
        taken = buffer.take(part.number, part.entry_id, BATCH_HITS)
        now = self._clock()
        if taken.hits:
            batch = write.Batch(part.number, part.batch + 1, taken.hits, taken.entry_id, taken.overflow_ids, now)
            failpoints.passed("after take")
            self._commit(part, batch)
            failpoints.passed("after commit")
            part.entry_id, part.batch = batch.entry_id, batch.number
        self._keep_house(part)
        return len(taken.hits)

    def _commit(self, part: Part, batch: write.Batch) -> None:
        with self._open().transaction(), self._open().cursor() as cursor:
            steps.run(cursor, batch, self._rules, part.open_visits)
            failpoints.passed("before commit")

    def _keep_house(self, part: Part) -> None:
        now = time.monotonic()
        if now - part.booked_at > BOOKS_SECONDS:
            books.enter_door_counters(part.number)
            part.booked_at = now
        if now - part.trimmed_at > TRIM_SECONDS:
            if part.trimmable:
                failpoints.passed("before trim")
                buffer.trim(part.number, part.trimmable)
                failpoints.passed("after trim")
            part.trimmable, part.trimmed_at = part.entry_id, now

    def _wait(self) -> None:
        if self.parts:
            buffer.wait({number: part.entry_id for number, part in self.parts.items()}, IDLE_SECONDS)
        else:
            self._stopping.wait(IDLE_SECONDS)

    def _open(self) -> db.Connection:
        if self._connection is None:
            self._connection = db.connect()
        return self._connection


def _begin(cursor: db.Cursor, number: int, now: dt.datetime) -> Part:
    entry_id, batch = rebuild.offset(cursor, number)
    return Part(number, entry_id, batch, rebuild.open_visits(cursor, number, batch, now))


def run_until_told() -> None:
    """The writer process: ends after the batch at hand on SIGTERM or SIGINT."""
    writer = Writer()
    signal.signal(signal.SIGTERM, writer.stop)
    signal.signal(signal.SIGINT, writer.stop)
    writer.run()
