"""BUFFER: hits between the door and the pipeline, durable before the 202, in N parts.

A part is one stream in Valkey. An entry holds hits of the requests that travelled together (`group`), as msgpack.
Beside each stream stands a hash of the door's counters (`counters`), moved in the same MULTI as the stream, which
the ledger takes over (`pipeline/books.py`). All keys of a part share a hash tag, so that Valkey Cluster keeps them
together.

When Valkey is away, entries go to the table `overflow`; when both are away, `Away` is raised and nothing was accepted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import redis
from django.conf import settings

from analytics.buffer import counters, server
from analytics.buffer.group import Group
from analytics.events import Hit
from analytics.store import db

TAKE_ENTRIES = 64
MOST_BYTES = 16 << 20
MOST_TOGETHER = 64
"""Requests that share one trip to the disk."""

log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Hit]).decode

Fault = server.Fault


class Away(Exception):
    """Neither Valkey nor the overflow table took the hits, or nobody knows whether Valkey did: answer 503."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Hits of one part in the order they came, and where reading goes on."""

    hits: list[Hit]
    entry_id: str
    overflow_ids: list[int]


def part_of(site_id: int, who: str) -> int:
    """The part of a visitor: the same whatever the day's salt, so that a visit across midnight stays in one part."""
    digest = blake2b(f"{site_id} {who}".encode(errors="replace"), digest_size=4).digest()
    return int.from_bytes(digest) % int(settings.BUFFER_PARTS)


class _Push(msgspec.Struct, frozen=True):
    """What one request brings."""

    parts: Mapping[int, Sequence[Hit]]
    turned_away: counters.Counts
    now: dt.datetime


def push(
    parts: Mapping[int, Sequence[Hit]], now: dt.datetime, turned_away: Mapping[tuple[int, str], int] | None = None
) -> dict[int, str]:
    """Make the hits durable, all of them or none, and count refusals that leave none: (site, reason) → how many.

    Gives the entry id in each part, by which one can see when they are written; nothing when they overflowed. Raises
    Away, for hits only: while Valkey is away refusals without a hit are not counted.
    """
    if not parts and (not turned_away or server.is_left_alone()):
        return {}
    ids = _group.join(_Push(parts, counters.of_turned_away(turned_away or {}, now), now))
    if isinstance(ids, Away):
        if not parts:
            return {}
        raise Away(*ids.args) from ids.__cause__
    return {part: entry_id for part, entry_id in ids.items() if part in parts}


def _commit(pushes: list[_Push]) -> dict[int, str] | Away:
    """Make durable what several requests bring: all of it or none."""
    try:
        if server.is_left_alone():
            return _overflow(pushes)
        try:
            return _store(pushes)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            server.leave_alone()
            if not _never_sent(error):
                # It may have been stored: storing it elsewhere too would count it twice, so the senders come back.
                return Away("the buffer broke off or did not answer in time")
            return _overflow(pushes)
    except redis.RedisError as error:
        # It is full: it goes on being asked, for room is made at any moment.
        return Away(f"the buffer refuses to write: {error}")
    except db.FAULTS as error:
        return Away(f"the buffer and the overflow table are both away: {db.describe(error)}")
    except Exception as error:  # Those who wait must hear of it: they were promised nothing.
        log.exception("hits could not be stored")
        return Away(f"hits could not be stored: {type(error).__name__}")


_group: Group[_Push, dict[int, str] | Away] = Group(_commit, MOST_TOGETHER)


def _store(pushes: list[_Push]) -> dict[int, str]:
    parts, counts = _together(pushes)
    pipe = server.client().pipeline(transaction=True)
    for part, hits in parts.items():
        pipe.xadd(server.stream(part), {"h": _encode(hits), "n": len(hits)})
    for (part, minute, site_id, outcome, reason), n in counts.items():
        pipe.hincrby(server.door(part), counters.field(minute, site_id, outcome, reason), n)
    replies = pipe.execute()
    return dict(zip(parts, (reply.decode() for reply in replies if isinstance(reply, bytes)), strict=True))


def _together(pushes: list[_Push]) -> tuple[dict[int, list[Hit]], Counter[tuple[int, dt.datetime, int, str, str]]]:
    """(part → hits, (part, minute, site, outcome, reason) → how many) of all of them."""
    parts: dict[int, list[Hit]] = defaultdict(list)
    counts: Counter[tuple[int, dt.datetime, int, str, str]] = Counter()
    for one in pushes:
        for part, hits in one.parts.items():
            parts[part].extend(hits)
            for place, n in counters.of_hits(hits, one.now).items():
                counts[part, *place] += n
        for place, n in one.turned_away.items():
            counts[0, *place] += n
    return parts, counts


def _never_sent(error: Exception) -> bool:
    """True when no connection was made (or it said that it is loading): nothing can have been stored."""
    return isinstance(error, redis.BusyLoadingError) or " connecting to " in str(error)


def _overflow(pushes: list[_Push]) -> dict[int, str]:
    """Into PostgreSQL, rows and counters in one transaction."""
    parts, counts = _together(pushes)
    with db.transaction() as cursor:
        for part, hits in parts.items():
            cursor.execute(
                "/* buffer._overflow */ INSERT INTO overflow (part, pushed_at, hits) VALUES ($1, $2, $3)",
                [part, pushes[0].now, _encode(hits)],
            )
        for (part, minute, site_id, outcome, reason), n in counts.items():
            cursor.execute(
                "/* buffer._overflow */ INSERT INTO ledger (minute, site_id, part, outcome, reason, n)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                [minute, site_id, part, outcome, reason, n],
            )
    return {}


def take(part: int, after: str, most: int) -> Taken:
    """Up to about `most` hits (and MOST_BYTES) of a part behind an entry id; first those that overflowed.

    Entries are never removed here: `trim` does that once they are committed. While Valkey is away, what overflowed is
    taken alone.
    """
    hits, ids = _take_overflow(part)
    size = 0
    try:
        while len(hits) < most and size < MOST_BYTES:
            found = server.reader().xrange(server.stream(part), f"({after}", "+", TAKE_ENTRIES)
            if not found:
                break
            for entry_id, fields in found:
                hits.extend(_decode(fields[b"h"]))
                size += len(fields[b"h"])
                after = entry_id.decode()
    except Fault:
        if not ids:
            raise
    return Taken(hits, after, ids)


def _take_overflow(part: int) -> tuple[list[Hit], list[int]]:
    with db.transaction() as cursor:
        cursor.execute(
            "/* buffer.take */ SELECT id, hits FROM overflow WHERE part = $1 ORDER BY id LIMIT $2",
            [part, TAKE_ENTRIES],
        )
        rows = cursor.fetchall()
    return [hit for _, encoded in rows for hit in _decode(encoded)], [number for number, _ in rows]


def wait(parts: Mapping[int, str], seconds: float) -> None:
    """Return as soon as one of the parts has something behind its entry id, or after some seconds."""
    if parts:
        server.reader().xread({server.stream(part): after for part, after in parts.items()}, 1, int(seconds * 1000))


def trim(part: int, below: str) -> None:
    """Drop the entries older than a committed one."""
    server.reader().xtrim(server.stream(part), minid=below, approximate=True)


def waiting(part: int, after: str, upto: str = "+") -> Iterator[Hit]:
    """The hits of a part between two entry ids (the first not included), a page at a time."""
    while page := server.reader().xrange(server.stream(part), f"({after}", upto, TAKE_ENTRIES):
        for entry_id, fields in page:
            yield from _decode(fields[b"h"])
            after = entry_id.decode()


def overflowed(cursor: db.Cursor, part: int) -> Iterator[Hit]:
    """The hits of a part that wait in PostgreSQL."""
    cursor.execute("/* buffer.overflowed */ SELECT hits FROM overflow WHERE part = $1 ORDER BY id", [part])
    for (encoded,) in cursor:
        yield from _decode(encoded)


def lengths() -> dict[int, int]:
    """Entries per part, read or not."""
    return {part: int(server.reader().xlen(server.stream(part))) for part in range(settings.BUFFER_PARTS)}


def fullness() -> float:
    """The share of its memory that Valkey uses, 0 to 1; 0 when it has no limit. Raises Away."""
    try:
        memory = server.client().info("memory")
    except redis.RedisError as error:
        raise Away("the buffer does not answer") from error
    return memory["used_memory"] / memory["maxmemory"] if memory["maxmemory"] else 0.0


def ready() -> bool:
    """Whether hits can be made durable: in Valkey, or else in the overflow table."""
    with contextlib.suppress(redis.RedisError):
        return bool(server.client().ping())
    with contextlib.suppress(*db.FAULTS), db.transaction() as cursor:
        cursor.execute("/* buffer.ready */ SELECT FROM overflow LIMIT 1")
        return True
    return False
