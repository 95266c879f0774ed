"""Our own format: POST /v1/events.

`{"site": …, "sent_at"?: …, "events": [{"name", "url", …}]}`; answer 202 `{"accepted": n, "rejected": [{index, code,
message}]}`. docs/protocols.md has the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from analytics.events import ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, wire

NAME = "recount"
IDS = ""
METHODS = ("POST",)

_OF_THE_REQUEST = {
    Refusal.UNKNOWN_SITE: 400,
    Refusal.BAD_KEY: 401,
    Refusal.SUSPENDED: 403,
    Refusal.OPTED_OUT: 403,
}


class _Envelope(msgspec.Struct):
    site: str | int = ""
    sent_at: str | int | float | None = None
    events: list[msgspec.Raw] = []


class _Revenue(msgspec.Struct):
    amount: str | int | float
    currency: str


class _Event(msgspec.Struct):
    name: str = ""
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    event_id: str | None = None
    timestamp: str | int | float | None = None
    visitor_id: str | int | None = None
    user_id: str | int | None = None
    props: dict[str, Any] | None = None
    revenue: _Revenue | None = None
    interactive: bool = True
    engagement_ms: int | float = 0
    scroll: int | float = 0
    screen: str | None = None
    language: str | None = None
    hash: bool = False
    user_agent: str | None = None
    ip: str | None = None


def split(request: wire.Request) -> wire.Batch:
    """Raises Refused for what concerns the whole request."""
    text = wire.text(request)
    envelope: _Envelope = wire.decode(text, _Envelope)
    if len(envelope.events) > Limits.EVENTS_PER_REQUEST:
        raise Refused(
            Refusal.TOO_MANY_EVENTS,
            f"A request has at most {Limits.EVENTS_PER_REQUEST} events; send more requests.",
        )
    if not envelope.events:
        raise Refused(Refusal.NO_EVENTS, 'There is nothing in "events".')
    if envelope.site == "":
        raise Refused(Refusal.NO_SITE, 'Name the site: {"site": "example.com", "events": […]}.')
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return wire.Batch(
        events=tuple(wire.Addressed(str(envelope.site), payload) for payload in _as_received(text, envelope.events)),
        sent_at=envelope.sent_at,
        secret=key.strip() if scheme.lower() == "bearer" else "",
    )


def _as_received(text: str, events: Sequence[msgspec.Raw]) -> Iterator[str]:
    """The events' own text. Where `wire.decode` had to mend it, the same place of what came."""
    read_from, at = wire.mend(text), 0
    for raw in events:
        payload = bytes(raw).decode()
        if read_from == text:
            yield payload
            continue
        at = read_from.index(payload, at)
        yield text[at : at + len(payload)]
        at += len(payload)


def read(payload: str) -> ClientEvent:
    """One element of `events`. Raises Refused."""
    said: _Event = wire.decode(payload, _Event)
    revenue, currency = (None, "") if said.revenue is None else clean.money(said.revenue.amount, said.revenue.currency)
    return ClientEvent(
        name=clean.name(said.name),
        url=clean.url(said.url),
        referrer=clean.text(said.referrer, Limits.URL_CHARS),
        title=clean.text(said.title, Limits.TITLE_CHARS),
        event_id=clean.event_id(said.event_id),
        timestamp=clean.timestamp(said.timestamp),
        client_id=clean.someone(said.visitor_id),
        user_id=clean.someone(said.user_id),
        props=clean.props(said.props, strict=True),
        revenue=revenue,
        currency=currency,
        interactive=said.interactive,
        engagement_ms=clean.whole(said.engagement_ms, 24 * 3600 * 1000),
        scroll_percent=clean.whole(said.scroll, 100),
        screen=clean.screen(said.screen),
        language=clean.text(said.language, 35),
        fragment=said.hash,
        user_agent=clean.text(said.user_agent, Limits.USER_AGENT_CHARS),
        address=clean.text(said.ip, 64),
    )


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """202 with what was accepted and, by index, what was not and why; the site is the whole request's matter."""
    if outcomes[0].refused in _OF_THE_REQUEST:
        return refuse(request, Refused(outcomes[0].refused, outcomes[0].message), _OF_THE_REQUEST[outcomes[0].refused])
    rejected = [
        {"index": o.index, "code": o.refused.value, "message": o.message} for o in outcomes if o.refused is not None
    ]
    return wire.Reply(202, msgspec.json.encode({"accepted": len(outcomes) - len(rejected), "rejected": rejected}))


def refuse(_: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused."""
    return wire.Reply(status, msgspec.json.encode({"error": {"code": refused.code.value, "message": refused.message}}))
