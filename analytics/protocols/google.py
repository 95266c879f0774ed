"""What Google's two formats share: its names of events and parameters, and what they are in our words.

`ga4` (the Measurement Protocol) brings the parameters as they are; `gtag` first translates its short keys. Google reads
leniently and answers nobody: what cannot be read costs the value, not the event.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from analytics.events import ENGAGEMENT, PAGEVIEW, PASSIVE, PURCHASE, WEB_VITALS, ClientEvent, Limits, Refused
from analytics.protocols import clean, lenient, shop

PARAMETERS = {
    "url": ("page_location", "page_path"),
    "app_screen": ("screen_name", "firebase_screen", "screen_class", "firebase_screen_class"),
    "referrer": ("page_referrer",),
    "ignore_referrer": ("ignore_referrer",),
    "title": ("page_title",),
    "language": ("language",),
    "screen": ("screen_resolution",),
    "engaged_ms": ("engagement_time_msec",),
    "scrolled": ("percent_scrolled",),
    "order_id": ("transaction_id",),
    "items": ("items",),
    "revenue": ("value",),
    "currency": ("currency",),
    "utm_source": ("campaign_source",),
    "utm_medium": ("campaign_medium",),
    "utm_campaign": ("campaign_name",),
    "utm_content": ("campaign_content",),
    "utm_term": ("campaign_term",),
    "metric": ("metric_value",),
    "bookkeeping": ("session_id", "ga_session_id", "session_number", "ga_session_number", "debug_mode"),
    "bookkeeping of a metric": ("metric_delta", "metric_id"),
}
"""Ours → Google's; of several, the first that says something counts."""

NAMES = {"page_view": PAGEVIEW, "screen_view": PAGEVIEW, "user_engagement": ENGAGEMENT}
VITALS = {"LCP": "lcp", "INP": "inp", "FCP": "fcp", "TTFB": "ttfb", "CLS": "cls"}
"""Google's library for web vitals reports each as an event of its own."""
BY_ITSELF = PASSIVE | {"scroll", "session_start", "first_visit", "first_open", "campaign_details"}
"""What Google's tags report without anybody having done anything."""

_ITEM = {
    "id": "item_id", "name": "item_name", "brand": "item_brand", "category": "item_category",
    "variant": "item_variant", "price": "price", "quantity": "quantity",
}  # fmt: skip
_CAMPAIGN = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "campaign", "utm_content": "content",
    "utm_term": "term",
}  # fmt: skip
"""Ours → what an event `campaign_details` calls it."""
_OF_MONEY = frozenset({"value", "currency"})
_OF_A_METRIC = frozenset({"metric_value", "metric_delta", "metric_id"})
_READ = frozenset(key for keys in PARAMETERS.values() for key in keys) - _OF_MONEY - _OF_A_METRIC
"""What does not become a property of any event."""
_LANGUAGE = re.compile(r"[a-z]{2,8}([-_][a-z0-9]{1,8}){0,4}", re.IGNORECASE | re.ASCII)
_COOKIE = re.compile(r"\AGA\d\.\d{1,2}\.(?=\d+\.\d+\Z)", re.ASCII)
_MOST_ENGAGED_MS = 24 * 3600 * 1000


def event(name: object, given: Mapping[str, Any], of_the_user: Mapping[str, Any]) -> ClientEvent:
    """An event with its parameters, and the properties of its user, in our words. Raises Refused for the name alone."""
    said = clean.name(name if isinstance(name, str) else None)
    vital = _vital(said, given)
    ours = WEB_VITALS if vital else NAMES.get(said, said)
    revenue, currency = _revenue(given) if ours == PURCHASE else (None, "")
    read = _READ | _OF_MONEY | _OF_A_METRIC if vital else _READ | _OF_MONEY if revenue is not None else _READ
    order_id = _first(given, "order_id", Limits.ID_CHARS)
    return ClientEvent(
        name=ours,
        url=_with_campaign(_page(given), _campaign(said, given)),
        referrer="" if _is_true(given, "ignore_referrer") else _first(given, "referrer", Limits.URL_CHARS),
        title=_first(given, "title", Limits.TITLE_CHARS),
        event_id=_event_id(order_id) if ours == PURCHASE else None,
        props=_props(
            vital,
            shop.order(order_id, _items(given)),
            {key: value for key, value in given.items() if key not in read},
            of_the_user,
        ),
        revenue=revenue,
        currency=currency,
        interactive=ours not in BY_ITSELF,
        engagement_ms=clean.whole(_first(given, "engaged_ms"), _MOST_ENGAGED_MS),
        scroll_percent=clean.whole(_first(given, "scrolled"), 100),
        screen=clean.screen(_first(given, "screen")),
        language=language(_first(given, "language")),
    )


def text(value: object, most: int = Limits.PROP_VALUE_CHARS) -> str:
    """Text, or a number as text; anything else says nothing, and neither does what JavaScript makes of an object."""
    shown = lenient.text(value, most)
    return "" if shown == "[object Object]" else shown


def client_id(value: object) -> str:
    """A browser's id; also as its cookie `GA1.1.1234567890.1700000000` has it."""
    return lenient.someone(_COOKIE.sub("", text(value)))


def number(shown: str) -> float | None:
    """None for what is no finite number."""
    try:
        found = float(shown)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def language(given: str) -> str:
    """`en-us@posix` as `en-US`; '' for what is no language."""
    found = _LANGUAGE.match(given)
    if found is None:
        return ""
    first, *others = found[0].lower().replace("_", "-").split("-")
    shown = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in others)
    return "-".join((first, *shown))


def _first(given: Mapping[str, Any], ours: str, most: int = Limits.PROP_VALUE_CHARS) -> str:
    return next((found for key in PARAMETERS[ours] if (found := text(given.get(key), most))), "")


def _is_true(given: Mapping[str, Any], ours: str) -> bool:
    return any(given.get(key) in (True, "true", "1") for key in PARAMETERS[ours])


def _page(given: Mapping[str, Any]) -> str:
    """The page's address; in an app its screen, as a page of the site's own domain."""
    addresses = filter(None, (lenient.url(given.get(key)) for key in PARAMETERS["url"]))
    return next(addresses, "") or lenient.screen_url("", _first(given, "app_screen"))


def _campaign(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """What a tag was told of the campaign, in spite of the page's address."""
    told = {ours: _first(given, ours) for ours in _CAMPAIGN}
    if name == "campaign_details":
        told |= {ours: text(given.get(theirs)) for ours, theirs in _CAMPAIGN.items()}
    return {ours: value for ours, value in told.items() if value}


def _with_campaign(url: str, told: Mapping[str, str]) -> str:
    """The campaign goes before the address's own parameters: of a name the first counts."""
    if not told:
        return url
    before, hash_mark, behind = url.partition("#")
    path, _, query = before.partition("?")
    query = "&".join(filter(None, (urlencode(told), query)))
    return f"{path}?{query}{hash_mark}{behind}"[: Limits.URL_CHARS]


def _vital(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """`{"lcp": "2500.4"}` of an event `LCP` that has a number.

    A CLS that is a whole number counts thousandths: `value` could once not hold fractions.
    """
    if name not in VITALS:
        return {}
    measured = _first(given, "metric")
    shown = measured or _first(given, "revenue")
    exact = number(shown)
    if exact is None:
        return {}
    if name == "CLS" and not measured and exact >= 1 and exact.is_integer():
        shown = str(exact / 1000)
    return {VITALS[name]: shown}


def _revenue(given: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """As Google has it, an amount without a currency is none."""
    try:
        return clean.money(_first(given, "revenue"), _first(given, "currency"))
    except Refused:
        return None, ""


def _event_id(order_id: str) -> UUID | None:
    """An order counts once, however often its page is loaded again, and whoever reports it."""
    return lenient.event_id(f"purchase {order_id}") if order_id else None


def _items(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    items = given.get("items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            yield {ours: item.get(theirs) for ours, theirs in _ITEM.items()}


def _props(*layers: Mapping[str, Any]) -> dict[str, str]:
    """As many as an event may have, of what can be a property; of a name the first counts."""
    fit: dict[str, Any] = {}
    for key, value in chain.from_iterable(layer.items() for layer in layers):
        if 0 < len(key) <= Limits.PROP_KEY_CHARS and (isinstance(value, bool) or text(value)):
            fit.setdefault(key, value)
    return clean.props(dict(islice(fit.items(), Limits.PROPS)), strict=False)
