"""BUFFER: hits between the door and the pipeline, durable before the 202, in N parts.

A part is one stream in Valkey. An entry holds the hits of one request that fall into the part, as msgpack. Beside each
stream stands a hash of the door's counters, moved in the same MULTI as the stream, which the ledger takes over
(`pipeline/books.py`). All keys of a part share a hash tag, so that Valkey Cluster keeps them together.

When Valkey is away, entries go to the table `overflow`; when both are away, `Away` is raised and nothing was accepted.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics.events import Hit
from analytics.store import db

TIMEOUT_SECONDS = 0.5
PAUSE_SECONDS = 1.0
"""How long Valkey is left alone after it did not answer."""
TAKE_ENTRIES = 64
MOST_BYTES = 16 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Hit]).decode

Fault = redis.RedisError
"""What Valkey raises when it is away or refuses."""
Counts = Counter[tuple[int, str, str]]
"""(site, outcome, reason) → hits."""


class Away(Exception):
    """Neither Valkey nor the overflow table took the hits, or nobody knows whether Valkey did: answer 503."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Hits of one part in the order they came, and where reading goes on."""

    hits: list[Hit]
    entry_id: str
    overflow_ids: list[int]


@functools.cache
def _client(timeout: float) -> redis.Redis:
    return redis.Redis.from_url(
        settings.BUFFER_URL,
        socket_timeout=timeout,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=3,
    )


def client() -> redis.Redis:
    """The connection of the hot path: half a second, no retries."""
    return _client(TIMEOUT_SECONDS)


def _reader() -> Any:
    """The connection of long-lived readers. Any: its stubs allow for every decoding at once."""
    return _client(10.0)


def stream(part: int) -> str:
    """The key of a part's stream."""
    return f"{{p{part}}}:hits"


def door(part: int, taking: int | None = None) -> str:
    """The key of a part's counters, or of those being taken over by the ledger."""
    return f"{{p{part}}}:door" if taking is None else f"{{p{part}}}:door:{taking}"


def part_of(site_id: int, who: str) -> int:
    """The part of a visitor: the same whatever the day's salt, so that a visit across midnight stays in one part."""
    digest = blake2b(f"{site_id} {who}".encode(errors="replace"), digest_size=4).digest()
    return int.from_bytes(digest) % int(settings.BUFFER_PARTS)


def field(now: dt.datetime, site_id: int, outcome: str, reason: str) -> str:
    """The name of one counter of the door."""
    return f"{int(now.timestamp()) // 60 * 60}:{site_id}:{outcome}:{reason}"


_away_until = 0.0
_away_lock = threading.Lock()


def _leave_alone() -> None:
    global _away_until
    with _away_lock:
        _away_until = time.monotonic() + PAUSE_SECONDS


def push(parts: Mapping[int, Sequence[Hit]], now: dt.datetime) -> dict[int, str]:
    """Make the hits durable, all of them or none. Raises Away.

    Gives the entry id in each part, by which one can see when they are written; nothing when they overflowed.
    """
    if time.monotonic() < _away_until:
        _overflow(parts, now)
        return {}
    pipe = client().pipeline(transaction=True)
    for part, hits in parts.items():
        pipe.xadd(stream(part), {"h": _encode(hits), "n": len(hits)})
        for (site_id, outcome, reason), n in counts(hits).items():
            pipe.hincrby(door(part), field(now, site_id, outcome, reason), n)
    try:
        replies = pipe.execute()
    except (redis.ConnectionError, redis.TimeoutError) as error:
        _leave_alone()
        if not _never_sent(error):
            # It may have been stored: storing it elsewhere too would count it twice, so the sender has to come back.
            raise Away("the buffer broke off or did not answer in time") from error
        _overflow(parts, now)
        return {}
    except redis.RedisError as error:
        raise Away("the buffer is full or refuses to write") from error
    return dict(zip(parts, (reply.decode() for reply in replies if isinstance(reply, bytes)), strict=True))


def _never_sent(error: Exception) -> bool:
    """True when no connection was made (or it said that it is loading): nothing can have been stored."""
    return isinstance(error, redis.BusyLoadingError) or " connecting to " in str(error)


def _overflow(parts: Mapping[int, Sequence[Hit]], now: dt.datetime) -> None:
    """Into PostgreSQL, rows and counters in one transaction."""
    try:
        with db.transaction() as cursor:
            for part, hits in parts.items():
                cursor.execute(
                    "/* buffer._overflow */ INSERT INTO overflow (part, pushed_at, hits) VALUES ($1, $2, $3)",
                    [part, now, _encode(hits)],
                )
                minute = now.replace(second=0, microsecond=0)
                for (site_id, outcome, reason), n in counts(hits).items():
                    cursor.execute(
                        "/* buffer._overflow */ INSERT INTO ledger (minute, site_id, part, outcome, reason, n)"
                        " VALUES ($1, $2, $3, $4, $5, $6)",
                        [minute, site_id, part, outcome, reason, n],
                    )
    except db.FAULTS as error:
        raise Away("the buffer and the overflow table are both away") from error


def counts(hits: Sequence[Hit]) -> Counts:
    """What the door has to book for these hits."""
    return Counter((hit.site_id, "refused" if hit.refused else "accepted", hit.refused) for hit in hits)


def take(part: int, after: str, most: int) -> Taken:
    """Up to about `most` hits (and MOST_BYTES) of a part behind an entry id; first those that overflowed.

    Entries are never removed here: `trim` does that once they are committed. While Valkey is away, what overflowed is
    taken alone.
    """
    hits, ids = _take_overflow(part)
    size = 0
    try:
        while len(hits) < most and size < MOST_BYTES:
            found = _reader().xrange(stream(part), f"({after}", "+", TAKE_ENTRIES)
            if not found:
                break
            for entry_id, fields in found:
                hits.extend(_decode(fields[b"h"]))
                size += len(fields[b"h"])
                after = entry_id.decode()
    except redis.RedisError:
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
        _reader().xread({stream(part): after for part, after in parts.items()}, 1, int(seconds * 1000))


def trim(part: int, below: str) -> None:
    """Drop the entries older than a committed one."""
    _reader().xtrim(stream(part), minid=below, approximate=True)


def waiting(part: int, after: str, upto: str = "+") -> Iterator[Hit]:
    """The hits of a part between two entry ids (the first not included), a page at a time."""
    while page := _reader().xrange(stream(part), f"({after}", upto, TAKE_ENTRIES):
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
    return {part: int(_reader().xlen(stream(part))) for part in range(settings.BUFFER_PARTS)}


def fullness() -> float:
    """The share of its memory that Valkey uses, 0 to 1; 0 when it has no limit. Raises Away."""
    try:
        memory = client().info("memory")
    except redis.RedisError as error:
        raise Away("the buffer does not answer") from error
    return memory["used_memory"] / memory["maxmemory"] if memory["maxmemory"] else 0.0


def ready() -> bool:
    """Whether hits can be made durable: in Valkey, or else in the overflow table."""
    with contextlib.suppress(redis.RedisError):
        return bool(client().ping())
    with contextlib.suppress(*db.FAULTS), db.transaction() as cursor:
        cursor.execute("/* buffer.ready */ SELECT FROM overflow LIMIT 1")
        return True
    return False


# --- the door's counters ---


def begin_taking(part: int, taking: int) -> dict[str, int]:
    """Set the part's counters aside under the number `taking` (again after a crash: the same ones) and read them."""
    reader = _reader()
    if not reader.exists(door(part, taking)) and reader.exists(door(part)):
        reader.rename(door(part), door(part, taking))
    return _counters(reader.hgetall(door(part, taking)))


def end_taking(part: int, taking: int) -> None:
    """The counters set aside are in the ledger."""
    _reader().delete(door(part, taking))


def count_refused(reasons: Mapping[str, int], now: dt.datetime) -> None:
    """Book refusals for no known site (site 0), which leave no hit. Silent when Valkey is away."""
    if time.monotonic() < _away_until:
        return
    try:
        with client().pipeline(transaction=True) as pipe:
            for reason, n in reasons.items():
                pipe.hincrby(door(0), field(now, 0, "refused", reason), n)
            pipe.execute()
    except (redis.ConnectionError, redis.TimeoutError):
        _leave_alone()
    except redis.RedisError:
        # It is full: it goes on being asked, for room is made at any moment.
        return


def cut(part: int, taking: int) -> tuple[dict[str, int], str]:
    """At one instant: the counters that no ledger row has yet (those set aside included), and the last entry id."""
    with _reader().pipeline(transaction=True) as pipe:
        pipe.hgetall(door(part))
        pipe.hgetall(door(part, taking))
        pipe.xrevrange(stream(part), "+", "-", 1)
        fresh, aside, last = pipe.execute()
    return dict(Counter(_counters(fresh)) + Counter(_counters(aside))), last[0][0].decode() if last else "0-0"


def _counters(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(n) for name, n in found.items()}
