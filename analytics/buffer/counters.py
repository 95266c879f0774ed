"""The door's counters: a hash beside each stream, moved in the transaction that moves it, and taken by the ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

from analytics.buffer import server
from analytics.events import Hit

TURNED_AWAY = "turned away"
"""The outcome of a refusal for a known site of which no hit is kept."""
Counts = Counter[tuple[dt.datetime, int, str, str]]
"""(minute, site, outcome, reason) → hits."""


def of_hits(hits: Sequence[Hit], now: dt.datetime) -> Counts:
    """What the door has to book for these hits."""
    minute = now.replace(second=0, microsecond=0)
    return Counter((minute, hit.site_id, "refused" if hit.refused else "accepted", hit.refused) for hit in hits)


def of_turned_away(turned_away: Mapping[tuple[int, str], int], now: dt.datetime) -> Counts:
    """What it has to book for refusals that leave no hit; site 0 stands for no known site."""
    minute = now.replace(second=0, microsecond=0)
    return Counter(
        {(minute, site, TURNED_AWAY if site else "refused", reason): n for (site, reason), n in turned_away.items()}
    )


def field(minute: dt.datetime, site_id: int, outcome: str, reason: str) -> str:
    """The name of one counter."""
    return f"{int(minute.timestamp()) // 60 * 60}:{site_id}:{outcome}:{reason}"


def by_minute(counters: Mapping[str, int]) -> Counts:
    """What names made by `field` count."""
    counts: Counts = Counter()
    for name, n in counters.items():
        minute, site, outcome, reason = name.split(":")
        counts[dt.datetime.fromtimestamp(int(minute), dt.UTC), int(site), outcome, reason] += n
    return counts


def begin_taking(part: int, taking: int) -> dict[str, int]:
    """Set the part's counters aside under the number `taking` (again after a crash: the same ones) and read them."""
    reader, aside = server.reader(), server.door(part, taking)
    if not reader.exists(aside) and reader.exists(server.door(part)):
        reader.rename(server.door(part), aside)
    return _decoded(reader.hgetall(aside))


def end_taking(part: int, taking: int) -> None:
    """The counters set aside are in the ledger."""
    server.reader().delete(server.door(part, taking))


def cut(part: int, taking: int) -> tuple[dict[str, int], str]:
    """At one instant: the counters that no ledger row has yet (those set aside included), and the last entry id."""
    with server.reader().pipeline(transaction=True) as pipe:
        pipe.hgetall(server.door(part))
        pipe.hgetall(server.door(part, taking))
        pipe.xrevrange(server.stream(part), "+", "-", 1)
        fresh, aside, last = pipe.execute()
    return dict(Counter(_decoded(fresh)) + Counter(_decoded(aside))), last[0][0].decode() if last else "0-0"


def _decoded(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(n) for name, n in found.items()}
