"""Snowplow's tracker protocol: POST /com.snowplowanalytics.snowplow/tp2 with a list of events, GET /i with one.

`{"schema": "iglu:…/payload_data/…", "data": [{"e": "pv", "url": …}]}`; every value is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from analytics.events import ENGAGEMENT, PAGEVIEW, PURCHASE, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, flat, lenient, shop, wire
from analytics.protocols.snowplow_schemas import What, self_described

NAME = "snowplow"
IDS = "snowplow"
METHODS = ("GET", "POST")
KEYS = {
    "kind": "e",
    "site": "aid",
    "event_id": "eid",
    "timestamp": ("ttm", "dtm"),
    "sent_at": "stm",
    "url": "url",
    "referrer": "refr",
    "title": "page",
    "user_id": "uid",
    "client_id": ("duid", "nuid", "tnuid"),
    "platform": "p",
    "user_agent": "ua",
    "address": "ip",
    "screen": "res",
    "language": "lang",
    "scrolled": ("pp_may", "vp", "ds"),
    "structured": ("se_ca", "se_ac", "se_la", "se_pr", "se_va"),
    "self_describing": ("ue_pr", "ue_px"),
    "contexts": ("co", "cx"),
    "transaction": ("tr_id", "tr_tt", "tr_cu", "tr_tx", "tr_sh", "tr_af"),
    "item": ("ti_id", "ti_sk", "ti_nm", "ti_ca", "ti_pr", "ti_qu", "ti_cu"),
}
"""Ours → Snowplow's."""

_WHO = ("uid", "duid", "nuid", "tnuid", "sid", "vid", "fp", "ip")
"""What says who it is: dropped when the sender asks for anonymity."""
_PACKED = {"ue_px": "ue_pr", "cx": "co"}
"""In base64 → plain."""
_PLAIN = "{}[]\":,/?@!'()*$;=<>|^`\\~# "
"""What may stand in a query string as it is, for our own reading."""
_SIZE = re.compile(r"\d{1,6}x(\d{1,7})", re.ASCII)
_MILLISECONDS = re.compile(r"\d{1,16}", re.ASCII)
_SECOND = 1000
_STRUCTURED = {"se_ca": "category", "se_la": "label", "se_pr": "property", "se_va": "value"}
_SUMS = {"tr_tx": "tax", "tr_sh": "shipping", "tr_af": "affiliation"}
_ITEM = {
    "ti_id": "order_id",
    "ti_sk": "id",
    "ti_nm": "name",
    "ti_ca": "category",
    "ti_pr": "price",
    "ti_qu": "quantity",
    "ti_cu": "currency",
}


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw] = []


def split(request: wire.Request) -> wire.Batch:
    """One event, or each of `data`. Raises Refused."""
    unwanted = _WHO if request.headers.get("sp-anonymous") else ()
    if request.method == "GET":
        payloads = [_of_query(flat.asked(request), unwanted)]
    else:
        envelope: _Envelope = wire.decode(wire.text(request), _Envelope)
        payloads = [_of_object(bytes(raw).decode(), unwanted) for raw in wire.few(envelope.data)]
    said = [_read_or_nothing(payload) for payload in payloads]
    if not any(one.get("aid") for one in said):
        raise Refused(Refusal.NO_SITE, "aid is missing: it names the site.")
    events = tuple(wire.Addressed(one.get("aid", ""), payload) for one, payload in zip(said, payloads, strict=True))
    return wire.Batch(events=events, sent_at=_sent_at(said))


def _of_query(query: str, unwanted: Iterable[str]) -> str:
    """A query string with what is packed unpacked, and without what is unwanted; all else as it came."""
    if not any(f"{packed}=" in query for packed in _PACKED):
        return flat.without(query, unwanted)
    parts = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        plain = _unpack(unquote_plus(value)) if name in _PACKED else ""
        parts.append(f"{_PACKED[name]}={quote(plain, safe=_PLAIN)}" if plain else part)
    return flat.without("&".join(parts), unwanted)


def _of_object(text: str, unwanted: Sequence[str]) -> str:
    """The same of an event of a POST."""
    if text[:1] != "{" or not any(f'"{name}"' in text for name in (*_PACKED, *unwanted)):
        return text
    fields: dict[str, Any] = wire.decode(text, dict[str, msgspec.Raw])
    kept = {name: value for name, value in fields.items() if name not in unwanted}
    for packed, plain in _PACKED.items():
        raw = bytes(fields.get(packed, b"")).decode()
        if raw[:1] == '"' and (found := _unpack(wire.decode(raw, str))):
            del kept[packed]
            kept[plain] = found
    return msgspec.json.encode(kept).decode()


def _unpack(packed: str) -> str:
    """The JSON in base64url, so that what must not be kept is found in it; nothing when there is none."""
    if len(packed) > Limits.EVENT_BYTES:
        return ""
    plain = (lenient.unpacked(packed) or b"").decode(errors="replace")
    return plain if isinstance(flat.json(plain), dict) else ""


def _read_or_nothing(payload: str) -> dict[str, str]:
    """What an event says, which concerns that event alone when it cannot be read."""
    try:
        return flat.read(payload)
    except Refused:
        return {}


def _sent_at(said: Sequence[Mapping[str, str]]) -> int | None:
    """The client's clock when it sent; None when a true time is among the events, which needs no correction.

    Nothing is sent before it is made: a clock that was cut to whole seconds is as late as its last event.
    """
    if any(one.get("ttm") for one in said):
        return None
    sent = max((_milliseconds(one.get("stm")) for one in said), default=0)
    made = max((_milliseconds(one.get("dtm")) for one in said), default=0)
    return (made if 0 < made - sent < _SECOND else sent) if sent else None


def _milliseconds(given: str | None) -> int:
    """0 when it is no time."""
    return int(given) if given and _MILLISECONDS.fullmatch(given) else 0


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said = flat.read(payload)
    if said.get("e", "") not in _KINDS:
        raise Refused(Refusal.BAD_FIELD, f"e must be one of {', '.join(_KINDS)}.")
    what = _KINDS[said["e"]](said)
    amount, currency = what.revenue
    return ClientEvent(
        name=clean.name(what.name),
        url=lenient.url(said.get("url")) or what.url,
        referrer=clean.text(said.get("refr"), Limits.URL_CHARS),
        title=clean.text(said.get("page"), Limits.TITLE_CHARS),
        event_id=lenient.event_id(said.get("eid")),
        timestamp=clean.timestamp(_milliseconds(said.get("ttm")) or _milliseconds(said.get("dtm")) or None),
        client_id=next(filter(None, (clean.someone(said.get(key)) for key in KEYS["client_id"])), ""),
        user_id=clean.someone(said.get("uid")),
        props=lenient.props(what.props),
        revenue=amount,
        currency=currency,
        interactive=what.interactive,
        scroll_percent=what.scroll_percent,
        screen=clean.screen(said.get("res")),
        language=lenient.language(said.get("lang")),
        from_server=said.get("p") == "srv" or bool(said.get("ip")),
        user_agent=clean.text(said.get("ua"), Limits.USER_AGENT_CHARS),
        address=clean.text(said.get("ip"), 64),
    )


def _page_view(_: Mapping[str, str]) -> What:
    return What(PAGEVIEW)


def _page_ping(said: Mapping[str, str]) -> What:
    """How far down the page its last line on the screen is."""
    screen, page = _SIZE.fullmatch(said.get("vp", "")), _SIZE.fullmatch(said.get("ds", ""))
    percent = 0
    if screen and page and int(page[1]):
        lowest = clean.whole(said.get("pp_may"), 10**7) + int(screen[1])
        percent = min(100, lowest * 100 // int(page[1]))
    return What(ENGAGEMENT, interactive=False, scroll_percent=percent)


def _structured(said: Mapping[str, str]) -> What:
    return What(said.get("se_ac", ""), _renamed(said, _STRUCTURED))


def _transaction(said: Mapping[str, str]) -> What:
    props = shop.order(said.get("tr_id"), ()) | _renamed(said, _SUMS)
    return What(PURCHASE, props, revenue=flat.money(said.get("tr_tt"), said.get("tr_cu")))


def _item(said: Mapping[str, str]) -> What:
    return What("item", _renamed(said, _ITEM), interactive=False)


def _renamed(said: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {ours: said[theirs] for theirs, ours in names.items() if said.get(theirs)}


_KINDS: Mapping[str, Callable[[Mapping[str, str]], What]] = {
    "pv": _page_view,
    "pp": _page_ping,
    "se": _structured,
    "ue": self_described,
    "tr": _transaction,
    "ti": _item,
}


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """`ok`, or a GIF to GET; 400 when nothing was accepted, for then nothing will be when it is sent again."""
    if nothing := lenient.all_refused(outcomes):
        return refuse(request, nothing, 400)
    return wire.pixel() if request.method == "GET" else wire.Reply(200, b"ok", "text/plain")


def refuse(request: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused. Trackers send again for ever what is answered neither 2xx nor 400."""
    final = 400 if status in {413, 415} else status
    if request.method == "GET":
        return wire.pixel(final)
    return wire.Reply(final, f"{refused.message}\n".encode(), "text/plain")
