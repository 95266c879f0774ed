"""Hits of the past into the buffer: in the order of time, and no faster than they are written."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from analytics import buffer
from analytics.events import Hit
from analytics.pipeline import rebuild
from analytics.store import db

WINDOW_HITS = 50_000
"""How far from the order of time hits may come and still be put right."""
ENTRY_HITS = 500
MOST_WAITING_HITS = 60_000
ALL = 1 << 62
FULLEST = 0.6
"""Of the buffer's memory; the rest is left to what comes live."""
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05
RETRY_SECONDS = 1.0

T = TypeVar("T")


class Stalled(Exception):
    """The buffer or the writer has stood still for too long. What was fed is not lost."""


@dataclass
class Feed:
    """Give it hits by `add`, then `finish` and, to know that they are rows, `wait`. All three raise Stalled.

    `tell` gets a sentence whenever the feed has to wait for something that is away.
    """

    tell: Callable[[str], None]
    most_waiting: int = MOST_WAITING_HITS
    """Hits that may wait for the writer; with `ALL` the feed goes on though no writer runs."""
    pushed: int = 0
    _window: list[tuple[dt.datetime, int, int, Hit]] = field(default_factory=list)
    _ready: dict[int, list[Hit]] = field(default_factory=lambda: defaultdict(list))
    _waiting: dict[int, deque[tuple[tuple[int, int], int]]] = field(default_factory=lambda: defaultdict(deque))
    """Per part: (entry id, hits) of what is not written yet."""
    _overflowed: bool = False
    _number: Iterator[int] = field(default_factory=itertools.count)

    def add(self, part: int, hit: Hit) -> None:
        """One more hit; those that came long before it may be pushed now."""
        place = (hit.ts, next(self._number), part, hit)
        if len(self._window) < WINDOW_HITS:
            heapq.heappush(self._window, place)
        else:
            self._pass_on(heapq.heappushpop(self._window, place))

    def finish(self) -> None:
        """Push everything that was added."""
        while self._window:
            self._pass_on(heapq.heappop(self._window))
        self._push()

    def wait(self) -> None:
        """Return when a writer has written everything that was pushed."""
        self._until(lambda: not self._count_waiting() and not (self._overflowed and _overflow_waits()))

    def _pass_on(self, place: tuple[dt.datetime, int, int, Hit]) -> None:
        _, _, part, hit = place
        self._ready[part].append(hit)
        if len(self._ready[part]) >= ENTRY_HITS:
            self._push()

    def _push(self) -> None:
        if not self._ready:
            return
        ids = self._insist(lambda: buffer.push(self._ready, dt.datetime.now(dt.UTC)))
        for part, entry_id in ids.items():
            self._waiting[part].append((_order(entry_id), len(self._ready[part])))
        self.pushed += sum(map(len, self._ready.values()))
        self._overflowed |= not ids
        self._ready.clear()
        if self._count_waiting() > self.most_waiting or self._insist(buffer.fullness) > FULLEST:
            self._until(lambda: self._count_waiting() <= self.most_waiting // 2 and buffer.fullness() < FULLEST)

    def _insist(self, call: Callable[[], T]) -> T:
        """Do it again while the buffer is away: what was stored twice is counted once, by its event id."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return call()
            except buffer.Away as away:
                if time.monotonic() > deadline:
                    raise Stalled(f"The buffer has taken nothing for {PATIENCE_SECONDS:.0f} s: {away}.") from away
                self.tell(f"Waiting for the buffer: {away}.")
                time.sleep(RETRY_SECONDS)

    def _until(self, done: Callable[[], bool]) -> None:
        """Wait for the writers, for as long as something moves."""
        left, moved_at = -1, time.monotonic()
        while True:
            try:
                self._see_what_is_written()
                if done():
                    return
            except (buffer.Away, *db.FAULTS) as error:
                self.tell(f"Waiting for the stores: {error}.")
                time.sleep(RETRY_SECONDS)
            if self._count_waiting() != left:
                left, moved_at = self._count_waiting(), time.monotonic()
            elif time.monotonic() > moved_at + PATIENCE_SECONDS:
                raise Stalled(f"No writer has written for {PATIENCE_SECONDS:.0f} s; {left} hits wait in the buffer.")
            time.sleep(PAUSE_SECONDS)

    def _see_what_is_written(self) -> None:
        """Forget the entries that are rows now."""
        with db.transaction() as cursor:
            for part, entries in self._waiting.items():
                written = _order(rebuild.offset(cursor, part)[0])
                while entries and entries[0][0] <= written:
                    entries.popleft()

    def _count_waiting(self) -> int:
        return sum(hits for entries in self._waiting.values() for _, hits in entries)


def _overflow_waits() -> bool:
    with db.transaction() as cursor:
        return any(True for part in buffer.lengths() for _ in buffer.overflowed(cursor, part))


def _order(entry_id: str) -> tuple[int, int]:
    moment, _, number = entry_id.partition("-")
    return int(moment), int(number)
