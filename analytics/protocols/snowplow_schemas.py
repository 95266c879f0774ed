"""Snowplow's self-describing events: what the schemas mean that have a meaning here; all others go by their name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import PAGEVIEW, PURCHASE, WEB_VITALS, Refusal, Refused
from analytics.protocols import flat, lenient, shop

_SCHEMA = re.compile(r"iglu:([\w.-]+)/([\w.-]+)/[\w.-]+/[\w.-]+", re.ASCII)
_VENDOR = "com.snowplowanalytics.snowplow"
_ECOMMERCE = f"{_VENDOR}.ecommerce"
_APPS = {_VENDOR, "com.snowplowanalytics.mobile"}
_VITALS = ("lcp", "inp", "cls", "fcp", "ttfb")


class What(msgspec.Struct, frozen=True):
    """What happened."""

    name: str
    props: Mapping[str, Any] = {}
    interactive: bool = True
    revenue: tuple[Decimal | None, str] = (None, "")
    scroll_percent: int = 0
    url: str = ""
    """Where it happened, when the event has no address of a page."""


def self_described(said: Mapping[str, str]) -> What:
    """An event of its own schema, by the schema's name. Raises Refused."""
    outer = flat.json(said.get("ue_pr", ""))
    schema, data = _entity(outer.get("data") if isinstance(outer, dict) else None)
    match schema:
        case ("", ""):
            raise Refused(Refusal.BAD_FIELD, "ue_pr or ue_px must hold a self-describing event.")
        case (vendor, "link_click") if vendor == _VENDOR and _leads_away(said, data):
            return What("Outbound Link: Click", {"url": data["targetUrl"]} | data | {"targetUrl": None})
        case (vendor, "screen_view") if vendor in _APPS:
            return What(PAGEVIEW, data, url=lenient.screen_url("", data.get("name")))
        case (vendor, "web_vitals") if vendor == _VENDOR:
            return What(WEB_VITALS, {key: data[key] for key in _VITALS if key in data}, interactive=False)
        case (vendor, _) if vendor == _ECOMMERCE and data.get("type") == "transaction":
            return _ordered(said)
    return What(schema[1], data)


def _entity(given: object) -> tuple[tuple[str, str], dict[str, Any]]:
    """((vendor, name), data) of `{"schema": "iglu:vendor/name/format/version", "data": {…}}`."""
    if not isinstance(given, dict):
        return ("", ""), {}
    schema, data = _SCHEMA.fullmatch(str(given.get("schema", ""))), given.get("data")
    return (schema[1], schema[2]) if schema else ("", ""), data if isinstance(data, dict) else {}


def _leads_away(said: Mapping[str, str], data: Mapping[str, Any]) -> bool:
    target = data.get("targetUrl")
    return isinstance(target, str) and _host(target) not in {"", _host(said.get("url", ""))}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _ordered(said: Mapping[str, str]) -> What:
    """An order of the e-commerce plugin: it is told by the entities that come with the event."""
    outer = flat.json(said.get("co", ""))
    listed = outer.get("data") if isinstance(outer, dict) else None
    entities = [_entity(one) for one in listed] if isinstance(listed, list) else []
    order = next((data for schema, data in entities if schema == (_ECOMMERCE, "transaction")), {})
    items = (data for schema, data in entities if schema == (_ECOMMERCE, "product"))
    revenue = flat.money(order.get("revenue"), order.get("currency"))
    rest = {key: value for key, value in order.items() if key not in {"transaction_id", "revenue", "currency"}}
    order_id = order.get("transaction_id")
    return What(PURCHASE, shop.order(order_id if isinstance(order_id, str) else "", items) | rest, revenue=revenue)
