"""What Google's tag in a browser sends: GET or POST /g/collect, all in the query string.

A POST may carry events in its body, one a line, whose parameters go before those of the query string. The page is
answered 204 and never told of an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import clean, flat, google, wire

NAME = "gtag"
IDS = "ga4"
METHODS = ("GET", "POST")

_PARAMETERS = {
    "page_location": "dl",
    "page_path": "dp",
    "page_referrer": "dr",
    "ignore_referrer": "ir",
    "page_title": "dt",
    "language": "ul",
    "screen_resolution": "sr",
    "engagement_time_msec": "_et",
    "currency": "cu",
    "campaign_source": "cs",
    "campaign_medium": "cm",
    "campaign_name": "cn",
    "campaign_content": "cc",
    "campaign_term": "ct",
}
"""The Measurement Protocol's → the tag's."""
_OWN_PARAMETERS = ("ep.", "epn.")
_OF_THE_USER = ("up.", "upn.")
KEYS: dict[str, str | tuple[str, ...]] = {
    "site": "tid",
    "name": "en",
    "client_id": "cid",
    "user_id": "uid",
    "consent": "gcs",
    "address": "_uip",
    "host": "dh",
    **_PARAMETERS,
    "parameters": _OWN_PARAMETERS,
    "properties": _OF_THE_USER,
    "items": "pr",
}

_WHO = ("cid", "uid")
"""Who it is: neither used nor kept without consent."""
_ITEM = {
    "id": "item_id", "nm": "item_name", "br": "item_brand", "ca": "item_category", "va": "item_variant",
    "pr": "price", "qt": "quantity",
}  # fmt: skip
_ITEM_KEY = re.compile(r"pr([1-9]\d{0,2})", re.ASCII)
_ITEM_FIELD = re.compile(r"(?:[^~]|~~)+")
"""A tilde parts the fields; one that belongs to a value is doubled."""
_WHOLE = 1 << 53


def split(request: wire.Request) -> wire.Batch:
    """The event of the query string, or those of the body's lines. Raises Refused."""
    lines = [line for line in wire.body(request).decode(errors="replace").split("\n") if line.strip()]
    texts = [f"{request.query}\n{line.rstrip()}" for line in wire.few(lines)] if lines else [request.query]
    events = tuple(map(_addressed, texts))
    if not any(event.site for event in events):
        raise Refused(Refusal.NO_SITE, "Name the site: tid=G-….")
    return wire.Batch(events)


def _addressed(text: str) -> wire.Addressed:
    payload = clean.text(text, len(text))
    said = _said(payload)
    if _is_denied(said):
        payload = "\n".join(flat.without(part, _WHO) for part in payload.split("\n"))
    return wire.Addressed(said.get("tid", "").strip(), payload)


def read(payload: str) -> ClientEvent:
    """A query string, or one and a line of a body that goes before it. Raises Refused."""
    said = _said(payload)
    event = google.event(said.get("en"), _parameters(said), _behind(_OF_THE_USER, said))
    allowed = not _is_denied(said)
    return msgspec.structs.replace(
        event,
        client_id=google.client_id(said.get("cid")) if allowed else "",
        user_id=clean.someone(said.get("uid")) if allowed else "",
        address=clean.text(said.get("_uip"), 64),
    )


def _said(payload: str) -> dict[str, str]:
    query, _, line = payload.partition("\n")
    return wire.parameters(query) | wire.parameters(line)


def _is_denied(said: Mapping[str, str]) -> bool:
    """`G1` and two signs, for advertisements and for analytics: 0 is no."""
    consent = said.get("gcs", "")
    return consent[:2] == "G1" and consent[3:4] == "0"


def _parameters(said: Mapping[str, str]) -> dict[str, Any]:
    """The parameters under the Measurement Protocol's names."""
    given: dict[str, Any] = _behind(_OWN_PARAMETERS, said)
    given |= {name: said[key] for name, key in _PARAMETERS.items() if said.get(key)}
    if host := said.get("dh"):
        given.setdefault("page_location", f"https://{host}{said.get('dp') or '/'}")
    if items := _items(said):
        given["items"] = items
    return given


def _behind(prefixes: tuple[str, ...], said: Mapping[str, str]) -> dict[str, str]:
    """`{"method": "Google"}` of `ep.method=Google`."""
    return {key.partition(".")[2]: value for key, value in said.items() if key.startswith(prefixes)}


def _items(said: Mapping[str, str]) -> list[dict[str, Any]]:
    numbered = [(int(found[1]), text) for key, text in said.items() if (found := _ITEM_KEY.fullmatch(key))]
    return [_item(text) for number, text in sorted(numbered)]


def _item(text: str) -> dict[str, Any]:
    """`{"item_id": "SKU1", "price": 12.75}` of `idSKU1~pr12.75`."""
    fields = (field.replace("~~", "~") for field in _ITEM_FIELD.findall(text))
    return {_ITEM[field[:2]]: _value(field) for field in fields if field[:2] in _ITEM}


def _value(field: str) -> str | float:
    number = google.number(field[2:]) if field[:2] in {"pr", "qt"} else None
    if number is None:
        return field[2:]
    return int(number) if number.is_integer() and abs(number) < _WHOLE else number


def answer(request: wire.Request, batch: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """204, whatever became of the events."""
    return wire.Reply(204, content_type="text/plain")


def refuse(request: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """204 as well, unless the same request may succeed later."""
    return wire.Reply(status if status in {429, 503} else 204, content_type="text/plain")
