"""How many came this minute, over all processes, without a round trip per request.

Each process counts for itself and, at most once a second, adds what is new to the minute's total in the cache's Valkey
and reads the total back. So a limit is exceeded by what comes within a second at most; while the cache is away each
process keeps the limit by its own count.
"""

from __future__ import annotations

import datetime as dt
import threading
import time

import msgspec

from analytics.sites import cache_server

SYNC_SECONDS = 1.0
MOST_NAMES = 100_000


class _Count(msgspec.Struct):
    minute: int
    elsewhere: int = 0
    """The total of all processes when it was last read, without `here`."""
    here: int = 0
    told: int = 0
    """How much of `here` the others know."""
    synced_at: float = 0.0


_counts: dict[str, _Count] = {}
_lock = threading.Lock()


def count(name: str, n: int, now: dt.datetime) -> int:
    """Add `n` to what came under a name this minute; the total of all processes, these included."""
    minute = int(now.timestamp()) // 60
    with _lock:
        found = _counts.get(name)
        if found is None or found.minute != minute:
            if len(_counts) >= MOST_NAMES:
                _forget(minute)
            found = _counts[name] = _Count(minute, synced_at=time.monotonic())
        found.here += n
        total = found.elsewhere + found.here
        if time.monotonic() < found.synced_at + SYNC_SECONDS:
            return total
        found.synced_at = time.monotonic()
        fresh, found.told = found.here - found.told, found.here
    return _tell(name, found, fresh, total)


def _tell(name: str, found: _Count, fresh: int, total: int) -> int:
    shared = cache_server.add(f"rate:{name}:{found.minute}", fresh, 120)
    with _lock:
        if shared is None:
            found.told -= fresh
            return total
        found.elsewhere = shared - found.told
        return found.elsewhere + found.here


def _forget(minute: int) -> None:
    """Make room: what is of another minute, else everything, for then the names themselves are the flood."""
    for name in [name for name, found in _counts.items() if found.minute != minute]:
        del _counts[name]
    if len(_counts) >= MOST_NAMES:
        _counts.clear()
