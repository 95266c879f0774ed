"""Events of names and values: a query string, or a JSON object whose values are read as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from analytics.events import Refusal, Refused
from analytics.protocols import clean, wire


def read(payload: str) -> dict[str, str]:
    """The names and values of a payload. Raises Refused."""
    if payload.lstrip()[:1] == "{":
        return texts(wire.decode(payload, dict[str, Any]))
    return wire.parameters(payload)


def texts(given: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: lists, objects and numbers as their JSON; null is not there. Raises Refused."""
    try:
        return {name: _text(value) for name, value in given.items() if value is not None}
    except RecursionError:
        raise Refused(Refusal.BAD_JSON, "This is nested too deeply.") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def asked(request: wire.Request) -> str:
    """The query string of a request."""
    return query(request.query)


def query(*parts: str) -> str:
    """Query strings as one, fit to be stored; of a name in several of them the last one counts."""
    return "&".join(filter(None, (part.lstrip("?") for part in parts))).replace("\x00", "%00")


def with_(payload: str, name: str, value: str) -> str:
    """A query string with one more value; the same one when there is none to add."""
    return query(payload, f"{name}={quote(value, safe='/:,;?!', errors='replace')}") if value else payload


def without(payload: str, names: Iterable[str]) -> str:
    """A query string without what has these names; everything else as it came."""
    unwanted = frozenset(names)
    return "&".join(part for part in payload.split("&") if part.partition("=")[0] not in unwanted)


def json(value: str) -> Any:
    """The JSON that a value holds; None when it holds none."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def money(amount: object, currency: object) -> tuple[Decimal | None, str]:
    """An amount that names no currency has none: it is the site's; what cannot be read is left out."""
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        return None, ""
    try:
        found, code = clean.money(amount, str(currency or "XXX"))
    except Refused:
        return None, ""
    return found, code if currency else ""
