"""What was sent against what is kept: in TimescaleDB, in quarantine, in the lake, and in the books."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from pyiceberg.expressions import EqualTo

from analytics.buffer import server
from analytics.lake import tables
from analytics.store import db
from tests import processes
from tests.chaos.sender import Request

_SQL = db.statements(__file__)
DRAIN_SECONDS = 30.0


@dataclass
class Sent:
    """What a scenario sent. Events are known by their numbers, which are their paths; poison by its hit ids."""

    requests: list[Request] = field(default_factory=list)
    pushed: set[int] = field(default_factory=set)
    """Events that were put into the buffer past the door."""
    poison: set[UUID] = field(default_factory=set)
    """Hits that have to end in quarantine."""

    @property
    def acknowledged(self) -> set[int]:
        return self.pushed | {number for one in self.requests if one.acknowledged for number in one.numbers}

    @property
    def deliveries(self) -> int:
        """How many hits were acknowledged; an event that was sent again counts again."""
        return len(self.pushed) + sum(
            len(one.numbers) for one in self.requests for status, _, _ in one.answers if status == 202
        )

    @property
    def all(self) -> set[int]:
        return self.pushed | {number for one in self.requests for number in one.numbers}


@dataclass
class Found:
    """What the stores hold of it."""

    stored: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    quarantined: int = 0
    lost: set[int] = field(default_factory=set)
    """Acknowledged, and nowhere."""
    complaints: list[str] = field(default_factory=list)
    """Everything else that should not be."""


@dataclass(frozen=True)
class Waiting:
    """What the buffer and the overflow table hold at one time: the newest entry of each part, the newest row."""

    entries: dict[int, str]
    overflow_id: int

    def is_written(self) -> bool:
        """Whether all of it is committed; what came later does not matter."""
        with db.transaction() as cursor:
            cursor.execute(_SQL["offsets"])
            offsets = dict(cursor.fetchall())
            cursor.execute(_SQL["overflowed"], [self.overflow_id])
            if cursor.fetchall() != [(0,)]:
                return False
        return all(order(offsets.get(part, "0-0")) >= order(entry) for part, entry in self.entries.items())


def waiting() -> Waiting:
    """What is there now."""
    entries: dict[int, str] = {}
    for part in range(settings.BUFFER_PARTS):
        last: Any = server.reader().xrevrange(server.stream(part), "+", "-", 1)
        if last:
            entries[part] = last[0][0].decode()
    with db.transaction() as cursor:
        cursor.execute(_SQL["newest_overflow"])
        ((overflow_id,),) = cursor.fetchall()
    return Waiting(entries, overflow_id)


def order(entry_id: str) -> tuple[int, int]:
    """By which entry ids compare."""
    moment, _, number = entry_id.partition("-")
    return int(moment), int(number or 0)


def drain(seconds: float = DRAIN_SECONDS) -> float:
    """Wait until everything that waits now is committed; the seconds it took. Raises AssertionError."""
    began_at = time.monotonic()
    those = waiting()
    while not those.is_written():
        assert time.monotonic() < began_at + seconds, f"the buffer was not drained within {seconds:.0f} s"
        time.sleep(0.1)
    return time.monotonic() - began_at


def has_stored(site_id: int) -> bool:
    """Whether anything of a site is a row."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["any"], [site_id])
        return cursor.fetchone() == (True,)


def examine(site_id: int, sent: Sent) -> Found:
    """Compare everything of a site, after the lake was brought up to now."""
    found = Found()
    events, hits, quarantined, found.duplicates = _hot(site_id, sent.poison)
    found.stored = Counter(int(path.strip("/")) for path, _ in events)
    found.quarantined = len(quarantined)
    found.lost = sent.acknowledged - set(found.stored)
    complaints: dict[str, list[Any]] = {
        "stored twice": [number for number, times in found.stored.items() if times > 1],
        "stored, but never sent": sorted(set(found.stored) - sent.all),
        "in quarantine, but sound": sorted(set(quarantined) - sent.poison),
        "poison that is not in quarantine": sorted(sent.poison - set(quarantined)),
        "in quarantine twice": [hit for hit, times in Counter(quarantined).items() if times > 1],
        "hits that differ from the events": sorted(set(hits) ^ {hit for _, hit in events}),
        "hits stored twice": [hit for hit, times in Counter(hits).items() if times > 1],
        "lake.hits and hit differ": _difference("hits", site_id, hits),
        "lake.events and event differ": _difference("events", site_id, [hit for _, hit in events]),
    }
    found.complaints = [f"{len(those)} {what} ({those[0]} …)" for what, those in complaints.items() if those]
    return found


def _hot(site_id: int, poison: set[UUID]) -> tuple[list[tuple[str, UUID]], list[UUID], list[UUID], int]:
    with db.transaction() as cursor:
        cursor.execute(_SQL["events"], [site_id])
        events = cursor.fetchall()
        cursor.execute(_SQL["hits"], [site_id])
        hits = [hit for (hit,) in cursor.fetchall()]
        cursor.execute(_SQL["quarantined"], [site_id, list(poison)])
        quarantined = [hit for (hit,) in cursor.fetchall()]
        cursor.execute(_SQL["duplicates"], [site_id])
        ((duplicates,),) = cursor.fetchall()
    return events, hits, quarantined, duplicates


def _difference(name: tables.Name, site_id: int, hot: list[UUID]) -> list[UUID]:
    """Hits that one of the two stores has more often than the other."""
    wanted: Any = EqualTo
    fields = ("hit_id",) if name == "events" else ("hit_id", "refused")
    rows = tables.load(name).scan(row_filter=wanted("site_id", site_id), selected_fields=fields).to_arrow().to_pylist()
    lake = Counter(_uuid(row["hit_id"]) for row in rows if not row.get("refused"))
    lake.subtract(Counter(hot))
    return [hit for hit, n in lake.items() if n]


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(bytes=value)


@dataclass(frozen=True)
class Books:
    """What `bin/manage balance` said."""

    code: int
    text: str

    @property
    def missing(self) -> int:
        """The hits that the books miss: the column difference of the sites, added up."""
        lines = self.text.split("\n\n")[0].splitlines()[1:]
        return sum(int(line.split()[-1]) for line in lines if line.split() and line.split()[-1].lstrip("-").isdigit())


def balance(environment: Mapping[str, str], *options: str) -> Books:
    """Run `manage.py balance`."""
    command = [sys.executable, "manage.py", "balance", *options]
    done = subprocess.run(
        command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return Books(done.returncode, f"{done.stdout}\n{done.stderr}")
