"""Plausible's Events API: POST /api/event; the content type means nothing, the answer is 202 `ok`.

Keys are short or long (n/name, u/url, d/domain, r/referrer, p/props/m/meta, $/revenue, i/interactive, e, sd); props and
revenue may be JSON inside a string.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, wire

NAME = "plausible"
_LONG = {"name": "n", "url": "u", "domain": "d", "referrer": "r", "props": "p", "m": "p", "meta": "p"}
_LONG |= {"revenue": "$", "interactive": "i", "hashMode": "h"}


class _Event(msgspec.Struct):
    n: str = ""
    u: str = ""
    d: str | None = None
    r: str | None = None
    p: dict[str, Any] | str | None = None
    revenue: dict[str, Any] | str | None = msgspec.field(default=None, name="$")
    i: bool = True
    e: int | float = 0
    sd: int | float = 0
    h: int | bool = 0


def _said(payload: str) -> _Event:
    given = wire.decode(payload, dict[str, Any])
    short = {_LONG.get(key, key): value for key, value in given.items()}
    try:
        return msgspec.convert(short, _Event)
    except msgspec.ValidationError as error:
        raise Refused(Refusal.BAD_FIELD, str(error)) from None


def split(request: wire.Request) -> wire.Batch:
    """One event, for each site of its comma list `d` (default: the host of its url). Raises Refused."""
    payload = wire.text(request)
    said = _said(payload)
    sites = [site for site in (said.d or _host(said.u)).split(",") if site.strip()]
    if not sites:
        raise Refused(Refusal.NO_SITE, "domain: is required")
    if len(sites) > 20:
        raise Refused(Refusal.TOO_MANY_EVENTS, "domain: names more than 20 sites")
    return wire.Batch(events=tuple(wire.Addressed(site, payload) for site in sites))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said = _said(payload)
    if not said.u:
        raise Refused(Refusal.BAD_URL, "url: is required")
    revenue = _nested(said.revenue)
    amount, currency = clean.money(revenue.get("amount"), revenue.get("currency"))
    return ClientEvent(
        name=clean.name(said.n),
        url=clean.url(said.u),
        referrer=clean.text(said.r, Limits.URL_CHARS),
        props=clean.props(_nested(said.p), strict=False),
        revenue=amount,
        currency=currency,
        interactive=said.i,
        engagement_ms=clean.whole(said.e, 24 * 3600 * 1000),
        scroll_percent=clean.whole(said.sd if said.sd <= 100 else 0, 100),
    )


def _nested(value: dict[str, Any] | str | None) -> dict[str, Any]:
    if not isinstance(value, str):
        return value or {}
    inner = wire.decode(value or "null")
    return inner if isinstance(inner, dict) else {}


def answer(outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """202 `ok`, and how many were dropped; a fault of the event itself is a 400 in Plausible's words."""
    dropped = [o for o in outcomes if o.refused is not None]
    bad = [o for o in dropped if o.refused is not Refusal.UNKNOWN_SITE]
    if bad and len(bad) == len(outcomes) and bad[0].refused:
        return refuse(Refused(bad[0].refused, bad[0].message), 400)
    headers = {"x-plausible-dropped": str(len(dropped))} if dropped else {}
    return wire.Reply(202, b"ok", "text/plain", headers)


def refuse(refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused."""
    field, _, message = refused.message.partition(": ")
    errors = {field: [message]} if message and field.isidentifier() else {"request": [refused.message]}
    return wire.Reply(status, msgspec.json.encode({"errors": errors}))
