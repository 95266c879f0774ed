"""The writer process: takes its share of the parts, and writes their batches one after the other.

A part belongs to whoever holds its advisory lock (`shares`), which ends with the connection: a writer that dies leaves
its parts to the others at once. Whatever happens in a batch, its transaction is undone, what the part had in memory is
dropped, and the batch is taken again from the committed offset after a pause.
"""

from __future__ import annotations

import datetime as dt
import gc
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
from analytics.buffer import overflow
from analytics.buffer.place import Place
from analytics.enrich import geo
from analytics.pipeline import books, derive, losses, rebuild, retry, session, shares, steps, visits, write
from analytics.sites import lookup
from analytics.store import db

log = logging.getLogger(__name__)

BATCH_HITS = 10_000
GATHER_SECONDS = 0.2
"""When little comes, batches are begun so far apart: each is a transaction."""
IDLE_SECONDS = 0.2
CLAIM_SECONDS = 1.0
OVERFLOW_SECONDS = 1.0
BOOKS_SECONDS = 15.0
TRIM_SECONDS = 15.0
PLACES_SECONDS = 60.0
"""How often the writer looks for a new address database."""

SELDOM = (100_000, 20, 100)
"""Thresholds of the garbage collector."""


@dataclass
class Part:
    """What the writer of a part holds in memory."""

    number: int
    place: Place
    batch: int
    open_visits: visits.OpenVisits
    added: int = 0
    """Entries that the stream was seen to have had."""
    booked_at: float = 0.0
    trimmable: Place | None = None
    """The place some seconds ago: entries before it are committed, and nobody is still reading them."""
    trimmed_at: float = field(default_factory=time.monotonic)


@dataclass
class Trouble:
    """How often a part failed in a row, and when it is tried again."""

    failures: int = 0
    until: float = 0.0


class Writer:
    """Writes until `stop` is called. `parts` are the parts it writes now."""

    def __init__(self, clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self._clock = clock
        self._places = geo.Followed(settings.GEOIP_DB or None)
        self._rules = derive.Rules(of_site=lookup.ruleset, geo=self._places.geo)
        self._stopping = threading.Event()
        self._connection: db.Connection | None = None
        self._running = False
        self._shares: shares.Shares | None = None
        self.parts: dict[int, Part] = {}
        self._at: int | None = None
        """The part whose batch is at hand."""
        self._troubles: dict[int, Trouble] = {}
        self._failures = 0
        self._claim_at = self._overflow_at = 0.0
        self._look_at = time.monotonic() + PLACES_SECONDS

    def stop(self, *_: object) -> None:
        """Finish the batch at hand, then return from `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Write until stopped; faults are waited out."""
        self._running = True
        while not self._stopping.is_set():
            began_at = time.monotonic()
            try:
                if began_at >= self._claim_at:
                    self.claim()
                if began_at >= self._look_at:
                    self.follow_places()
                written = self.drain_once()
                self._failures = 0
                if written < BATCH_HITS // 10:
                    self._rest(began_at)
            except Exception as error:  # Not to be written is worse than any fault: it is said and tried again.
                self._recover(error)
        self.let_go()

    def claim(self) -> None:
        """Take a fair share of the parts, and give up what is beyond it."""
        now = time.monotonic()
        self._claim_at = now + CLAIM_SECONDS
        connection = self._open()
        if self._shares is None:
            self._shares = shares.Shares(connection)
        self._shares.settle()
        for number in self.parts.keys() - self._shares.held:
            del self.parts[number]
            log.info("part %s is left to another writer", number)
        for number in sorted(self._shares.held - self.parts.keys()):
            if now >= self._troubles.get(number, Trouble()).until:
                self._at = number
                with connection.transaction(), connection.cursor() as cursor:
                    self.parts[number] = _begin(cursor, number, self._clock())
                log.info("writing part %s behind %s", number, self.parts[number].place.entry_id)
        self._at = None

    def follow_places(self) -> None:
        """Take a new address database into use, if there is one."""
        self._look_at = time.monotonic() + PLACES_SECONDS
        if self._places.look_again():
            self._rules = msgspec.structs.replace(self._rules, geo=self._places.geo)

    def let_go(self) -> None:
        """Give all parts up and forget what was held in memory."""
        self.parts.clear()
        self._shares = None
        self._claim_at = 0.0
        close_old_connections()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drain_once(self) -> int:
        """One batch of each part at most, in any order, so that no part waits for one that fails; how many hits.

        Raises what a batch raises. While the buffer is away what overflowed is written, and then its fault is raised.
        """
        overflowing = self._overflowing()
        away: buffer.Fault | None = None
        written = 0
        for part in random.sample([*self.parts.values()], len(self.parts)):
            self._at = part.number
            taken = buffer.Taken([], part.place)
            try:
                if away is None:
                    taken = self._take(part)
            except buffer.Fault as error:
                away = error
            written += self._write(part, taken, part.number in overflowing)
            if away is None:
                self._keep_house(part)
            self._troubles.pop(part.number, None)
            if self._stopping.is_set() or (self._running and time.monotonic() >= self._claim_at):
                break  # others may wait for their share; the order is another one next time
        self._at = None
        if away is not None:
            raise away
        return written

    def _overflowing(self) -> set[int]:
        """The parts with hits in the overflow table, which is asked once in a while, and again while there are some."""
        if time.monotonic() < self._overflow_at or not self.parts:
            return set()
        found = overflow.waits_for(self.parts)
        self._overflow_at = 0.0 if found else time.monotonic() + OVERFLOW_SECONDS
        return found

    def _take(self, part: Part) -> buffer.Taken:
        taken = buffer.take(part.number, part.place, BATCH_HITS, part.added)
        if taken.loss:
            self._go_on(part, taken)
            taken = buffer.take(part.number, part.place, BATCH_HITS, part.added)
        return taken

    def _write(self, part: Part, taken: buffer.Taken, overflowing: bool) -> int:
        # What overflowed is in no stream, so it does not go with what may have been read before.
        more = overflow.take(part.number) if overflowing and not part.place.again else overflow.NOTHING
        hits, garbled = [*more.hits, *taken.hits], more.garbled + taken.garbled
        if taken.loss or not (hits or more.ids):
            self._go_on(part, taken)
            return 0
        at = taken.place
        batch = write.Batch(
            part.number, part.batch + 1, hits, at.entry_id, more.ids, self._clock(),
            at.epoch, at.entries, garbled, part.place.again,
        )  # fmt: skip
        failpoints.passed("after take")
        self._commit(part, batch)
        failpoints.passed("after commit")
        part.place, part.batch, part.added = at, batch.number, max(part.added, taken.added)
        return len(hits)

    def _commit(self, part: Part, batch: write.Batch) -> None:
        with self._open().transaction(), self._open().cursor() as cursor:
            steps.run(cursor, batch, self._rules, part.open_visits)
            failpoints.passed("before commit")

    def _go_on(self, part: Part, taken: buffer.Taken) -> None:
        """Without hits: keep a place that changed all the same, and what was lost."""
        lost = taken.garbled
        if taken.loss:
            seen = part.added - part.place.entries if not part.place.again else 0
            lost = max(lost, taken.loss.lost, seen)
            part.added, part.trimmable = 0, None
        if taken.place != part.place:
            with self._open().transaction(), self._open().cursor() as cursor:
                losses.move(cursor, part.number, part.batch, taken.place)
                if taken.loss or lost:
                    losses.keep(cursor, part.number, lost, self._clock())
            part.place = taken.place
        if taken.loss:
            losses.tell(part.number, taken.loss, lost)
        part.added = max(part.added, taken.added)

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
            part.trimmable, part.trimmed_at = part.place, now

    def _rest(self, began_at: float) -> None:
        self._stopping.wait(max(0.0, began_at + GATHER_SECONDS - time.monotonic()))
        if self.parts:
            buffer.wait({number: part.place for number, part in self.parts.items()}, IDLE_SECONDS)
        else:
            self._stopping.wait(IDLE_SECONDS)

    def _recover(self, error: Exception) -> None:
        """After a fault: a part that failed is begun again from what is committed, while the others go on."""
        if isinstance(error, retry.EXPECTED):
            log.warning("a store is away or refuses, the batch will be taken again: %s", db.describe(error))
        else:
            log.error("a batch failed and will be taken again", exc_info=error)
        number, self._at = self._at, None
        if isinstance(error, buffer.Fault):
            # Nothing in memory is spoiled. What overflows meanwhile is not kept waiting.
            self._overflow_at = 0.0
            self._failures += 1
            self._stopping.wait(min(retry.seconds(error, self._failures), OVERFLOW_SECONDS))
            return
        close_old_connections()
        if number is None or retry.needs_a_new_connection(error, self._connection):
            self._failures += 1
            self.let_go()
            if retry.is_elsewhere(error):
                db.close_pools()
            self._stopping.wait(retry.seconds(error, self._failures))
            return
        self.parts.pop(number, None)
        trouble = self._troubles.setdefault(number, Trouble())
        trouble.failures += 1
        trouble.until = time.monotonic() + retry.seconds(error, trouble.failures)
        self._claim_at = min(self._claim_at, trouble.until)

    def _open(self) -> db.Connection:
        if self._connection is None:
            self._connection = session.connect(running=self._running)
        return self._connection


def _begin(cursor: db.Cursor, number: int, now: dt.datetime) -> Part:
    found = rebuild.offset(cursor, number)
    return Part(number, found.place, found.batch, rebuild.open_visits(cursor, number, found.batch, now))


def run_until_told() -> None:
    """The writer process: ends after the batch at hand on SIGTERM or SIGINT."""
    # A batch is tens of thousands of objects without cycles that end together: to look through them is half the work.
    gc.freeze()
    gc.set_threshold(*SELDOM)
    writer = Writer()
    signal.signal(signal.SIGTERM, writer.stop)
    signal.signal(signal.SIGINT, writer.stop)
    writer.run()
