"""Segment's HTTP API, spoken by RudderStack's clients too: POST /v1/track, /v1/batch and their kin.

Bodies are JSON whatever the content type says. The write key is the user of Basic authorization, or in the body, or in
the query string. Sources: segment-docs (http-api, spec), rudder-server (gateway).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.events import IDENTIFY, PAGEVIEW, PURCHASE, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, lenient, shop, wire

NAME = "segment"
IDS = "segment"
METHODS = ("POST",)
EVENTS_PER_REQUEST = 2500
"""Segment's own limit."""
KEYS = {
    "kind": ("type",),
    "name": ("event",),
    "page_name": ("name", "properties.name"),
    "page_category": ("category", "properties.category"),
    "event_id": ("messageId",),
    "timestamp": ("originalTimestamp", "timestamp"),
    "sent_at": ("sentAt",),
    "client_id": ("anonymousId",),
    "previous_id": ("previousId",),
    "user_id": ("userId",),
    "group_id": ("groupId",),
    "props": ("properties",),
    "traits": ("traits", "context.traits"),
    "url": ("properties.url", "context.page.url"),
    "path": ("properties.path", "context.page.path"),
    "referrer": ("properties.referrer", "context.page.referrer"),
    "title": ("properties.title", "context.page.title"),
    "campaign": ("context.campaign",),
    "app": ("context.app.namespace",),
    "language": ("context.locale",),
    "screen_width": ("context.screen.width",),
    "screen_height": ("context.screen.height",),
    "user_agent": ("context.userAgent",),
    "address": ("context.ip",),
    "library": ("context.library.name",),
    "channel": ("channel",),
    "revenue": ("properties.revenue",),
    "order_revenue": ("properties.total", "properties.revenue", "properties.value"),
    "currency": ("properties.currency",),
    "order_id": ("properties.order_id",),
    "items": ("properties.products",),
    "site": ("writeKey",),
    "events": ("batch",),
    "shared": ("context", "integrations"),
}
"""Ours → Segment's; of several, the first that is there counts."""

_BATCHES = {"batch", "b", "import"}
_KINDS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_BOOKKEEPING = {"identify": IDENTIFY, "group": "group", "alias": "alias", "merge": "merge"}
_ORDERS = {"order completed", "completed order"}
_OF_A_PAGE = {"url", "path", "referrer", "title", "search", "name", "category"} | {
    # What RudderStack's browser SDK says of every page besides.
    "tab_url", "initial_referrer", "initial_referring_domain", "referring_domain",
}  # fmt: skip
_OF_AN_ORDER = {"total", "revenue", "value", "currency", "order_id", "products"}
_CAMPAIGN = {"source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "term": "utm_term"} | {
    "content": "utm_content"
}
_OF_THE_REQUEST = {Refusal.UNKNOWN_SITE: 401, Refusal.BAD_KEY: 401, Refusal.SUSPENDED: 403}


def split(request: wire.Request) -> wire.Batch:
    """The messages of a batch, or the one whose type the path says. Raises Refused."""
    text = wire.text(request)
    envelope: dict[str, msgspec.Raw] = wire.decode(text, dict[str, msgspec.Raw])
    if _call(request) in _BATCHES:
        payloads, first = _of_batch(envelope)
    else:
        payloads, first = [of_kind(text, envelope, _call(request))], {}
    key = basic_user(request) or lenient.text(_value(envelope, "writeKey") or first.get("writeKey"), Limits.ID_CHARS)
    return addressed(
        payloads,
        key or wire.parameters(request.query).get("writeKey", ""),
        sent_at=_value(envelope, "sentAt") or first.get("sentAt"),
        secret=_secret(request),
    )


def _of_batch(envelope: Mapping[str, msgspec.Raw]) -> tuple[list[str], dict[str, Any]]:
    """The messages of a batch, each with what the batch shares, and what the first one says. Raises Refused."""
    items = wire.few(_value(envelope, "batch", list[msgspec.Raw]) or [], EVENTS_PER_REQUEST)
    shared = {key: envelope[key] for key in KEYS["shared"] if _value(envelope, key)}
    # A small body must not grow into what the buffer cannot take at once.
    if sum(len(bytes(raw)) for raw in shared.values()) * len(items) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, "The context of the batch is too large for so many messages; send fewer.")
    payloads = [wire.together(item, shared) if shared else bytes(item).decode() for item in items]
    return payloads, lenient.readable(bytes(items[0]).decode())


def addressed(payloads: Sequence[str], site: str, *, sent_at: Any = None, secret: str = "") -> wire.Batch:
    """Payloads for the site of a write key. Raises Refused when there is none."""
    if not site:
        raise Refused(Refusal.NO_SITE, "Failed to read writeKey: send it as the user of Basic authorization.")
    moment = lenient.moment(sent_at)
    return wire.Batch(
        events=tuple(wire.Addressed(site, payload) for payload in payloads),
        sent_at=moment.isoformat() if moment else None,
        foreign_secret=secret,
    )


def of_kind(text: str, envelope: Mapping[str, msgspec.Raw], call: str) -> str:
    """The payload of a single call: as it came when it says its type itself, else together with it."""
    kind = _KINDS.get(call, call)
    if _value(envelope, "type") == kind:
        return text
    return wire.together(msgspec.Raw(text.encode()), {"type": kind})


def _call(request: wire.Request) -> str:
    return request.path.rstrip("/").rpartition("/")[2]


def _value(envelope: Mapping[str, msgspec.Raw], key: str, shape: type[Any] = object) -> Any:
    return wire.decode(bytes(envelope[key]).decode(), shape) if key in envelope else None


def basic_user(request: wire.Request) -> str:
    """The user of Basic authorization; '' when there is none or it cannot be read."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(token.strip(), validate=True).decode().partition(":")[0] if _is(scheme, "basic") else ""
    except (binascii.Error, ValueError):
        return ""


def _secret(request: wire.Request) -> str:
    """One of our secret keys as a bearer token; the OAuth token of another service says nothing here."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if _is(scheme, "bearer") and token.strip().startswith("sk_") else ""


def _is(scheme: str, name: str) -> bool:
    return scheme.strip().lower() == name


def _said(payload: str) -> dict[str, Any]:
    """The message, with what its envelope adds; the type that the path said goes before its own."""
    if payload.lstrip().startswith("["):
        own, shared = wire.apart(payload)
    else:
        own, shared = wire.decode(payload, dict[str, Any]), {}
    context = lenient.mapping(own.get("context"))
    for key, value in lenient.mapping(shared.get("context")).items():
        inner = context.get(key, value)
        context[key] = {**value, **inner} if isinstance(value, dict) and isinstance(inner, dict) else inner
    return own | {"context": context, "type": lenient.text(shared.get("type", own.get("type")), Limits.NAME_CHARS)}


def read(payload: str) -> ClientEvent:
    """One message. Raises Refused."""
    said = _said(payload)

    def of(key: str) -> Any:
        return lenient.found(said, KEYS[key])

    kind = of("kind")
    if of("client_id") is None and of("user_id") is None:
        raise Refused(Refusal.BAD_FIELD, "Request neither has anonymousId nor userId.")
    revenue, currency = lenient.money(of(_revenue_of(said)), of("currency")) if kind == "track" else (None, "")
    return ClientEvent(
        name=_name(said),
        url=_url(said),
        referrer=lenient.text(lenient.found(said, _of_page(kind, "referrer")), Limits.URL_CHARS),
        title=lenient.text(lenient.found(said, _of_page(kind, "title")), Limits.TITLE_CHARS),
        event_id=lenient.event_id(of("event_id")),
        timestamp=lenient.moment(of("timestamp")),
        client_id=lenient.someone(of("client_id")) or (lenient.someone(of("previous_id")) if kind == "alias" else ""),
        user_id=lenient.someone(of("user_id")),
        props=_props(said),
        revenue=revenue,
        currency=currency,
        interactive=kind not in _BOOKKEEPING,
        screen=lenient.screen(of("screen_width"), of("screen_height")),
        language=lenient.language(of("language")),
        from_server=lenient.is_server_library(of("library")) or of("channel") == "server",
        user_agent=lenient.text(of("user_agent"), Limits.USER_AGENT_CHARS),
        address=lenient.text(of("address"), 64),
    )


def _name(said: Mapping[str, Any]) -> str:
    kind = said.get("type")
    if kind in {"page", "screen"}:
        return PAGEVIEW
    if kind == "track":
        return PURCHASE if _is_order(said) else clean.name(lenient.text(said.get("event"), Limits.NAME_CHARS + 1))
    if kind in _BOOKKEEPING:
        return _BOOKKEEPING[kind]
    raise Refused(Refusal.BAD_FIELD, "type must be identify, track, page, screen, group, alias or merge.")


def _is_order(said: Mapping[str, Any]) -> bool:
    return lenient.text(said.get("event"), Limits.NAME_CHARS).lower() in _ORDERS


def _revenue_of(said: Mapping[str, Any]) -> str:
    return "order_revenue" if _is_order(said) else "revenue"


def _of_page(kind: object, key: str) -> tuple[str, ...]:
    """Where the page is described. The properties of other calls have an `url` of their own, such as a product's."""
    return KEYS[key] if kind in {"page", "screen"} else KEYS[key][1:]


def _url(said: Mapping[str, Any]) -> str:
    kind = said.get("type")
    page = lenient.url(lenient.found(said, _of_page(kind, "url"))) or lenient.url(
        lenient.found(said, _of_page(kind, "path"))
    )
    app = lenient.found(said, KEYS["app"])
    if not page and (kind == "screen" or app):
        page = lenient.screen_url(app, lenient.found(said, KEYS["page_name"]) if kind == "screen" else "")
    campaign = lenient.mapping(lenient.found(said, KEYS["campaign"]))
    return lenient.tagged(page, {utm: campaign.get(name) for name, utm in _CAMPAIGN.items()})


def _props(said: Mapping[str, Any]) -> dict[str, str]:
    kind, given = said.get("type"), lenient.mapping(said.get("properties"))
    if kind in {"identify", "group"}:
        own, known = (lenient.mapping(lenient.found(said, (path,))) for path in KEYS["traits"])
        group = {"group_id": lenient.found(said, KEYS["group_id"])}
        return lenient.props(known | own if kind == "identify" else group | own)
    if kind in {"page", "screen"}:
        named = {key: lenient.found(said, KEYS[f"page_{key}"]) for key in ("name", "category")}
        return lenient.props(named | {key: given[key] for key in given if key not in _OF_A_PAGE})
    if kind != "track":
        return {}
    if not _is_order(said):
        paid = lenient.money(given.get("revenue"), given.get("currency"))[0] is not None
        return lenient.props({key: given[key] for key in given if not paid or key not in {"revenue", "currency"}})
    items = lenient.found(said, KEYS["items"])
    order = shop.order(
        lenient.text(given.get("order_id"), Limits.PROP_VALUE_CHARS),
        (_item(item) for item in items if isinstance(item, dict)) if isinstance(items, list) else (),
    )
    return lenient.props(order | {key: given[key] for key in given if key not in order and key not in _OF_AN_ORDER})


def _item(product: Mapping[str, Any]) -> dict[str, Any]:
    return {**product, "id": lenient.found(product, ("product_id", "sku", "id"))}


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """200, also when some or all messages of a batch are left out, as at Segment; Rudder's clients take nothing else.

    An error is what concerns the whole request: its site, or the only message of a single call.
    """
    why = lenient.all_refused(outcomes)
    if why and (why.code in _OF_THE_REQUEST or _call(request) not in _BATCHES):
        return refuse(request, why, _OF_THE_REQUEST.get(why.code, 400))
    return wire.Reply(200, b'{"success":true}')


def refuse(_: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """An error with `code` and `message` on top: without them rudder-sdk-python sends it again and again."""
    body = {"success": False, "code": refused.code.value, "message": refused.message}
    return wire.Reply(401 if refused.code is Refusal.NO_SITE else status, msgspec.json.encode(body))
