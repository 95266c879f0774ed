"""Google's Measurement Protocol for GA4: POST /mp/collect, what programs send.

The site and `api_secret` are in the query string, the body is `{"client_id": …, "events": [{"name", "params"}, …]}`.
Google answers 204 whatever the body says, and so does this; `ga4_debug` tells what is wrong with one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.events import ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, ga4_limits, google, lenient, wire

NAME = "ga4"
IDS = "ga4"
METHODS = ("POST",)
KEYS = {
    "site": ("measurement_id", "firebase_app_id"),
    "secret": ("api_secret",),
    "events": ("events",),
    "name": ("name",),
    "params": ("params",),
    "timestamp": ("timestamp_micros",),
    "client_id": ("client_id", "app_instance_id"),
    "user_id": ("user_id",),
    "properties": ("user_properties",),
    "device": ("device",),
    "user_agent": ("user_agent",),
    "address": ("ip_override",),
    **google.PARAMETERS,
}
"""Ours → Google's: the query string, the body, an event, its parameters."""

_NEVER_KEPT = frozenset({"events", "user_data"})
"""`user_data` has hashes of e-mail addresses and telephone numbers, that can be turned back."""


def split(request: wire.Request) -> wire.Batch:
    """Up to 25 events, or a single one without a list, as ga4mp sends what it had put off. Raises Refused."""
    query = wire.parameters(request.query)
    site = next(filter(None, (query.get(key, "") for key in KEYS["site"])), "")
    if not site:
        raise Refused(Refusal.NO_SITE, "Name the site: ?measurement_id=G-… or ?firebase_app_id=….")
    body = wire.decode(wire.text(request), dict[str, msgspec.Raw])
    shared = {key: value for key, value in body.items() if key not in _NEVER_KEPT}
    payloads = wire.each_together(wire.few(_events(body), ga4_limits.MOST_EVENTS), shared)
    return wire.Batch(
        events=tuple(wire.Addressed(site, payload) for payload in payloads), foreign_secret=query.get("api_secret", "")
    )


def _events(body: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
    """What `events` holds. Raises Refused."""
    given = body.get("events", msgspec.Raw(b"[]"))
    if bytes(given).startswith(b"{"):
        return [given]
    events: list[msgspec.Raw] = wire.decode(bytes(given).decode(), list[msgspec.Raw])
    return events


def read(payload: str) -> ClientEvent:
    """One element of `events`, and the rest of the body. Raises Refused."""
    said, request = wire.apart(payload)
    ids = [request.get(key) for key in KEYS["client_id"]]
    if not any(map(google.text, (*ids, request.get("user_id")))):
        raise Refused(Refusal.BAD_FIELD, "Measurement requires a client_id.")
    params = lenient.mapping(said.get("params"))
    device = lenient.mapping(request.get("device"))
    event = google.event(said.get("name"), params, _values(lenient.mapping(request.get("user_properties"))))
    return msgspec.structs.replace(
        event,
        timestamp=_timestamp(said, params, request),
        client_id=next(filter(None, map(google.client_id, ids)), ""),
        user_id=lenient.someone(request.get("user_id")),
        screen=event.screen or clean.screen(google.text(device.get("screen_resolution"))),
        language=event.language or google.language(google.text(device.get("language"))),
        from_server=True,
        user_agent=google.text(request.get("user_agent"), Limits.USER_AGENT_CHARS),
        address=google.text(request.get("ip_override"), 64),
    )


def _timestamp(*places: Mapping[str, Any]) -> dt.datetime | None:
    """The first `timestamp_micros` that is a moment: of the event, of its parameters, of the request."""
    for place in places:
        number = clean.whole(google.text(place.get("timestamp_micros")), 10**17)
        if number:
            return clean.timestamp(number)
    return None


def _values(properties: Mapping[str, Any]) -> dict[str, Any]:
    """`{"plan": {"value": "pro"}}` as `{"plan": "pro"}`."""
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in properties.items()}


def answer(request: wire.Request, batch: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """204, whatever became of the events."""
    return wire.Reply(204, content_type="text/plain")


def refuse(request: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """204 as well, unless the same request may succeed later."""
    return wire.Reply(status if status in {429, 503} else 204, content_type="text/plain")
