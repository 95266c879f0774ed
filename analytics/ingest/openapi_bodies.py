"""Bodies in the OpenAPI document: schemas from the formats' structs; of our own format and Plausible's, all of it."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import msgspec

from analytics.events import Limits, Refusal
from analytics.ingest import answers
from analytics.protocols import plausible, recount

Json = dict[str, Any]
_REF = "#/components/schemas/"


def _text(most: int, description: str = "", **more: Any) -> Json:
    return {"maxLength": most, "description": description, **more}


_EVENT: dict[str, Json] = {
    "name": _text(Limits.NAME_CHARS, "pageview, engagement, or a name of the site's own.", minLength=1),
    "url": {"description": "http(s)://…, a path on the site's domain, or app://…; cut behind 2048 characters."},
    "referrer": {"description": "Where the visitor came from; cut behind 2048 characters."},
    "title": {"description": "The page's title; cut behind 512 characters."},
    "event_id": _text(Limits.ID_CHARS, "The same id counts once, for at least eight days."),
    "timestamp": {"description": "ISO 8601, or seconds, milliseconds or microseconds since 1970. Default: now."},
    "visitor_id": {"description": "An id that the client keeps; cut behind 256 characters."},
    "user_id": {"description": "The id of a person who signed in; cut behind 256 characters."},
    "props": {
        "description": "Text, numbers, true/false; kept as text, cut behind 1024 characters.",
        "maxProperties": Limits.PROPS,
        "propertyNames": {"minLength": 1, "maxLength": Limits.PROP_KEY_CHARS},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
    "revenue": {"description": "An order's value."},
    "interactive": {"description": "False: does not save a visit from being a bounce."},
    "engagement_ms": {"description": "How long the page was looked at, 0 to a day."},
    "scroll": {"description": "How far down, 0 to 100."},
    "screen": {"description": "Such as 1920x1080."},
    "language": {"description": "Instead of Accept-Language."},
    "hash": {"description": "True: the page goes on behind the # of the URL."},
    "user_agent": {"description": "The visitor's, when a server sends."},
    "ip": {"description": "The visitor's, when a server sends; believed with a secret key only."},
}
_ENVELOPE: dict[str, Json] = {
    "site": {"description": "Any id of the site: domain, UUID, integer id, G-…, public key."},
    "sent_at": {"description": "The client's clock when it sent."},
    "events": {
        "items": {"$ref": f"{_REF}recount.Event"},
        "minItems": 1,
        "maxItems": Limits.EVENTS_PER_REQUEST,
        "description": f"Each up to {Limits.EVENT_BYTES} bytes.",
    },
}
_MONEY: dict[str, Json] = {
    "amount": {"description": 'A number, or a text such as "19.90"; below 10^14.'},
    "currency": {"pattern": "^ *[A-Za-z]{3} *$", "description": "ISO 4217."},
}
_PLAUSIBLE: dict[str, Json] = {
    "name": _text(Limits.NAME_CHARS, minLength=1),
    "url": {"description": "The page."},
    "domain": {"description": "The site, or up to 20 with commas between them. Default: the host of the url."},
    "referrer": {"description": "Where the visitor came from."},
    "props": {"description": "An object, or the text of one."},
    "revenue": {"description": "{amount, currency}, or the text of it."},
    "interactive": {"description": "False: does not save a visit from being a bounce."},
    "hash": {"description": "1: the page goes on behind the # of the url."},
    "engaged_ms": {"description": "Milliseconds; from 30 days on they say nothing."},
    "scroll": {"description": "Percent; what is more is 100."},
}
_CODES = [*sorted(Refusal), "try_later"]
_ERROR: Json = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"enum": _CODES}, "message": {"type": "string"}},
    "additionalProperties": False,
}
_OWN: dict[str, Json] = {
    "recount.Accepted": {
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {
            "accepted": {"type": "integer", "minimum": 0},
            "rejected": {
                "type": "array",
                "items": {
                    **_ERROR,
                    "required": ["index", "code", "message"],
                    "properties": {"index": {"type": "integer", "minimum": 0}, **_ERROR["properties"]},
                },
            },
        },
        "additionalProperties": False,
    },
    "recount.Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": _ERROR},
        "additionalProperties": False,
    },
    "plausible.Error": {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
        },
    },
}
_OWN_EXAMPLE = {"site": "example.com", "events": [{"name": "pageview", "url": "https://example.com/"}]}
_PLAUSIBLE_EXAMPLE = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}


def schemas(modules: Iterable[ModuleType]) -> dict[str, Json]:
    """Name → schema: the structs of the formats as `format.Struct`, and the answers of our own and Plausible's."""
    found: dict[str, Json] = {}
    for module in dict.fromkeys(modules):
        found |= _of_module(module)
    _describe(found["recount.Envelope"], _ENVELOPE, ["site", "events"])
    _describe(found["recount.Event"], _EVENT, ["name"])
    _describe(found["recount.Revenue"], _MONEY, ["amount", "currency"])
    _describe(found["plausible.Event"], _PLAUSIBLE, [])
    found["plausible.Event"]["properties"] = _by_their_keys(found["plausible.Event"]["properties"])
    found["plausible.Event"]["allOf"] = [
        {"anyOf": [{"required": [key]} for key in plausible.KEYS[ours]]} for ours in ("name", "url")
    ]
    return found | _OWN


def _of_module(module: ModuleType) -> dict[str, Json]:
    structs = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
    ]
    prefix = module.__name__.rpartition(".")[2]
    _, found = msgspec.json.schema_components(structs, ref_template=f"{_REF}{prefix}.{{name}}")
    # Structs are private to their modules, and their names begin with a `_`.
    text = msgspec.json.encode(found).decode().replace(f"{_REF}{prefix}._", f"{_REF}{prefix}.")
    return {
        f"{prefix}.{name.lstrip('_')}": schema | {"title": name.lstrip("_")}
        for name, schema in msgspec.json.decode(text, type=dict[str, Json]).items()
    }


def _describe(schema: Json, said: dict[str, Json], required: list[str]) -> None:
    """Add what the types do not say. Raises KeyError for a key that the struct does not have."""
    for name, more in said.items():
        kind = schema["properties"][name]
        target = next((one for one in kind.get("anyOf", ()) if one.get("type") == "object"), kind)
        kind.update({"description": more["description"]} if "description" in more else {})
        target.update({key: value for key, value in more.items() if key != "description"})
    schema["required"] = required


def _by_their_keys(ours: dict[str, Json]) -> dict[str, Json]:
    return {key: ours[name] for name, keys in plausible.KEYS.items() for key in keys}


def request(module: ModuleType) -> Json:
    """The body of a POST."""
    if module is recount:
        return _json("recount.Envelope", _OWN_EXAMPLE)
    if module is plausible:
        return _json("plausible.Event", _PLAUSIBLE_EXAMPLE)
    return {"content": {"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": {}}}}


def _json(schema: str, example: Json) -> Json:
    content = {"schema": {"$ref": f"{_REF}{schema}"}, "example": example}
    return {"required": True, "content": {"application/json": content}}


def responses(module: ModuleType) -> Json:
    """Status → answer, where all of it is known."""
    if module is recount:
        error = {"content": {"application/json": {"schema": {"$ref": f"{_REF}recount.Error"}}}}
        return {str(status): _codes(status) | error for status in {*answers.STATUS.values()}} | {
            "202": {
                "description": "What was accepted, and by index what was not and why.",
                "content": {"application/json": {"schema": {"$ref": f"{_REF}recount.Accepted"}}},
            }
        }
    if module is plausible:
        error = {"content": {"application/json": {"schema": {"$ref": f"{_REF}plausible.Error"}}}}
        return {str(status): _codes(status) | error for status in {*answers.STATUS.values()} - {401}}
    return {}


def _codes(status: int) -> Json:
    codes = ", ".join(f"`{code}`" for code, its_status in answers.STATUS.items() if its_status == status)
    said: Json = {"description": f"{codes}."}
    if status == 429:
        said["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    return said
