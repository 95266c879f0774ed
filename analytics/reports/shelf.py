"""Where answers lie, and whose turn it is to make one: cacheops' simple cache over Valkey, which may be away.

After Valkey has failed it is left alone for a moment, so that its absence costs little. Whatever is asked meanwhile is
answered as if nothing had been kept.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import threading
import time
from collections.abc import Iterator

import redis  # noqa: TID251  (of the cache, which has its own server)
from cacheops.simple import CacheMiss, RedisCache
from django.conf import settings

from analytics.sites.cache_server import CacheServer

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
TURN_SECONDS = 3
_CONNECTIONS = 1_000

_away_until = 0.0
_held: set[str] = set()
"""Turns of this process."""


class _Bytes(RedisCache):  # type: ignore[misc]  # cacheops has no types
    """cacheops' simple cache without pickle: it keeps bytes."""

    def _get(self, cache_key: str) -> bytes:
        found: bytes | None = self.conn.get(cache_key)
        if found is None:
            raise CacheMiss
        return found

    def _set(self, cache_key: str, data: bytes, timeout: int | None = None) -> None:
        self.conn.set(cache_key, data, ex=timeout)


@functools.lru_cache(maxsize=2)
def _client(url: str) -> CacheServer:
    return CacheServer.from_url(url, max_connections=_CONNECTIONS, health_check_interval=30)


def client() -> CacheServer:
    """The connection to the cache: half a second, no retries."""
    return _client(settings.CACHE_URL)


@contextlib.contextmanager
def _unless_away() -> Iterator[None]:
    """Raises CacheMiss when Valkey is away, or was a moment ago."""
    global _away_until
    if time.monotonic() < _away_until:
        raise CacheMiss
    try:
        yield
    except redis.RedisError as error:
        _away_until = time.monotonic() + PAUSE_SECONDS
        log.warning("the cache is away: %s", error)
        raise CacheMiss from error


def get(name: str) -> bytes | None:
    """What lies under a name."""
    with contextlib.suppress(CacheMiss), _unless_away():
        return bytes(_Bytes(client()).get(name))
    return None


def put(name: str, data: bytes, seconds: int) -> None:
    """Keep it so long."""
    with contextlib.suppress(CacheMiss), _unless_away():
        _Bytes(client()).set(name, data, timeout=seconds)


@contextlib.contextmanager
def turn(name: str) -> Iterator[bool]:
    """Whether it is this caller's turn: one at a time, everybody's while the cache is away. The turn of a process that
    died ends after TURN_SECONDS."""
    lock, token = f"{name}:turn", secrets.token_bytes(8)
    mine = True
    with contextlib.suppress(CacheMiss), _unless_away():
        mine = bool(client().set(lock, token, nx=True, ex=TURN_SECONDS))
    if mine:
        _held.add(lock)
        _keeper()
    try:
        yield mine
    finally:
        if mine:
            _held.discard(lock)
            with contextlib.suppress(CacheMiss), _unless_away():
                if client().get(lock) == token:
                    client().delete(lock)


@functools.cache
def _keeper() -> threading.Thread:
    """Of this process, since its first turn."""
    keeper = threading.Thread(target=_keep, name="turns", daemon=True)
    keeper.start()
    return keeper


def _keep() -> None:
    """Turns that this process holds go on."""
    while True:
        time.sleep(TURN_SECONDS / 5)
        for lock in tuple(_held):
            with contextlib.suppress(CacheMiss), _unless_away():
                client().expire(lock, TURN_SECONDS)


def count(name: str, seconds: int) -> int:
    """How often this was called for a name; forgotten after so many seconds. 0 while the cache is away."""
    with contextlib.suppress(CacheMiss), _unless_away(), client().pipeline() as steps:
        steps.incr(name)
        steps.expire(name, seconds)
        called, _ = steps.execute()
        return int(called)
    return 0
