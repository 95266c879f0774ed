"""Access logs of the past into the buffer: `bin/manage import-log`.

A line becomes a hit of the protocol `log`. Its address is replaced by the network before anything else happens,
and it has an event id made of its text, so that the same file imported again changes nothing
(for as long as `pipeline/dedupe.py` remembers).
"""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import io
import os
import re
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, cast

from analytics.events import ClientEvent, Hit, Limits, Refused
from analytics.ingest import feed, hits, visitor
from analytics.protocols import clean, log
from analytics.sites import create
from analytics.sites.lookup import SiteFacts
from analytics.store import db

_SQL = db.statements(__file__)
MOST_REMEMBERED = 300_000
"""Of the lines read last, how many are remembered to number identical ones."""
_ADDRESS = re.compile(r"(?<![\w/])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7})")


class Unreadable(Exception):
    """The file cannot be read, or not to its end; what came before is imported."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no hit. `text` is its beginning, without addresses, safe to print."""

    number: int
    reason: str
    text: str


@dataclass
class Summary:
    """What became of a file. `stored` and `known` are None when nobody waited for the writer."""

    lines: int = 0
    pushed: int = 0
    broken: int = 0
    first_broken: Broken | None = None
    stored: int | None = None
    known: int | None = None
    quarantined: int = 0


@dataclass
class Source:
    """A file of lines: its name for people, and how many bytes of it (as it lies on the disk) were read."""

    name: str
    size: int | None
    lines: IO[bytes]
    position: Callable[[], int]


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """A log, plain or gzip (by its first bytes, not its name); `-` is standard input. Raises Unreadable."""
    if path == "-":
        yield _source("standard input", cast(io.BufferedReader, sys.stdin.buffer), None)
        return
    try:
        with Path(path).open("rb") as raw:
            yield _source(path, raw, os.fstat(raw.fileno()).st_size)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None


def _source(name: str, raw: io.BufferedReader, size: int | None) -> Source:
    packed = raw.peek(2)[:2] == b"\x1f\x8b"
    lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
    return Source(name, size, lines, (lambda: 0) if size is None else raw.tell)


@dataclass
class Importer:
    """Lines of one site's logs → hits in the buffer.

    `tell` gets sentences about waiting, `broken` every line that is none. All hits carry the importer's own
    instant as `received_at`, by which they are found again.
    """

    site: SiteFacts
    tell: Callable[[str], None]
    broken: Callable[[Broken], None]
    now: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    summary: Summary = field(default_factory=Summary)

    def __post_init__(self) -> None:
        self._feed = feed.Feed(self.tell)
        self._occurrences = Occurrences()

    def read(self, source: Source) -> Iterator[int]:
        """Feed every line; yields the position in the file now and then. Raises Unreadable, feed.Stalled."""
        try:
            while line := source.lines.readline(Limits.EVENT_BYTES + 2):
                self._take(_whole(line, source.lines))
                if self.summary.lines % 1000 == 0:
                    yield source.position()
        except (OSError, EOFError, zlib.error) as error:
            self.finish(wait=False)
            raise Unreadable(f"{source.name} cannot be read behind line {self.summary.lines}: {error}.") from error
        yield source.position()

    def finish(self, *, wait: bool) -> Summary:
        """Everything that was read is in the buffer and, with `wait`, in the tables. Raises feed.Stalled."""
        self._feed.finish()
        self.summary.pushed = self._feed.pushed
        if wait:
            self._feed.wait()
            self.summary.stored, self.summary.quarantined = _outcome(self.site.id, self.now)
            self.summary.known = self.summary.pushed - self.summary.stored - self.summary.quarantined
            create.data_changed(self.site.id)
        return self.summary

    def _take(self, line: bytes) -> None:
        self.summary.lines += 1
        text = line.decode(errors="replace").rstrip("\r\n")
        try:
            part, made = self._hit(text)
        except (log.BadLine, Refused) as error:
            self.summary.broken += 1
            broken = Broken(self.summary.lines, _reason(error), printable(text))
            self.summary.first_broken = self.summary.first_broken or broken
            self.broken(broken)
        else:
            self._feed.add(part, made)

    def _hit(self, text: str) -> tuple[int, Hit]:
        """Raises log.BadLine, Refused."""
        if len(text) > Limits.EVENT_BYTES:
            raise log.BadLine(f"longer than {Limits.EVENT_BYTES} bytes")
        line = log.parse(text)
        address, network = _placed(line.address)
        if address is None:
            raise log.BadLine("no address that can be read at its beginning")
        agent = clean.text(line.user_agent, Limits.USER_AGENT_CHARS)
        caller = hits.Caller(address, agent)
        door = hits.Door(caller, self.now, secret_site=self.site.id, history=True)
        payload = clean.text(masked(text, line.address, network), len(text) + 64)
        # What the line says is read by the pipeline, from the payload: the hit needs its time and id only.
        event = ClientEvent(name="line", timestamp=line.ts, event_id=self._occurrences.event_id(text, line.ts))
        return hits.hit(hits.Said(log.NAME, payload, event), self.site, door)


class Occurrences:
    """Numbers identical lines, so that each is an event of its own, and the same one in every import.

    Identical lines have the same time, so lines read long ago may be forgotten.
    """

    def __init__(self) -> None:
        self._times: dict[dt.datetime, dict[bytes, int]] = {}
        self._remembered = 0

    def event_id(self, text: str, ts: dt.datetime) -> uuid.UUID:
        """A UUIDv5 of the line and of how many identical ones came before."""
        encoded = text.encode()
        seen = self._times.setdefault(ts, {})
        digest = blake2b(encoded, digest_size=16).digest()
        before = seen.get(digest, 0)
        seen[digest] = before + 1
        self._remembered += not before
        while self._remembered > MOST_REMEMBERED and len(self._times) > 1:
            self._remembered -= len(self._times.pop(next(iter(self._times))))
        named = blake2b(encoded, digest_size=16, salt=before.to_bytes(16), person=b"log line").digest()
        return uuid.UUID(bytes=named, version=5)


@functools.lru_cache(maxsize=10_000)
def _placed(text: str) -> tuple[visitor.Address | None, str]:
    """(address, network)"""
    address = visitor.parse_address(text)
    return address, visitor.network(address)


def masked(text: str, address: str, network: str) -> str:
    """The line with the client's address replaced by its network, wherever it stands."""
    if text.count(address) == 1:
        return text.replace(address, network)
    return _alone(address).sub(network, text)


@functools.lru_cache(maxsize=1000)
def _alone(address: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.:]){re.escape(address)}(?![\w:]|\.\d)")


def printable(text: str) -> str:
    """The beginning of a line for a person to recognise it: 80 characters, no address, nothing but print."""
    safe = _ADDRESS.sub("(address)", text[:400])
    return "".join(char if char.isprintable() else "\ufffd" for char in safe[:80])


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, Refused) else str(error)


def _whole(line: bytes, lines: IO[bytes]) -> bytes:
    """The line; of one that is too long only the beginning, the rest is read and dropped."""
    rest = line
    while not rest.endswith(b"\n") and len(rest) > Limits.EVENT_BYTES:
        rest = lines.readline(1 << 20)
    return line


def _outcome(site_id: int, received_at: dt.datetime) -> tuple[int, int]:
    """(rows, quarantined) of the hits of an import."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["outcome"], [site_id, received_at])
        ((stored, quarantined),) = cursor.fetchall()
    return stored, quarantined
