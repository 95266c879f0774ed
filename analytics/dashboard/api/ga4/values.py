"""What protobuf's JSON may look like: enums by name or number, whole numbers as text, both spellings of keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from analytics.reports.query import BadQuery

Body = Mapping[str, Any]
MOST_DEPTH = 100
INT64 = 2**63 - 1


def camel(given: Any, depth: int = MOST_DEPTH) -> Any:
    """The same JSON with every key in camel case (`date_ranges` → `dateRanges`). Raises BadQuery if it is deep."""
    if not depth:
        raise BadQuery("request", f"nested deeper than {MOST_DEPTH}")
    if isinstance(given, dict):
        return {_joined(key): camel(value, depth - 1) for key, value in given.items()}
    if isinstance(given, list):
        return [camel(value, depth - 1) for value in given]
    return given


def _joined(key: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)


def known(given: Any, field: str, keys: Sequence[str]) -> Body:
    """An object that has these keys alone. Raises BadQuery."""
    if not isinstance(given, dict):
        raise BadQuery(field, "must be an object")
    if unknown := [key for key in given if key not in keys]:
        raise BadQuery(f"{field}.{unknown[0]}", f"is not known; there may be {', '.join(keys)}")
    return given


def items(given: Body, key: str, most: int) -> list[Any]:
    """A list, empty when it is not given. Raises BadQuery."""
    found = given.get(key) or []
    if not isinstance(found, list):
        raise BadQuery(key, "must be a list")
    if len(found) > most:
        raise BadQuery(key, f"at most {most}")
    return found


def text(given: Body, key: str, field: str) -> str:
    """A text, empty when it is not given. Raises BadQuery."""
    found = given.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise BadQuery(f"{field}.{key}", "must be a text")
    return found


def flag(given: Body, key: str) -> bool:
    """False when it is not given. Raises BadQuery."""
    found = given.get(key)
    if found not in (None, True, False):
        raise BadQuery(key, "must be true or false")
    return bool(found)


def number(given: Body, key: str, default: int, most: int) -> int:
    """A whole number, also as text. Raises BadQuery."""
    found = given.get(key)
    if found is None:
        return default
    if isinstance(found, bool) or not re.fullmatch(r"[0-9]{1,19}", str(found), re.ASCII):
        raise BadQuery(key, "must be a whole number that is not negative")
    if int(found) > most:
        raise BadQuery(key, f"at most {most}")
    return int(found)


def enum(given: Body, key: str, field: str, names: Mapping[int, str]) -> str:
    """The name of an enum's value; that of 0, or the first, when it is not given. Raises BadQuery."""
    found = given.get(key)
    if found in (None, 0) or (isinstance(found, str) and found.endswith("_UNSPECIFIED")):
        return next(iter(names.values()))
    if not isinstance(found, bool) and isinstance(found, int) and found in names:
        return names[found]
    if isinstance(found, str) and found in names.values():
        return found
    raise BadQuery(f"{field}.{key}", f"must be one of {', '.join(names.values())}")


def amount(given: Any, field: str) -> float:
    """A NumericValue: `int64Value` or `doubleValue`. Raises BadQuery."""
    found = known(given, field, ("int64Value", "doubleValue"))
    value = found.get("int64Value", found.get("doubleValue"))
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadQuery(field, "must have an int64Value or a doubleValue") from None
