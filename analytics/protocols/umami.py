"""Umami's API: POST /api/send with one event, POST /api/batch with a list of them.

`{"type": "event"|"identify"|"performance"|"engagement", "payload": {"website": …, "url": …}}`; an event without a name
is a pageview.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import msgspec

from analytics.events import ENGAGEMENT, IDENTIFY, PAGEVIEW, WEB_VITALS, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, flat, lenient, wire

NAME = "umami"
IDS = "umami"
METHODS = ("POST",)
VITALS = ("lcp", "inp", "cls", "fcp", "ttfb")
KEYS = {
    "kind": "type",
    "said": "payload",
    "site": ("website", "link", "pixel"),
    "name": "name",
    "url": "url",
    "host": "hostname",
    "referrer": "referrer",
    "title": "title",
    "data": "data",
    "tag": "tag",
    "user": "id",
    "timestamp": "timestamp",
    "engagement": "engagement",
    "vitals": VITALS,
    "screen": "screen",
    "language": "language",
    "user_agent": "userAgent",
    "address": "ip",
}
"""Ours → Umami's."""

_HOST = re.compile(r"[^\s/?#@\\\[\]%]{1,100}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_VISIT_SECONDS = 1800
_NAMESPACE = uuid.UUID("6d2f7cf0-9a0c-4c35-8b0c-3c9d0f2f6a11")


class _Said(msgspec.Struct):
    type: str = ""
    payload: dict[str, Any] = {}


def split(request: wire.Request) -> wire.Batch:
    """One event, or each of a batch. Raises Refused."""
    text = wire.text(request)
    if _is_batch(request):
        events = tuple(wire.Addressed(_site_of_one(payload), payload) for payload in _each(text))
    else:
        events = (wire.Addressed(_site(wire.decode(text, _Said)), text),)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    ours = scheme.lower() == "bearer" and key.strip().startswith("sk_")
    return wire.Batch(events=events, foreign_secret=key.strip() if ours else "")


def _each(text: str) -> Iterator[str]:
    """The events of a batch: of a list, or of the object `{"0": …, "1": …}` that @umami/api-client makes of one."""
    if text.lstrip()[:1] == "{":
        found = list(wire.decode(text, dict[str, msgspec.Raw]).values())
    else:
        found = wire.decode(text, list[msgspec.Raw])
    return (bytes(raw).decode() for raw in wire.few(found))


def _site_of_one(payload: str) -> str:
    """The site of an event in a batch; none when there is none, which then concerns that event alone."""
    try:
        return _site(wire.decode(payload, _Said))
    except Refused:
        return ""


def _site(said: _Said) -> str:
    named = [str(said.payload[key]) for key in KEYS["site"] if said.payload.get(key)]
    if len(named) != 1:
        raise Refused(Refusal.NO_SITE, "Exactly one of website, link, or pixel must be provided.")
    return named[0]


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said: _Said = wire.decode(payload, _Said)
    texts = flat.texts({key: value for key, value in said.payload.items() if not isinstance(value, (dict, list))})
    name, interactive = _name(said.type, texts)
    data = said.payload.get("data")
    given = dict(data) if isinstance(data, dict) and said.type != "performance" else {}
    revenue, currency = _revenue(given)
    vitals = {key: texts[key] for key in VITALS if key in texts} if said.type == "performance" else {}
    host = texts.get("hostname", "")
    return ClientEvent(
        name=name,
        url=lenient.url(_joined(texts.get("url", ""), host)),
        referrer=clean.text(_joined(texts.get("referrer", ""), host), Limits.URL_CHARS),
        title=clean.text(texts.get("title"), Limits.TITLE_CHARS),
        timestamp=_timestamp(texts.get("timestamp", "")),
        user_id=clean.someone(texts.get("id")),
        props=lenient.props({"tag": texts.get("tag")} | vitals | given),
        revenue=revenue,
        currency=currency,
        interactive=interactive,
        engagement_ms=clean.whole(texts.get("engagement"), 24 * 3600 * 1000) if said.type == "engagement" else 0,
        screen=clean.screen(texts.get("screen")),
        language=lenient.language(texts.get("language")),
        # As at Umami, whose tracker leaves it out of the address where it is to mean nothing.
        fragment=True,
        from_server=bool(texts.get("ip") or texts.get("userAgent")),
        user_agent=clean.text(texts.get("userAgent"), Limits.USER_AGENT_CHARS),
        address=clean.text(texts.get("ip"), 64),
    )


def _name(kind: str, texts: Mapping[str, str]) -> tuple[str, bool]:
    """(the event's name, whether it is interactive)."""
    if kind == "event":
        return clean.name(texts.get("name", "").strip() or PAGEVIEW), True
    names = {"identify": IDENTIFY, "performance": WEB_VITALS, "engagement": ENGAGEMENT}
    if kind not in names:
        raise Refused(Refusal.BAD_FIELD, "type must be event, identify, performance or engagement.")
    return names[kind], False


def _revenue(data: dict[str, Any]) -> tuple[Decimal | None, str]:
    """`revenue` and `currency` of the data, taken out of it; what cannot be read stays there."""
    amount, currency = data.get("revenue"), data.get("currency")
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)) or not isinstance(currency, str):
        return None, ""
    try:
        money = clean.money(amount, currency)
    except Refused:
        return None, ""
    del data["revenue"], data["currency"]
    return money


def _joined(address: str, host: str) -> str:
    """An address as it is, a path on the host that is named with it."""
    address = address.strip()
    if not address or _SCHEME.match(address):
        return address
    if address.startswith("//"):
        return f"https:{address}"
    path = address if address.startswith("/") else f"/{address}"
    return f"https://{host}{path}" if _HOST.fullmatch(host) else path


def _timestamp(given: str) -> dt.datetime | None:
    """Seconds since 1970, as a number or its text."""
    try:
        seconds = float(given or "nan")
    except ValueError:
        raise Refused(Refusal.BAD_TIMESTAMP, "timestamp must be a number of seconds since 1970.") from None
    return clean.timestamp(seconds) if seconds == seconds else None


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """The ids of session and visit, as Umami gives them; of a batch how many were processed, and what was not."""
    wrong = [one for one in outcomes if lenient.all_refused([one])]
    processed = [one for one in outcomes if one not in wrong]
    token = request.headers.get("x-umami-cache", "")
    ids = session(processed[-1].visitor_id, token, int(time.time())) if processed else {}
    if not _is_batch(request):
        return wire.Reply(200, msgspec.json.encode(ids)) if ids else _error(wrong[0])
    details = [{"index": one.index, "response": msgspec.Raw(_error(one).body)} for one in wrong]
    summary = {"size": len(outcomes), "processed": len(processed), "errors": len(wrong), "details": details}
    return wire.Reply(200, msgspec.json.encode(summary | ({"cache": ids["cache"]} if ids else {})))


def _is_batch(request: wire.Request) -> bool:
    return request.path.rstrip("/").endswith("/batch")


def _error(outcome: wire.Outcome) -> wire.Reply:
    message = "Website not found." if outcome.refused is Refusal.UNKNOWN_SITE else outcome.message
    return _failure(message, 400)


def refuse(_: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused."""
    return _failure(refused.message, status)


def _failure(message: str, status: int) -> wire.Reply:
    code = "payload-too-large" if status == 413 else HTTPStatus(status).phrase.lower().replace(" ", "-")
    return wire.Reply(status, msgspec.json.encode({"error": {"message": message, "code": code, "status": status}}))


def session(visitor_id: int, token: str, now: int) -> dict[str, str]:
    """The session is the visitor, the visit begins with the hour, or goes on as the token says that came back."""
    session = str(uuid.uuid5(_NAMESPACE, f"session {visitor_id}"))
    visit, begun = str(uuid.uuid5(_NAMESPACE, f"visit {session} {now // 3600}")), now
    told = _told(token)
    at = told.get("iat")
    if told.get("sessionId") == session and isinstance(at, int) and 0 <= now - at <= _VISIT_SECONDS:
        visit, begun = _uuid(told.get("visitId")) or visit, at
    return {"cache": _token(session, visit, begun), "sessionId": session, "visitId": visit}


def _token(session: str, visit: str, begun: int) -> str:
    """A JWT without a signature, for the client to send back: nothing but later answers depends on it."""
    parts = ({"alg": "none", "typ": "JWT"}, {"sessionId": session, "visitId": visit, "iat": begun})
    head, body = (base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}."


def _told(token: str) -> dict[str, Any]:
    """What a token says; nothing when it is none of ours."""
    body = token[:1024].split(".")[1:2]
    try:
        told = msgspec.json.decode(base64.urlsafe_b64decode(f"{body[0]}===")) if body else {}
    except (binascii.Error, msgspec.DecodeError, RecursionError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _uuid(given: object) -> str:
    try:
        return str(uuid.UUID(given)) if isinstance(given, str) else ""
    except ValueError:
        return ""
