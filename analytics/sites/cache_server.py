"""The connection to the cache's Valkey: half a second, no retries. Its absence makes things slower, not stuck.

Cacheops uses it for look-ups (CACHEOPS_CLIENT_CLASS), and the reports for their answers.
"""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 0.5


class CacheServer(redis.Redis):
    """A client made by `from_url` gives up at once."""

    @classmethod
    def from_url(cls, url: str, **given: Any) -> CacheServer:
        """As redis.Redis.from_url, without its patience."""
        limits = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        made: CacheServer = super().from_url(url, **limits, retry=Retry(NoBackoff(), 0), **given)  # type: ignore[assignment]
        return made
