"""The Valkey server of the buffer: its connections, its keys, and for how long it is left alone when it is away."""

from __future__ import annotations

import functools
import threading
import time
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 0.5
PAUSE_SECONDS = 1.0
"""How long Valkey is left alone after it did not answer."""

Fault = redis.RedisError
"""What Valkey raises when it is away or refuses."""


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


def reader() -> Any:
    """The connection of long-lived readers. Any: its stubs allow for every decoding at once."""
    return _client(10.0)


def stream(part: int) -> str:
    """The key of a part's stream."""
    return f"{{p{part}}}:hits"


def door(part: int, taking: int | None = None) -> str:
    """The key of a part's counters, or of those being taken over by the ledger."""
    return f"{{p{part}}}:door" if taking is None else f"{{p{part}}}:door:{taking}"


_away_until = 0.0
_away_lock = threading.Lock()


def is_left_alone() -> bool:
    """Whether it did not answer a moment ago."""
    return time.monotonic() < _away_until


def leave_alone(seconds: float = PAUSE_SECONDS) -> None:
    """Do not ask it for a while."""
    global _away_until
    with _away_lock:
        _away_until = time.monotonic() + seconds
