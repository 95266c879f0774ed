"""Filters as text: the lists of the Stats API, and the values of a page's address.

In an address a condition is `dimension:op:value,value`, such as `visit:country:is:DE,FR`; `\\` stands before a comma
that belongs to a value. Anything else is the JSON of the Stats API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, cast

from analytics.reports import check
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Not, Op
from analytics.sites import models, segments

_Load = Callable[[int], list[Any]]
_FIELD = "filters"
_FORM = '[operator, dimension, [values]], ["and" | "or", [filters]] or ["not" | "has_done" | "has_not_done", filter]'
_CONDITION = re.compile(rf"(.+?):({'|'.join(check.OPERATORS)}):(.*)", re.DOTALL)


def filters(given: Any, *, site: models.Site | None = None, user_id: int | None = None) -> Filter | None:
    """The filter of a Stats API query: a list of filters that must all hold; None for an empty one. Raises BadQuery.

    `["is", "segment", [NUMBER]]` stands for the filters of that segment of the site, of everyone's or the user's.
    """
    if not isinstance(given, list):
        raise BadQuery(_FIELD, f"must be a list of filters, each {_FORM}")
    load = (lambda number: segments.filters(site, number, user_id)) if site else None
    parts = tuple(_filter(part, 1, load) for part in given)
    if not parts:
        return None
    tree = parts[0] if len(parts) == 1 else All(parts)
    check.tree(tree)
    return tree


def _filter(given: Any, depth: int, load: _Load | None = None) -> Filter:
    if depth > check.MOST_DEPTH:
        raise BadQuery(_FIELD, f"nested deeper than {check.MOST_DEPTH}")
    match given:
        case ["and", [_, *_] as parts]:
            return All(tuple(_filter(part, depth + 1, load) for part in parts))
        case ["or", [_, *_] as parts]:
            return AnyOf(tuple(_filter(part, depth + 1, load) for part in parts))
        case ["not", part]:
            return Not(_filter(part, depth + 1, load))
        case ["has_done" | "has_not_done" as op, part]:
            return Done(_filter(part, depth + 1, load), op == "has_not_done")
        case [str(op), "segment", [_, *_] as numbers]:
            return _segment(op, numbers, depth, load)
        case [str(op), str(dimension), [*values]]:
            return _condition(op, dimension, values, {})
        case [str(op), str(dimension), [*values], dict(modifiers)]:
            return _condition(op, dimension, values, modifiers)
    raise BadQuery(_FIELD, f"{json.dumps(given)[:200]} is no filter; write {_FORM}")


def _segment(op: str, numbers: list[Any], depth: int, load: _Load | None) -> Filter:
    if op != "is" or not all(type(number) is int for number in numbers):
        raise BadQuery(_FIELD, 'a segment is named by its number: ["is", "segment", [1]]')
    if load is None:
        raise BadQuery(_FIELD, "there are no segments here; write the filters themselves")
    try:
        saved = [load(number) for number in numbers]
    except segments.NoSuchSegment as error:
        raise BadQuery(_FIELD, f"the site has no segment {error}") from None
    # Without `load`: a segment is made of filters, not of segments.
    parts = [All(tuple(_filter(part, depth + 1) for part in filters)) for filters in saved]
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _condition(op: str, dimension: str, values: list[Any], modifiers: dict[str, Any]) -> Condition:
    if not all(isinstance(value, str) for value in values):
        raise BadQuery(_FIELD, f"the values of {dimension} must be texts")
    if set(modifiers) - {"case_sensitive"} or not isinstance(modifiers.get("case_sensitive", True), bool):
        raise BadQuery(_FIELD, "the only modifier is case_sensitive, true or false")
    if op not in check.OPERATORS:
        raise BadQuery(_FIELD, f"there is no operator {op!r}; choose from {', '.join(check.OPERATORS)}, and, or, not")
    return Condition(op, dimension, tuple(values), modifiers.get("case_sensitive", True))


def as_list(tree: Filter) -> list[Any]:
    """A filter as the Stats API writes it."""
    match tree:
        case Done(of, negated):
            return ["has_not_done" if negated else "has_done", as_list(of)]
        case Condition(op, dimension, values, case_sensitive):
            modifiers = [] if case_sensitive else [{"case_sensitive": False}]
            return [op, dimension, list(values), *modifiers]
        case All(parts):
            return ["and", [as_list(part) for part in parts]]
        case AnyOf(parts):
            return ["or", [as_list(part) for part in parts]]
        case Not(of):
            return ["not", as_list(of)]


def filter_text(tree: Filter) -> str:
    """A filter as one value of an address; `filter_of` reads it."""
    if isinstance(tree, Condition):
        values = (value.replace("\\", "\\\\").replace(",", "\\,") for value in tree.values)
        simple = f"{tree.dimension}:{tree.op}:{','.join(values)}"
        if _read(simple) == tree:
            return simple
    return json.dumps(as_list(tree), ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> Condition | None:
    found = _CONDITION.fullmatch(text)
    if found is None or text.startswith("["):
        return None
    return Condition(cast(Op, found[2]), found[1], tuple(_split(found[3])))


def _split(text: str) -> list[str]:
    """The values between commas that have no backslash before them."""
    values, escaped = [""], False
    for letter in text:
        if escaped or letter not in "\\,":
            values[-1] += letter
            escaped = False
        elif letter == ",":
            values.append("")
        else:
            escaped = True
    return values


def filter_of(text: str) -> Filter:
    """The filter that a value of an address says. Raises BadQuery."""
    tree: Filter | None = None
    if text.startswith("["):
        try:
            tree = _filter(json.loads(text), 1)
        except (ValueError, RecursionError):
            raise BadQuery(_FIELD, f"{text[:100]!r} is no filter") from None
    else:
        tree = _read(text)
    if tree is None:
        raise BadQuery(_FIELD, f"{text[:100]!r} is no filter; write dimension:is:value")
    check.tree(tree)
    return tree


def condition(text: str) -> Condition:
    """The one condition that a value of an address says. Raises BadQuery."""
    found = filter_of(text)
    if not isinstance(found, Condition):
        raise BadQuery(_FIELD, f"{text[:100]!r} is more than one condition")
    return found
