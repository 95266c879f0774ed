"""Plausible's Events API: POST /api/event; the content type means nothing, the answer is 202 `ok`.

Keys are short or long (n/name, u/url, …: KEYS); props and revenue may be JSON inside a string.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, lenient, wire

NAME = "plausible"
IDS = "plausible"
METHODS = ("POST",)

_DROPS = {Refusal.UNKNOWN_SITE, Refusal.SUSPENDED, Refusal.OPTED_OUT}
"""No fault of the event: 202 as at Plausible, for plausible-events comes again after anything else."""
_FIELDS = {
    Refusal.NO_NAME: "event_name",
    Refusal.BAD_NAME: "event_name",
    Refusal.BAD_URL: "url",
    Refusal.NO_SITE: "domain",
    Refusal.TOO_MANY_EVENTS: "domain",
}
"""What is to blame, as Plausible calls it; `request` for anything else."""
KEYS = {
    "name": ("n", "name"),
    "url": ("u", "url"),
    "domain": ("d", "domain"),
    "referrer": ("r", "referrer"),
    "props": ("m", "meta", "p", "props"),
    "revenue": ("$", "revenue"),
    "interactive": ("i", "interactive"),
    "hash": ("h", "hashMode"),
    "engaged_ms": ("e",),
    "scroll": ("sd",),
}
"""Ours → Plausible's; of several, the first that is there counts."""
_DAY_MS = 24 * 3600 * 1000
_NONSENSE_MS = 30 * _DAY_MS
"""An old tracker, that browsers still keep, sends the milliseconds since 1970."""


class _Event(msgspec.Struct):
    name: str | int = ""
    """A number of `plausible(404)`."""
    url: str = ""
    domain: str = ""
    referrer: str = ""
    props: Any = ""
    revenue: Any = ""
    interactive: bool = True
    hash: int | str | bool = 0
    engaged_ms: int | float | str = 0
    scroll: int | float | str = 0


class _Revenue(msgspec.Struct):
    amount: str | int | float
    currency: str


def _said(payload: str) -> _Event:
    given = wire.decode(payload, dict[str, Any])
    ours = {name: given[key] for name, keys in KEYS.items() for key in reversed(keys) if given.get(key) is not None}
    try:
        return msgspec.convert(ours, _Event)
    except msgspec.ValidationError as error:
        raise Refused(Refusal.BAD_FIELD, str(error)) from None


def split(request: wire.Request) -> wire.Batch:
    """One event, for each site of its comma list `d` (default: the host of its url). Raises Refused."""
    payload = wire.text(request)
    said = _said(payload)
    named = (site.strip() for site in (said.domain or _host(said.url)).split(","))
    sites = list(dict.fromkeys(filter(None, named)))
    if not sites:
        raise Refused(Refusal.NO_SITE, "can't be blank")
    if len(sites) > 20:
        raise Refused(Refusal.TOO_MANY_EVENTS, "names more than 20 sites")
    return wire.Batch(events=tuple(wire.Addressed(site, payload) for site in sites))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said = _said(payload)
    name = str(said.name).strip()
    if not name:
        raise Refused(Refusal.NO_NAME, "can't be blank")
    if not said.url.strip():
        raise Refused(Refusal.BAD_URL, "is required")
    amount, currency = _revenue(_nested(said.revenue))
    engaged_ms = clean.whole(said.engaged_ms, _NONSENSE_MS)
    return ClientEvent(
        name=clean.name(name),
        url=clean.url(said.url),
        referrer=clean.text(said.referrer, Limits.URL_CHARS),
        props=lenient.flat_props(_nested(said.props)),
        revenue=amount,
        currency=currency,
        interactive=said.interactive,
        engagement_ms=min(engaged_ms, _DAY_MS) if engaged_ms < _NONSENSE_MS else 0,
        scroll_percent=clean.whole(said.scroll, 100),
        fragment=said.hash in {1, "1"},
    )


def _nested(value: object) -> dict[str, Any]:
    """An object, or the text of one; as at Plausible, anything else counts as an empty one."""
    if not isinstance(value, str):
        return value if isinstance(value, dict) else {}
    if not value:
        return {}
    try:
        inner = wire.decode(value)
    except Refused:
        return {}
    return inner if isinstance(inner, dict) else {}


def _revenue(given: dict[str, Any]) -> tuple[Decimal | None, str]:
    """As at Plausible, an amount that cannot be read does not cost the event."""
    if not given:
        return None, ""
    try:
        said = msgspec.convert(given, _Revenue)
        return clean.money(said.amount, said.currency)
    except (msgspec.ValidationError, Refused):
        return None, ""


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """202 `ok`, and how many were dropped; a fault of the event itself is a 400 in Plausible's words."""
    dropped = [o for o in outcomes if o.refused is not None]
    bad = [o for o in dropped if o.refused not in _DROPS]
    if bad and len(bad) == len(outcomes) and bad[0].refused:
        return refuse(request, Refused(bad[0].refused, bad[0].message), 400)
    headers = {"x-plausible-dropped": str(len(dropped))} if dropped else {}
    return wire.Reply(202, b"ok", "text/plain", headers)


def refuse(_: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused."""
    errors = {_FIELDS.get(refused.code, "request"): [refused.message]}
    return wire.Reply(status, msgspec.json.encode({"errors": errors}))
