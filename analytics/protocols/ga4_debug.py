"""POST /debug/mp/collect: what is wrong with a request of the Measurement Protocol. Nothing is stored.

Limits are always told; with `ENFORCE_RECOMMENDATIONS` also what Google recommends. As at Google, the `measurement_id`
and the `api_secret` are not looked up.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from analytics.events import Refused
from analytics.protocols import ga4, ga4_limits, google, wire
from analytics.protocols.ga4_limits import Message, Object, Place

MOST_MESSAGES = 100

_CLIENT_ID = re.compile(r"\d{1,20}\.\d{1,20}", re.ASCII)
_REQUEST = Place("Measurement", "")


class _Rules(NamedTuple):
    app: bool
    strict: bool
    now: dt.datetime


def reply(request: wire.Request, domain_of: Callable[[str], str | None]) -> wire.Reply:
    """200 with what is wrong; an empty list when nothing is."""
    found = islice(validate(request, dt.datetime.now(dt.UTC)), MOST_MESSAGES)
    return wire.Reply(200, msgspec.json.encode({"validationMessages": list(found)}))


def validate(request: wire.Request, now: dt.datetime) -> Iterator[Message]:
    """What Google would have against a request that comes now. Raises Refused for an endless query string."""
    query = wire.parameters(request.query)
    if not any(query.get(key) for key in ga4.KEYS["site"]):
        missing = "Unable to find non-empty parameter [measurement_id] value in request."
        yield Message("VALUE_REQUIRED", missing, "measurement_id")
    try:
        text = wire.text(request)
        # The strict reader first: the other one takes NaN for a number.
        wire.decode(text, dict[str, Any])
        body: Object = json.loads(wire.mend(text), object_pairs_hook=Object.of)
    except (Refused, ValueError, RecursionError) as error:
        yield _unreadable(error.message if isinstance(error, Refused) else "It is nested too deeply.")
        return
    if len(text.encode()) > ga4_limits.BODY_BYTES:
        yield Message("VALUE_OUT_OF_BOUNDS", f"Post body must be smaller than [{ga4_limits.BODY_BYTES}] bytes.")
        return
    app = not query.get("measurement_id") and bool(query.get("firebase_app_id"))
    yield from _request(body, _Rules(app, body.get("validation_behavior") == "ENFORCE_RECOMMENDATIONS", now))


def _request(body: Object, rules: _Rules) -> Iterator[Message]:
    yield from _fields(body, ga4_limits.REQUEST_KEYS, _REQUEST)
    yield from _app_instance_id(body) if rules.app else _client_id(body, rules)
    yield from _choice(body, "validation_behavior", "RELAXED", "ENFORCE_RECOMMENDATIONS")
    yield from _choice(body.get("consent"), "ad_user_data", "GRANTED", "DENIED")
    yield from _choice(body.get("consent"), "ad_personalization", "GRANTED", "DENIED")
    yield from _moment(body, _REQUEST, rules.now)
    yield from _properties(body.get("user_properties"), rules.now)
    given, place = body.get("events"), _REQUEST.inside("events")
    events = [given] if isinstance(given, dict) else given
    if not isinstance(events, list) or not events:
        yield place.message("VALUE_REQUIRED", "requires events.")
    elif len(events) > ga4_limits.MOST_EVENTS:
        yield from _too_many(len(events), ga4_limits.MOST_EVENTS, "events", place)
    else:
        for index, event in enumerate(events):
            yield from _event(event, Place(f"Event at index: [{index}]", f"events[{index}]"), rules)


def _client_id(body: Object, rules: _Rules) -> Iterator[Message]:
    given = google.text(body.get("client_id"))
    if not given:
        yield Message("VALUE_REQUIRED", "Measurement requires a client_id.", "client_id")
    elif rules.strict and not _CLIENT_ID.fullmatch(given):
        wanted = f"client_id [{ga4_limits.shown(given)}] has invalid format. It should be in <number>.<number> format."
        yield Message("VALUE_INVALID", wanted, "client_id")


def _app_instance_id(body: Object) -> Iterator[Message]:
    given, place = google.text(body.get("app_instance_id")), _REQUEST.inside("app_instance_id")
    if not given:
        yield place.message("VALUE_REQUIRED", "requires an app_instance_id.")
        return
    if len(given) != 32:
        expected = "app_instance_id is expected to be a 32 digit hexadecimal number but was"
        yield place.message("VALUE_INVALID", f"{expected} [{len(given)}] digits.")
    if wrong := re.search(r"[^0-9a-fA-F]", given):
        yield place.message("VALUE_INVALID", f"app_instance_id contains non hexadecimal character [{wrong[0]}].")


def _choice(given: object, name: str, *allowed: str) -> Iterator[Message]:
    value = given.get(name) if isinstance(given, dict) else None
    if value is not None and value not in allowed:
        yield Message("VALUE_INVALID", f"{name} must be one of [{', '.join(allowed)}].", name)


def _moment(given: Object, place: Place, now: dt.datetime) -> Iterator[Message]:
    value, inside = given.get("timestamp_micros"), place.inside("timestamp_micros")
    if value is None:
        return
    micros, current = google.number(google.text(value)), int(now.timestamp() * 1e6)
    if micros is None:
        yield inside.message("VALUE_INVALID", "timestamp_micros is not a number.")
    elif micros < current - ga4_limits.PAST / dt.timedelta(microseconds=1):
        yield inside.message(
            "VALUE_INVALID",
            "timestamp_micros has timestamp too far in the past. Measurement protocol only supports timestamps [72h]"
            f" into the past. The current time in UNIX microseconds is [{current}].",
        )
    elif micros > current + ga4_limits.FUTURE / dt.timedelta(microseconds=1):
        yield inside.message(
            "VALUE_INVALID",
            f"timestamp_micros has timestamp in the future. The current time in UNIX microseconds is [{current}].",
        )


def _properties(given: object, now: dt.datetime) -> Iterator[Message]:
    place = _REQUEST.inside("user_properties")
    if not isinstance(given, Object):
        yield from _unless_none(given, "user_properties: Expected an object.")
        return
    yield from _too_many(len(given), ga4_limits.MOST_PROPERTIES, "user_properties", place)
    yield from _twice(given, place)
    for name, value in given.items():
        inside = place.inside(name)
        yield from ga4_limits.names(name, ga4_limits.PROPERTY, inside)
        if not isinstance(value, Object):
            yield _unreadable(f"({inside.path}) Expected an object that has a value.")
            continue
        yield from _moment(value, inside, now)
        yield from _too_long(
            value.get("value"), ga4_limits.PROPERTY_VALUE_CHARS, f"user_property [{ga4_limits.shown(name)}]", inside
        )


def _event(event: object, place: Place, rules: _Rules) -> Iterator[Message]:
    if not isinstance(event, Object):
        yield _unreadable(f"({place.path}) Expected an object.")
        return
    yield from _fields(event, ga4_limits.EVENT_KEYS, place)
    name, of_names = event.get("name"), Place(place.subject, "events")
    if isinstance(name, str) and name:
        yield from ga4_limits.names(name, ga4_limits.APP_EVENT if rules.app else ga4_limits.WEB_EVENT, of_names)
    else:
        yield of_names.message("VALUE_REQUIRED", "requires a name.")
    yield from _moment(event, place, rules.now)
    params, inside = event.get("params"), place.inside("params")
    if not isinstance(params, Object):
        yield from _unless_none(params, f"({place.path}) params: Expected an object.")
        return
    yield from _too_many(len(params), ga4_limits.MOST_PARAMETERS, "params", inside)
    yield from _twice(params, inside)
    for key, value in params.items():
        yield from ga4_limits.names(key, ga4_limits.PARAMETER, inside.inside(key))
        yield from _value(key, value, inside.inside(key), rules)


def _value(name: str, value: object, place: Place, rules: _Rules) -> Iterator[Message]:
    """Of a parameter."""
    if name == "items":
        yield from _items(value, place, rules)
    elif isinstance(value, (list, dict)):
        yield place.message("VALUE_INVALID", f"has param [{ga4_limits.shown(name)}] that is neither text nor a number.")
    elif name not in ga4_limits.ANY_LENGTH:
        most = ga4_limits.LONGER_VALUES.get(name, ga4_limits.VALUE_CHARS)
        yield from _too_long(value, most, f"param [{ga4_limits.shown(name)}]", place)
    if rules.strict and name == "currency" and not re.fullmatch("[A-Z]{3}", google.text(value)):
        yield place.message("VALUE_INVALID", "has param [currency] that is no ISO 4217 code.")
    if rules.strict and name == "value" and not _is_number(value):
        yield place.message("VALUE_INVALID", "has param [value] that is not a number.")


def _items(items: object, place: Place, rules: _Rules) -> Iterator[Message]:
    if not isinstance(items, list):
        yield place.message("VALUE_INVALID", "has param [items] that is not a list.")
        return
    yield from _too_many(len(items), ga4_limits.MOST_ITEMS, "items", place)
    for index, item in enumerate(items):
        inside = Place(place.subject, f"{place.path}[{index}]")
        if isinstance(item, Object):
            yield from _item(item, inside, rules)
        else:
            yield inside.message("VALUE_INVALID", "has an item that is not an object.")


def _item(item: Object, place: Place, rules: _Rules) -> Iterator[Message]:
    own = [name for name in item if name not in ga4_limits.ITEM_KEYS]
    yield from _too_many(len(own), ga4_limits.MOST_ITEM_PARAMETERS, "custom params of an item", place)
    yield from _twice(item, place)
    for name in own:
        yield from ga4_limits.names(name, ga4_limits.PARAMETER, place.inside(name))
    for name, value in item.items():
        yield from _too_long(
            value, ga4_limits.VALUE_CHARS, f"item param [{ga4_limits.shown(name)}]", place.inside(name)
        )
        if rules.strict and name in ga4_limits.ITEM_NUMBERS and not _is_number(value):
            found = f'unsupported value [string_value: "{ga4_limits.shown(google.text(value))}"]'
            why = f"Validation of item.{name} should prevent conversion from {found}"
            yield Message("VALUE_INVALID", why, place.inside(name).path)
    if rules.strict and not (item.get("item_id") or item.get("item_name")):
        yield place.message("VALUE_REQUIRED", "has an item without item_id and item_name.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _fields(given: Object, known: frozenset[str], place: Place) -> Iterator[Message]:
    where = f"({place.path}) " if place.path else ""
    for name in given:
        if name not in known:
            yield _unreadable(f"{where}{ga4_limits.shown(name)}: Cannot find field.")
    yield from _twice(given, place)


def _twice(given: Object, place: Place) -> Iterator[Message]:
    for name in given.twice:
        yield place.message("NAME_DUPLICATED", f"has name [{ga4_limits.shown(name)}] more than once.")


def _too_many(count: int, most: int, what: str, place: Place) -> Iterator[Message]:
    if count > most:
        yield place.message("EXCEEDED_MAX_ENTITIES", f"has [{count}] {what}. At most [{most}] are allowed.")


def _too_long(value: object, most: int, what: str, place: Place) -> Iterator[Message]:
    if isinstance(value, str) and len(value) > most:
        allowed = f"At most [{most}] are allowed."
        yield place.message("VALUE_OUT_OF_BOUNDS", f"has {what} with a value of [{len(value)}] characters. {allowed}")


def _unless_none(value: object, why: str) -> Iterator[Message]:
    if value is not None:
        yield _unreadable(why)


def _unreadable(why: str) -> Message:
    return Message("VALUE_INVALID", f"Unable to parse Measurement Protocol JSON payload. {why}")
