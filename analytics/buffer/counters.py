"""The door's counters: a hash beside each stream, moved in the transaction that moves it, and taken by the ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from analytics.buffer import server
from analytics.events import Hit

TURNED_AWAY = "turned away"
"""The outcome of a refusal for a known site of which no hit is kept."""
Counts = Counter[tuple[dt.datetime, int, str, str]]
"""(minute, site, outcome, reason) → hits."""
Place = tuple[int, dt.datetime, int, str, str]
"""(part, minute, site, outcome, reason)"""


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


class Cut(NamedTuple):
    """A part at one instant."""

    unbooked: dict[str, int]
    """The counters that no ledger row has yet, those set aside included."""
    last_id: str
    """The last entry's; 0-0 when there is none."""
    epoch: str
    """The name of the stream; empty when it has none."""


def cut(part: int, taking: int) -> Cut:
    """What the balance needs to know of a part."""
    with server.reader().pipeline(transaction=True) as pipe:
        pipe.hgetall(server.door(part))
        pipe.hgetall(server.door(part, taking))
        pipe.xrevrange(server.stream(part), "+", "-", 1)
        pipe.get(server.epoch(part))
        fresh, aside, last, epoch = server.execute(pipe)
    unbooked = dict(Counter(_decoded(fresh)) + Counter(_decoded(aside)))
    return Cut(unbooked, last[0][0].decode() if last else "0-0", (epoch or b"").decode())


def _decoded(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(n) for name, n in found.items()}
