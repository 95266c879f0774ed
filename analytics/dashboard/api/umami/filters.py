"""The filters among the parameters of a call, as a tree: `path=c.docs`, `browser1=eq.Firefox`, `epf0=1.eq.plan.pro`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from analytics.dashboard.api.umami import names
from analytics.events import ENGAGEMENT, PAGEVIEW
from analytics.reports import catalog, check, parse
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Filter
from analytics.sites.models import Site

CUSTOM = Condition("is_not", "event:name", (PAGEVIEW, ENGAGEMENT))
REFERRER = "visit:referrer"
_OPERATOR = re.compile(r"(eq|neq|dnc|c|nre|re|ns|s)\.(.*)", re.DOTALL)
_PROPERTY = re.compile(r"(?:[1-5]\.)?([a-z]+)\.(.*)", re.DOTALL)
_NUMBERED_PROPERTY = re.compile(r"[1-5]\.([a-z]+)\.([^.]+)\.(.*)", re.DOTALL)
_IN_UNDERSCORES = {re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name): name for name in names.TYPES}
NAMES = _IN_UNDERSCORES | {name: name for name in names.TYPES}
"""Parameters are taken in both spellings: `utmSource` and `utm_source`."""


def tree(given: Mapping[str, str], site: Site) -> Filter | None:
    """All filters of the parameters, joined by `match`. Raises BadQuery, naming the parameter."""
    if (match := given.get("match") or "all") not in ("all", "any"):
        raise BadQuery("match", "must be all or any")
    parts = tuple(part for name, text in given.items() if text for part in _of(name, text))
    joined: tuple[Filter, ...] = (AnyOf(parts),) if match == "any" and parts else parts
    joined += _kinds(given.get("eventType", "")) + _segment(given.get("segment", ""), site)
    found = All(joined) if joined else None
    if found:
        check.tree(found)
    return found


def _of(parameter: str, text: str) -> Iterator[Filter]:
    """The filter that a parameter is, if it is one; more of a name have a number behind them."""
    name = parameter.rstrip("0123456789")
    if name in names.NOT_KEPT:
        raise BadQuery(parameter, "cannot be filtered by here")
    if name in NAMES:
        operator, value = found.groups() if (found := _OPERATOR.fullmatch(text)) else ("eq", text)
        yield condition(names.TYPES[NAMES[name]], operator, value)
    elif name == "epf" and parameter != name:
        yield _numbered_property(parameter, text)
    elif name.startswith("pf_"):
        if not (found := _PROPERTY.fullmatch(text)):
            raise BadQuery(parameter, "must be TYPE.OPERATOR.VALUE, such as 1.eq.pro")
        yield _property(parameter, name.removeprefix("pf_"), *found.groups())


def condition(dimension: str, operator: str, value: str) -> Condition:
    """What one of Umami's operators says of a dimension; several values of `eq` and `neq` are joined by commas. A
    referrer's host stands for all of its pages."""
    if operator in ("s", "ns"):
        return Condition("is" if operator == "ns" else "is_not", dimension, (catalog.NONE,))
    if operator not in ("eq", "neq"):
        return Condition(names.OPERATORS[operator], dimension, (value,), case_sensitive=operator not in ("c", "dnc"))
    values = tuple(dict.fromkeys((value, *value.split(","))))
    if dimension != REFERRER:
        return Condition(names.OPERATORS[operator], dimension, values)
    below = tuple(f"^{re.escape(value)}([:/]|$)" for value in values if value)
    return Condition("matches" if operator == "eq" else "matches_not", dimension, below)


def _numbered_property(parameter: str, text: str) -> Condition:
    if not (found := _NUMBERED_PROPERTY.fullmatch(text)):
        raise BadQuery(parameter, "must be TYPE.OPERATOR.PROPERTY.VALUE, such as 1.eq.plan.pro")
    operator, name, value = found.groups()
    return _property(parameter, unquote(name), operator, value)


def _property(parameter: str, name: str, operator: str, value: str) -> Condition:
    if operator in ("t", "f"):
        operator, value = "eq", "true" if operator == "t" else "false"
    if operator not in (*names.OPERATORS, "s", "ns"):
        raise BadQuery(parameter, f"{operator!r} is no operator here; use one of {', '.join(names.OPERATORS)}, s, ns")
    if not name:
        raise BadQuery(parameter, "names no property")
    return condition(f"event:props:{name}", operator, value)


def _kinds(word: str) -> tuple[Filter, ...]:
    if not word:
        return ()
    if word not in names.EVENT_TYPES:
        raise BadQuery("eventType", "must be 1 (pageviews) or 2 (custom events)")
    return (Condition("is", "event:name", (PAGEVIEW,)) if names.EVENT_TYPES[word] == PAGEVIEW else CUSTOM,)


def _segment(number: str, site: Site) -> tuple[Filter, ...]:
    if not number:
        return ()
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadQuery("segment", "must be the number of a segment")
    found = parse.filters([["is", "segment", [int(number)]]], site=site)
    return (found,) if found else ()
