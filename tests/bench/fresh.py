"""From the 202 to the visible row, while events come in at a steady pace."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from uuid import UUID

from analytics.store import db
from tests import processes
from tests.bench.load import AGENT, EVENT

PER_REQUEST = 10
SENDERS = 8
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
_RUN = f"{os.getpid():08x}-0000-7000-8000-"


class Sender(threading.Thread):
    """Sends a request whenever one is due, whatever became of those before; notes when its events were accepted."""

    def __init__(self, address: str, place: int, per_second: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self._address, self._place, self._pace, self._seconds = (
            address,
            place,
            SENDERS * PER_REQUEST / per_second,
            seconds,
        )
        self.accepted: dict[UUID, float] = {}
        self.answers: Counter[int] = Counter()

    def run(self) -> None:
        began_at = time.perf_counter() + self._pace * self._place / SENDERS
        for number in range(int(self._seconds / self._pace)):
            due = began_at + number * self._pace
            time.sleep(max(0.0, due - time.perf_counter()))
            self.send(number)

    def send(self, number: int) -> None:
        """The request of that number."""
        ids = [f"{_RUN}{self._place << 40 | number * PER_REQUEST + n:012x}" for n in range(PER_REQUEST)]
        events = ",".join(EVENT.replace("%s", one) for one in ids)
        body = f'{{"site":"bench0.example","events":[{events}]}}'.encode()
        request = urllib.request.Request(f"{self._address}/v1/events", body, {"User-Agent": AGENT})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                accepted = json.load(response)["accepted"] == PER_REQUEST
                self.answers[response.status] += 1
        except OSError as error:
            self.answers[getattr(error, "code", 0)] += 1
            return
        if accepted:
            now = time.perf_counter()
            self.accepted.update((UUID(one), now) for one in ids)


class Watcher(threading.Thread):
    """Looks at the table as a report would, again and again, and notes when each event is there."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: dict[UUID, float] = {}
        self.enough = threading.Event()
        self._batches: dict[int, int] = {}

    def run(self) -> None:
        while not self.enough.is_set():
            self._look()
            time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        with db.transaction() as cursor:
            cursor.execute("SELECT part, batch FROM part_offset")
            for part, batch in cursor.fetchall():
                if batch > self._batches.get(part, 0):
                    cursor.execute(
                        "SELECT event_id FROM event WHERE part = $1 AND batch > $2 AND batch <= $3",
                        [part, self._batches.get(part, 0), batch],
                    )
                    found = cursor.fetchall()
                    now = time.perf_counter()
                    self.seen.update((event_id, now) for (event_id,) in found)
                    self._batches[part] = batch


def _wait(all_seen: Callable[[], bool], accepted: dict[UUID, float]) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not all_seen():
        if time.perf_counter() > deadline:
            sys.exit(f"not all of {len(accepted)} accepted events were seen within {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def measure(per_second: float, seconds: float) -> str:
    """Events of one site through a pool and a writer; says how long they took to be seen."""
    with processes.pool("ingest", os.environ) as address, processes.running(["manage.py", "write"], os.environ):
        watcher = Watcher()
        watcher.start()
        first = Sender(address, SENDERS, per_second, seconds=0)
        first.send(0)
        _wait(lambda: first.accepted.keys() <= watcher.seen.keys(), first.accepted)  # until the writer is at work
        senders = [Sender(address, place, per_second, seconds) for place in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        accepted = {one: at for sender in senders for one, at in sender.accepted.items()}
        _wait(lambda: accepted.keys() <= watcher.seen.keys(), accepted)
        watcher.enough.set()
        watcher.join()
    answers = sum((sender.answers for sender in senders), Counter[int]())
    took = sorted(max(0.0, watcher.seen[one] - at) for one, at in accepted.items())
    p95, p99 = (took[int((len(took) - 1) * share)] for share in (0.95, 0.99))
    return (
        f"{len(took):,} events at {per_second:,.0f}/s, answers {dict(answers)}; from the 202 to the visible row:"
        f" median {statistics.median(took) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms,"
        f" longest {took[-1] * 1000:.0f} ms (looked every {LOOK_SECONDS * 1000:.0f} ms)"
    )
