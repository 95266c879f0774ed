"""The Valkey server of the buffer: its connections, its keys, and for how long it is left alone when it is away.

With `BUFFER_URL=redis+cluster://…` it is a Valkey Cluster. There a transaction reaches the keys of one part only.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, SlotNotCoveredError
from redis.retry import Retry

TIMEOUT_SECONDS = 0.5
READER_TIMEOUT_SECONDS = 3.0
PAUSE_SECONDS = 1.0
"""How long Valkey is left alone after it did not answer."""
CLUSTER = "+cluster"

Fault = redis.RedisError
"""What Valkey raises when it is away or refuses."""


def is_cluster() -> bool:
    """Whether the buffer is a Valkey Cluster."""
    return settings.BUFFER_URL.partition(":")[0].endswith(CLUSTER)


@functools.cache
def _client(timeout: float) -> Any:
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 3,
    }
    if not is_cluster():
        return redis.Redis.from_url(settings.BUFFER_URL, **options)
    try:
        # Parts whose node is there go on when another one is missing.
        return _Cluster.from_url(settings.BUFFER_URL.replace(CLUSTER, "", 1), require_full_coverage=False, **options)
    except RedisClusterException as error:
        raise redis.ConnectionError(f"Error connecting to the cluster: {error}") from error


class _Cluster(RedisCluster):
    """A cluster whose faults are `Fault`s too."""

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with _as_fault():
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _as_fault() -> Iterator[None]:
    try:
        yield
    except SlotNotCoveredError as error:
        raise redis.ConnectionError("Error connecting to the cluster: no node has the part") from error
    except RedisClusterException as error:
        # Its text is that of the last try to reach the cluster, and says nothing about whether a command arrived.
        raise redis.ConnectionError("the cluster does not answer") from error


def client() -> redis.Redis:
    """The connection of the hot path: half a second, no retries."""
    found: redis.Redis = _client(TIMEOUT_SECONDS)
    return found


def reader() -> Any:
    """The connection of long-lived readers. Any: its stubs allow for every decoding at once."""
    return _client(READER_TIMEOUT_SECONDS)


def execute(pipe: Any, *, raising: bool = True) -> list[Any]:
    """The answers to a transaction; where one failed, the error is raised, or stands in its place."""
    with _as_fault():
        return list(pipe.execute(raise_on_error=raising))


def memory() -> list[dict[str, Any]]:
    """What each server says of its memory."""
    return [client().info("memory", **node) for node in _nodes()]


def rewrite() -> None:
    """Have each server that appends to a file, and is not at it already, write it anew: without what expired and was
    trimmed. Raises Fault."""
    for node in _nodes():
        said = client().info("persistence", **node)
        if said["aof_enabled"] and not said["aof_rewrite_in_progress"]:
            client().bgrewriteaof(**node)


def _nodes() -> list[dict[str, Any]]:
    """How a command says which server it is for."""
    if not is_cluster():
        return [{}]
    cluster: Any = client()
    return [{"target_nodes": node} for node in cluster.get_primaries()]


def stream(part: int) -> str:
    """The key of a part's stream."""
    return f"{{p{part}}}:hits"


def epoch(part: int) -> str:
    """The key of the name that a part's stream has for as long as it is the same stream."""
    return f"{{p{part}}}:epoch"


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
    if is_cluster():
        # Which node has which slot may be different when it is back.
        _client.cache_clear()
