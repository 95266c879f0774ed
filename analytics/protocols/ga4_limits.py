"""Google's limits of the Measurement Protocol, and what it says of who goes beyond them.

The codes are Google's; so are the words where they are known.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from analytics.events import Limits

BODY_BYTES = 130_000
MOST_EVENTS = 25
MOST_PARAMETERS = 25
MOST_PROPERTIES = 25
MOST_ITEMS = 200
MOST_ITEM_PARAMETERS = 10
"""Of an item's own, besides those of ITEM_KEYS."""
VALUE_CHARS = 100
LONGER_VALUES = {"page_title": 300, "page_referrer": 420, "page_location": 1000}
ANY_LENGTH = frozenset({"session_id", "session_number"})
PROPERTY_VALUE_CHARS = 36
PAST = dt.timedelta(hours=72)
FUTURE = dt.timedelta(seconds=Limits.FUTURE_SECONDS)

REQUEST_KEYS = frozenset({
    "client_id", "app_instance_id", "user_id", "timestamp_micros", "user_properties", "user_data", "consent",
    "non_personalized_ads", "user_location", "ip_override", "device", "user_agent", "validation_behavior", "events",
})  # fmt: skip
EVENT_KEYS = frozenset({"name", "params", "timestamp_micros"})
ITEM_KEYS = frozenset({
    "item_id", "item_name", "affiliation", "coupon", "creative_name", "creative_slot", "currency", "discount", "index",
    "item_brand", "item_category", "item_category2", "item_category3", "item_category4", "item_category5",
    "item_list_id", "item_list_name", "item_variant", "location_id", "price", "promotion_id", "promotion_name",
    "quantity",
})  # fmt: skip
ITEM_NUMBERS = frozenset({"discount", "index", "price", "quantity"})
_RESERVED_EVENTS = frozenset({
    "ad_activeview", "ad_click", "ad_exposure", "ad_query", "ad_reward", "adunit_exposure", "app_clear_data",
    "app_exception", "app_install", "app_remove", "app_store_refund", "app_update", "app_upgrade",
    "dynamic_link_app_open", "dynamic_link_app_update", "dynamic_link_first_open", "error", "firebase_campaign",
    "firebase_in_app_message_action", "firebase_in_app_message_dismiss", "firebase_in_app_message_impression",
    "first_open", "first_visit", "notification_dismiss", "notification_foreground", "notification_open",
    "notification_receive", "notification_send", "os_update", "session_start", "user_engagement",
})  # fmt: skip
_FOR_APPS = frozenset({"ad_impression", "in_app_purchase", "screen_view"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class Message(msgspec.Struct, rename="camel", omit_defaults=True):
    validation_code: str
    description: str
    field_path: str = ""


class Place(NamedTuple):
    """Whom messages are about, such as `Event at index: [0]`, and where that is in the body."""

    subject: str
    path: str

    def inside(self, name: str) -> Place:
        return Place(self.subject, f"{self.path}.{shown(name)}" if self.path else shown(name))

    def message(self, code: str, what: str) -> Message:
        return Message(code, f"{self.subject} {what}", self.path)


class Names(NamedTuple):
    """What names of one kind may be."""

    kind: str
    """What messages call it; an event's is its name without more."""
    chars: int
    reserved: frozenset[str] = frozenset()
    reserved_prefixes: tuple[str, ...] = ()


class Object(dict[str, Any]):
    """A JSON object that knows which of its names came more than once."""

    twice: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> Object:
        """For `json.loads(…, object_pairs_hook=Object.of)`."""
        made = cls(pairs)
        if len(made) < len(pairs):
            made.twice = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return made


WEB_EVENT = Names("", 40, _RESERVED_EVENTS | _FOR_APPS)
APP_EVENT = Names("", 40, _RESERVED_EVENTS)
PARAMETER = Names("param", 40, frozenset({"firebase_conversion"}), ("firebase_", "ga_", "google_", "gtag."))
PROPERTY = Names(
    "user_property",
    24,
    frozenset({
        "first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id", "first_open_after_install",
    }),
    ("firebase_", "ga_", "google_"),
)  # fmt: skip


def shown(text: str) -> str:
    """As much of a client's text as is given back."""
    return text[:60]


def names(name: str, allowed: Names, place: Place) -> Iterator[Message]:
    """What is wrong with a name."""
    of = f"has {allowed.kind} with " if allowed.kind else "has "
    for why in _against(name, allowed.chars):
        yield place.message("NAME_INVALID", f"{of}invalid name [{shown(name)}]. {why}")
    if name in allowed.reserved or name.startswith(allowed.reserved_prefixes):
        yield place.message("NAME_RESERVED", f"{of}name [{shown(name)}] which is reserved.")


def _against(name: str, most: int) -> Iterator[str]:
    if not (name[:1].isascii() and name[:1].isalpha()):
        yield "Names must start with an alphabetic character."
    elif not _NAME.fullmatch(name):
        yield "Only alphanumeric characters and underscores are allowed."
    if len(name) > most:
        yield f"Names must have at most [{most}] characters."
