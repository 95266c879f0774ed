"""Hits put into the buffer past the door: prepared ones, and raw entries as other versions may have left them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils.compat as uuid_utils

from analytics import buffer
from analytics.buffer import counters, server
from analytics.events import Hit
from tests import builders
from tests.chaos.trial import Trial

_numbers = itertools.count(50_000_000)


def hit(trial: Trial, **overrides: Any) -> Hit:
    """A sound hit of the trial's site, with a number of its own; the overrides are fields of events.Hit."""
    now = dt.datetime.now(dt.UTC)
    number = next(_numbers)
    event = {"name": "pageview", "url": f"/{number}"} | overrides.pop("event", {})
    defaults = {
        "site_id": trial.site.pk,
        "hit_id": uuid_utils.uuid7(),
        "received_at": now,
        "ts": now,
        "visitor_id": number % 97,
        "event_id": UUID(int=number + (9 << 96)),
    }
    return builders.hit(**defaults | {"event": event} | overrides)


def number_of(made: Hit) -> int:
    """The number of a hit made by `hit`."""
    return number_of_payload(made.payload)


def number_of_payload(payload: str) -> int:
    """The number of an event."""
    return int(msgspec.json.decode(payload)["url"].strip("/"))


def name(part: int) -> str:
    """The key of a part's stream."""
    return server.stream(part)


def push(trial: Trial, part: int, hits: Sequence[Hit], poison: Collection[Hit] = ()) -> None:
    """Hits into a part, in this order. Of those that are poison the stores have to hold the hit in quarantine."""
    buffer.push({part: hits}, dt.datetime.now(dt.UTC))
    bad = {one.hit_id for one in poison}
    trial.sent.pushed.update(number_of(one) for one in hits if one.hit_id not in bad)
    trial.sent.poison |= bad


def push_raw(part: int, site_id: int, encoded: bytes, hits: int) -> None:
    """An entry as it stands, booked by the door as so many hits."""
    now = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    with server.client().pipeline(transaction=True) as pipe:
        pipe.xadd(server.stream(part), {"h": encoded, "n": hits})
        pipe.hincrby(server.door(part), counters.field(now, site_id, "accepted", ""), hits)
        pipe.execute()


def as_list(made: Hit) -> list[Any]:
    """A hit as the array that travels."""
    fields: list[Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(made))
    return fields
