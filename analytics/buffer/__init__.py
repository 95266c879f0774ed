"""BUFFER: hits between the door and the pipeline, durable before the 202, in N parts.

A part is one stream in Valkey. An entry holds hits of the requests that travelled together (`group`), as msgpack
(`entries`). Beside each stream stands a hash of the door's counters (`counters`), moved in the same MULTI as the
stream, which the ledger takes over (`pipeline/books.py`), and the stream's name (`place`), by which a writer notices
that it is another one. All keys of a part share a hash tag, so that Valkey Cluster keeps them together.

When Valkey is away, entries go to the table `overflow`; when both are away, `Away` is raised and nothing was accepted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec
import redis
from django.conf import settings
from redis.exceptions import AskError, ClusterError, ExecAbortError, OutOfMemoryError, ReadOnlyError, TryAgainError

from analytics.buffer import counters, entries, group, overflow, place, server
from analytics.buffer.place import Loss, Place
from analytics.events import Hit
from analytics.store import db

FIRST_PAGE, LARGEST_PAGE = 32, 512
"""Entries. An entry may be large: pages grow as long as they are small."""
MOST_BYTES = 16 << 20
MOST_TOGETHER = 64
"""Requests that share one trip to the disk."""
CLUSTER_POLL_SECONDS = 0.1
REFUSED = (AskError, ClusterError, ExecAbortError, OutOfMemoryError, ReadOnlyError, TryAgainError)
"""What a node of a cluster says that has stored nothing of a transaction."""

log = logging.getLogger(__name__)

Fault = server.Fault
Ids = dict[int, str]
"""Part → id of the entry."""


class Away(Exception):
    """Neither Valkey nor the overflow table took the hits, or nobody knows whether Valkey did: answer 503."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Hits of one part in the order they came, and where reading goes on."""

    hits: list[Hit]
    place: Place
    garbled: int = 0
    """Entries that hold what cannot be read."""
    loss: Loss | None = None
    """Noticed instead of hits."""
    added: int = field(default=0, compare=False)
    """Entries that were ever added to the stream."""


def part_of(site_id: int, who: str) -> int:
    """The part of a visitor: the same whatever the day's salt, so that a visit across midnight stays in one part."""
    digest = blake2b(f"{site_id} {who}".encode(errors="replace"), digest_size=4).digest()
    return int.from_bytes(digest) % int(settings.BUFFER_PARTS)


class _Push(msgspec.Struct, frozen=True):
    """What one request brings."""

    parts: Mapping[int, Sequence[Hit]]
    turned_away: counters.Counts
    now: dt.datetime


class _Trip(msgspec.Struct, frozen=True):
    """What requests that travel together bring."""

    parts: dict[int, list[Hit]]
    counts: Counter[counters.Place]
    now: dt.datetime

    def cut_down(self, parts: Sequence[int]) -> _Trip:
        """The same for some parts only."""
        hits = {part: self.parts[part] for part in parts if part in self.parts}
        return _Trip(hits, Counter({at: n for at, n in self.counts.items() if at[0] in parts}), self.now)


class Passage:
    """Hits on their way to the disk."""

    __slots__ = ("_hits", "_shared")

    def __init__(self, hits: Mapping[int, Sequence[Hit]], shared: group.Passage[_Push, Ids | Away] | None) -> None:
        self._hits = hits
        self._shared = shared

    def arrive(self) -> Ids:
        """Return when they are durable, with what `push` gives; raises what it raises."""
        ids = self._shared.arrive() if self._shared else {}
        if not isinstance(ids, Away):
            return {part: entry_id for part, entry_id in ids.items() if part in self._hits}
        if self._hits:
            raise Away(*ids.args) from ids.__cause__
        return {}


def board(
    parts: Mapping[int, Sequence[Hit]], now: dt.datetime, turned_away: Mapping[tuple[int, str], int] | None = None
) -> Passage:
    """Begin to push. Nothing is durable before the passage has arrived; whoever has several boards with all first."""
    if not parts and (not turned_away or server.is_left_alone()):
        return Passage(parts, None)
    return Passage(parts, _group.board(_Push(parts, counters.of_turned_away(turned_away or {}, now), now)))


def push(
    parts: Mapping[int, Sequence[Hit]], now: dt.datetime, turned_away: Mapping[tuple[int, str], int] | None = None
) -> Ids:
    """Make the hits durable, all of them or none, and count refusals that leave none: (site, reason) → how many.

    Gives the entry id in each part, by which one can see when they are written; nothing when they overflowed. Raises
    Away, for hits only: while Valkey is away refusals without a hit are not counted. (In a Valkey Cluster, Away may
    be raised when the hits of some parts are stored: senders come back with all, and count once by their event ids.)
    """
    return board(parts, now, turned_away).arrive()


def _commit(pushes: list[_Push]) -> Ids | Away:
    """Make durable what several requests bring: all of it or none."""
    try:
        trip = _together(pushes)
        if server.is_left_alone():
            return _overflow(trip)
        try:
            return _store_apart(trip) if server.is_cluster() else _store(trip)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            server.leave_alone()
            if not _never_sent(error):
                # It may have been stored: storing it elsewhere too would count it twice, so the senders come back.
                return Away("the buffer broke off or did not answer in time")
            return _overflow(trip)
    except redis.RedisError as error:
        # It is full: it goes on being asked, for room is made at any moment.
        return Away(f"the buffer refuses to write: {error}")
    except db.FAULTS as error:
        return Away(f"the buffer and the overflow table are both away: {db.describe(error)}")
    except Exception as error:  # Those who wait must hear of it: they were promised nothing.
        log.exception("hits could not be stored")
        return Away(f"hits could not be stored: {type(error).__name__}")


_group: group.Group[_Push, Ids | Away] = group.Group(_commit, MOST_TOGETHER)


def _store(trip: _Trip) -> dict[int, str]:
    """All parts in one transaction."""
    pipe = server.client().pipeline(transaction=True)
    for part, hits in trip.parts.items():
        pipe.xadd(server.stream(part), {"h": entries.encode(hits), "n": len(hits)})
    for (part, minute, site_id, outcome, reason), n in trip.counts.items():
        pipe.hincrby(server.door(part), counters.field(minute, site_id, outcome, reason), n)
    replies = server.execute(pipe)
    return dict(zip(trip.parts, (reply.decode() for reply in replies if isinstance(reply, bytes)), strict=True))


def _store_apart(trip: _Trip) -> dict[int, str]:
    """Into a cluster, whose transactions hold one part: when one of them is refused, it and the rest overflow."""
    ids: dict[int, str] = {}
    parts = sorted({*trip.parts, *(at[0] for at in trip.counts)})
    for done, part in enumerate(parts):
        try:
            ids |= _store(trip.cut_down([part]))
        except redis.RedisError as error:
            is_full = isinstance(error, OutOfMemoryError) and not done
            if is_full or not (isinstance(error, REFUSED) or _never_sent(error)):
                raise
            server.leave_alone()
            _overflow(trip.cut_down(parts[done:]))
            break
    return ids


def _together(pushes: list[_Push]) -> _Trip:
    parts: dict[int, list[Hit]] = defaultdict(list)
    counts: Counter[counters.Place] = Counter()
    for one in pushes:
        for part, hits in one.parts.items():
            parts[part].extend(hits)
            for at, n in counters.of_hits(hits, one.now).items():
                counts[part, *at] += n
        for at, n in one.turned_away.items():
            counts[0, *at] += n
    return _Trip(parts, counts, pushes[0].now)


def _never_sent(error: Exception) -> bool:
    """True when no connection was made (or it said that it is loading): nothing can have been stored."""
    return isinstance(error, redis.BusyLoadingError) or " connecting to " in str(error)


def _overflow(trip: _Trip) -> dict[int, str]:
    overflow.put(trip.parts, trip.counts, trip.now)
    return {}


def take(part: int, start: Place, most: int, seen: int = 0) -> Taken:
    """Up to about `most` hits (and MOST_BYTES) of a part's stream behind a place, or else what happened to the stream.

    `seen` is how many entries the stream was seen to have had. Entries are never removed here: `trim` does that once
    they are committed. Raises Fault.
    """
    hits: list[Hit] = []
    at, garbled, size, wanted = start, 0, 0, FIRST_PAGE
    while True:
        page = place.page(part, at, wanted)
        if at.epoch == "" and (named := place.adopted(part, at)) != at:
            at = named
            continue
        if loss := place.loss(at, page, seen):
            # What was read so far is good. The rest is looked at when that is committed.
            return Taken(hits, at, garbled) if at != start else Taken([], place.from_the_start(part), loss=loss)
        at = place.behind(at, page)
        for entry_id, fields in page.entries:
            found = entries.decode(fields.get(b"h"), f"entry {entry_id} of part {part}")
            hits += found.hits
            garbled += found.garbled
            size += len(fields.get(b"h", b""))
        if page.drained or len(hits) >= most or size >= MOST_BYTES:
            return Taken(hits, at, garbled, added=page.added)
        wanted = min(wanted * 2, LARGEST_PAGE, max(1, (MOST_BYTES - size) * wanted // max(size, 1)))


def wait(parts: Mapping[int, Place], seconds: float) -> None:
    """Return as soon as one of the parts has something behind its place, or after some seconds."""
    if server.is_cluster():
        time.sleep(min(seconds, CLUSTER_POLL_SECONDS))  # its nodes cannot be waited for together
    elif parts:
        server.reader().xread({server.stream(part): at.entry_id for part, at in parts.items()}, 1, int(seconds * 1000))


def trim(part: int, committed: Place) -> None:
    """Drop the entries before a committed place."""
    place.trim(part, committed)


def waiting(part: int, after: str, upto: str = "+") -> Iterator[Hit]:
    """The hits of a part between two entry ids (the first not included), a page at a time."""
    while page := server.reader().xrange(server.stream(part), f"({after}", upto, FIRST_PAGE):
        for entry_id, fields in page:
            after = entry_id.decode()
            yield from entries.decode(fields.get(b"h"), f"entry {after} of part {part}").hits


def overflowed(cursor: db.Cursor, part: int) -> Iterator[Hit]:
    """The hits of a part that wait in PostgreSQL."""
    return overflow.waiting(cursor, part)


def give_back(cursor: db.Cursor, part: int, hits: Sequence[Hit], now: dt.datetime) -> None:
    """Let a part have hits once more, in the caller's transaction. The door counted them when they came."""
    overflow.give_back(cursor, part, hits, now)


def lengths() -> dict[int, int]:
    """Entries per part, read or not."""
    return {part: int(server.reader().xlen(server.stream(part))) for part in range(settings.BUFFER_PARTS)}


def fullness() -> float:
    """The share of its memory that Valkey uses, 0 to 1; 0 when it has no limit. Of a cluster, the fullest node's.

    Raises Away.
    """
    try:
        return max(said["used_memory"] / said["maxmemory"] if said["maxmemory"] else 0.0 for said in server.memory())
    except redis.RedisError as error:
        raise Away("the buffer does not answer") from error


def ready() -> bool:
    """Whether hits can be made durable: in Valkey, or else in the overflow table."""
    with contextlib.suppress(redis.RedisError):
        return bool(server.client().ping())
    with contextlib.suppress(*db.FAULTS):
        return overflow.answers()
    return False
