"""How far a stream has been read, and whether it is still the same stream with all of its entries.

A stream belongs to an epoch: a random name in a key beside it, set by the writer of the part. Beside the offset the
writer commits the epoch, and how many of its entries are read. Valkey counts all entries that were ever added: when
nothing is left to read, both counts must be the same.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from redis.exceptions import OutOfMemoryError, ResponseError, WatchError

from analytics.buffer import server

START = "0-0"
AGAIN = -1
"""Instead of a count: the stream is being read again from its start."""
COUNT_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Place:
    """How far a part has been read."""

    entry_id: str = START
    epoch: str = ""
    """Empty: not known yet, as in a new installation, or after an upgrade from a version that knew no epochs."""
    entries: int = 0
    """How many entries of the epoch have been read; AGAIN while the stream is read again."""

    @property
    def again(self) -> bool:
        """Whether what is read may have been read before."""
        return self.entries == AGAIN


class Page(NamedTuple):
    """Entries behind a place, and what the stream said of itself at that instant."""

    entries: list[tuple[str, dict[bytes, bytes]]]
    epoch: str
    added: int
    """Entries that were ever added to the stream."""
    drained: bool
    """Nothing is left behind these entries."""


class Loss(NamedTuple):
    """Entries vanished that nobody has read."""

    what: str
    lost: int
    """How many, as far as is known."""


def page(part: int, place: Place, most: int) -> Page:
    """Up to `most` entries behind a place."""
    with server.reader().pipeline(transaction=True) as pipe:
        pipe.get(server.epoch(part))
        pipe.xrange(server.stream(part), f"({place.entry_id}", "+", most)
        pipe.xinfo_stream(server.stream(part))
        epoch, found, said = server.execute(pipe, raising=False)
    for answer in (epoch, found):
        if isinstance(answer, Exception):
            raise answer
    entries = [(entry_id.decode(), _by_name(fields)) for entry_id, fields in found]
    return Page(entries, (epoch or b"").decode(), _added(said), len(entries) < most)


def _added(said: Any) -> int:
    """Entries ever added, by what XINFO STREAM said; a stream that is not there has none."""
    if isinstance(said, ResponseError) and "no such key" in str(said):
        return 0
    if isinstance(said, Exception):
        raise said
    name = "entries-added"
    return int(said[name] if name in said else said[name.encode()])


def _by_name(fields: Any) -> dict[bytes, bytes]:
    """Fields of an entry. A cluster's client leaves the answers of a transaction as they came: names and values."""
    return fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))


def behind(place: Place, read: Page) -> Place:
    """The place behind a page that was read."""
    if not read.entries:
        last, entries = place.entry_id, place.entries
    else:
        last, entries = read.entries[-1][0], place.entries if place.again else place.entries + len(read.entries)
    return Place(last, place.epoch, read.added if place.again and read.drained else entries)


def loss(place: Place, read: Page, seen: int) -> Loss | None:
    """What a page tells about entries that are gone, when the stream was seen to have had so many."""
    if not place.epoch:
        return None
    if read.epoch != place.epoch:
        return Loss("the buffer came back empty or as another one", 0)
    if read.added < seen:
        return Loss(f"the buffer came back older than it was, by {seen - read.added} entries or more", 0)
    if place.again or not read.drained:
        return None
    missing = read.added - place.entries - len(read.entries)
    if missing < 0:
        return Loss(f"the buffer came back older than what is committed, by {-missing} entries or more", 0)
    if missing > 0:
        return Loss("somebody trimmed or deleted entries that nobody had read", missing)
    return None


def from_the_start(part: int) -> Place:
    """Where to read on after a loss."""
    return Place(START, _name(part), AGAIN)


def adopted(part: int, place: Place) -> Place:
    """The same place with the stream's epoch, and with the number of entries up to it."""
    epoch = _name(part)
    if place.again or not epoch:
        return replace(place, epoch=epoch)
    upto = _count_upto(part, place.entry_id)
    with server.reader().pipeline(transaction=True) as pipe:
        pipe.xlen(server.stream(part))
        pipe.xinfo_stream(server.stream(part))
        length, said = server.execute(pipe, raising=False)
    return Place(place.entry_id, epoch, _added(said) - (int(length) - upto))


def _name(part: int) -> str:
    """The name of a part's stream, which is given one when it has none; empty when the buffer is too full for that."""
    key = server.epoch(part)
    with contextlib.suppress(OutOfMemoryError):
        # Reading must go on, for it is what makes room; the name can wait.
        server.reader().set(key, secrets.token_hex(8), nx=True)
    return (server.reader().get(key) or b"").decode()


def _count_upto(part: int, entry_id: str) -> int:
    """Entries up to an id: those that are not trimmed yet."""
    total, after = 0, "-"
    while found := server.reader().xrange(server.stream(part), after, entry_id, COUNT_ENTRIES):
        total += len(found)
        after = f"({found[-1][0].decode()}"
    return total


def trim(part: int, place: Place) -> None:
    """Drop the entries before a place that is committed, if the stream is still the same."""
    with server.reader().pipeline(transaction=True) as pipe:
        try:
            pipe.watch(server.epoch(part))
            if (pipe.get(server.epoch(part)) or b"").decode() != place.epoch:
                return
            pipe.multi()
            pipe.xtrim(server.stream(part), minid=place.entry_id, approximate=True)
            server.execute(pipe)
        except WatchError:
            return
