"""What a writer does about a fault: how long it waits before it takes the batch again, and whether it reconnects."""

from __future__ import annotations

import random

from analytics import buffer
from analytics.sites import lookup
from analytics.store import db

PROMPT_SECONDS = 0.1
FIRST_SECONDS = 0.3
LONGEST_SECONDS = 3.0
"""A store that is back is used again within so many seconds."""
PROMPT = frozenset({"40001", "40P01"})
"""Serialisation failure, deadlock: of two who stood in each other's way one had to give in, and tries again at once."""
EXPECTED = (*db.FAULTS, buffer.Fault, lookup.LookupAway, lookup.DatabaseFault)
"""Faults of the stores, which end by themselves. Everything else is a fault of ours."""
ELSEWHERE = frozenset({"25006", "25P03", "53300", "57P03", "57P05"})
"""Read only, timed out, too many connections, starting up: a new connection may find a server that does better, such
as the new primary."""


def seconds(error: Exception, failures: int) -> float:
    """How long to wait after so many failures in a row, the one at hand included: longer each time."""
    first = PROMPT_SECONDS if _state(error) in PROMPT else FIRST_SECONDS
    return float(min(first * 2 ** min(failures - 1, 10), LONGEST_SECONDS) * random.uniform(0.7, 1.0))


def needs_a_new_connection(error: Exception, connection: db.Connection | None) -> bool:
    """Whether nothing can be done on the connection any more."""
    return connection is None or connection.closed or is_elsewhere(error)


def is_elsewhere(error: Exception) -> bool:
    """Whether all connections of this process may lead to a server that cannot help now."""
    return _state(error) in ELSEWHERE


def _state(error: Exception) -> str:
    return getattr(error, "sqlstate", None) or ""
