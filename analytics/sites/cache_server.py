"""The connection to the cache's Valkey: half a second, no retries. Its absence makes things slower, not stuck.

Cacheops uses it for look-ups (CACHEOPS_CLIENT_CLASS), and the reports for their answers.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 0.5
PAUSE_SECONDS = 5.0
"""How long a cache that did not answer is left alone, so that not every request waits for it."""

_away_until = 0.0


class CacheServer(redis.Redis):
    """A client made by `from_url` gives up at once."""

    @classmethod
    def from_url(cls, url: str, **given: Any) -> CacheServer:
        """As redis.Redis.from_url, without its patience."""
        limits = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        made: CacheServer = super().from_url(url, **limits, retry=Retry(NoBackoff(), 0), **given)  # type: ignore[assignment]
        return made


@functools.cache
def _client(url: str) -> CacheServer:
    return CacheServer.from_url(url)


def add(name: str, n: int, seconds: int) -> int | None:
    """Add to a counter that lives for some seconds; what it is then, or None while the cache is away."""
    global _away_until
    if _away_until > time.monotonic():
        return None
    try:
        with _client(settings.CACHE_URL).pipeline(transaction=False) as pipe:
            pipe.incrby(name, n)
            pipe.expire(name, seconds)
            return int(pipe.execute()[0])
    except redis.RedisError:
        _away_until = time.monotonic() + PAUSE_SECONDS
        return None
