"""Builders: hits with defaults, and history made through the real pipeline."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any
from uuid import uuid4

import msgspec

from analytics import buffer
from analytics.events import Hit
from analytics.ingest import hits, salts, visitor
from analytics.pipeline.writer import Writer
from analytics.protocols import recount
from analytics.sites import lookup, models

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
ADDRESS = "81.2.69.142"
OF_THE_DOOR = ("at", "ip", "user_agent", "language", "referer")
LOCKS_SECONDS = 10.0


def hit(**overrides: Any) -> Hit:
    """A hit of the own format. `event` (a dict) makes its payload; every field of events.Hit can be given."""
    event = {"name": "pageview", "url": "/"} | overrides.pop("event", {})
    now = overrides.get("received_at", NOW)
    defaults: dict[str, Any] = {
        "site_id": 1,
        "hit_id": uuid4(),
        "received_at": now,
        "ts": now,
        "protocol": "recount",
        "payload": msgspec.json.encode(event).decode(),
        "user_agent": USER_AGENT,
        "ip_prefix": "81.2.69.0/24",
        "visitor_id": 1,
    }
    return Hit(**defaults | overrides)


def admitted(site: models.Site, item: Mapping[str, Any], at: dt.datetime) -> tuple[int, Hit]:
    """(part, hit) that the door makes of an item of `record`. Raises events.Refused."""
    event = {"name": "pageview"} | {key: value for key, value in item.items() if key not in OF_THE_DOOR}
    headers = {
        "user-agent": item.get("user_agent", USER_AGENT),
        "accept-language": item.get("language", ""),
        "referer": item.get("referer", ""),
    }
    caller = hits.caller(headers, visitor.parse_address(item.get("ip", ADDRESS)))
    _know_salts(at.astimezone(dt.UTC).date())
    door = hits.Door(caller, at, secret_site=site.pk)
    facts = lookup.facts(site)
    return hits.admit(recount, msgspec.json.encode(event).decode(), facts, door)


def _know_salts(day: dt.date) -> None:
    """Salts of days for which Valkey would keep none; the same in every run."""
    for known in (day - dt.timedelta(days=1), day, day + dt.timedelta(days=1)):
        salts._known.setdefault(known, blake2b(known.isoformat().encode(), digest_size=32).digest())


def record(site: models.Site, items: Iterable[Mapping[str, Any]], now: dt.datetime | None = None) -> list[Hit]:
    """Send history through the door, the buffer and a writer; returns the hits in the order given, now rows.

    An item is an event of the own format (`name` defaults to pageview), and how it reached the door: `at`
    (when; one second after the item before it, the first at NOW), `ip`, `user_agent`, `language`, `referer`.
    The door has the rights of a secret key. `now` is the writer's clock, by default the present.
    """
    sent: list[tuple[int, Hit]] = []
    at = NOW - dt.timedelta(seconds=1)
    for item in items:
        at = item.get("at", at + dt.timedelta(seconds=1))
        sent.append(admitted(site, item, at))
    push(sent)
    drain(now)
    return [made for _, made in sent]


def push(sent: Iterable[tuple[int, Hit]]) -> None:
    """(part, hit) into the buffer in this order; those of the same minute together."""

    def minute_of(one: tuple[int, Hit]) -> dt.datetime:
        return one[1].received_at.replace(second=0, microsecond=0)

    for minute, group in itertools.groupby(sent, minute_of):
        parts: dict[int, list[Hit]] = defaultdict(list)
        for part, made in group:
            parts[part].append(made)
        buffer.push(parts, minute)


def drain(now: dt.datetime | None = None) -> None:
    """Write everything that the buffer holds, as a writer process does, and book the door's counters."""
    writer = Writer() if now is None else Writer(lambda: now)
    deadline = time.monotonic() + LOCKS_SECONDS
    try:
        while len(writer.parts) < len(buffer.lengths()):
            # PostgreSQL gives a lock back a moment after its connection has ended.
            if time.monotonic() > deadline:
                raise AssertionError("another writer holds parts of the buffer")
            writer.claim()
        while writer.drain_once():
            pass
    finally:
        writer.let_go()
