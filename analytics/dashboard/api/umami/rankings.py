"""Answers in Umami's shapes: the values of a dimension, most frequent first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analytics.dashboard.api.umami import filters, names, numbers, question
from analytics.dashboard.api.umami.question import Asked
from analytics.reports import catalog
from analytics.reports.query import AnyOf, BadQuery, Condition, Filter

VALUES = 10
PROPERTY_VALUES = 100
_MOST_SEARCHED = 5


def metrics(asked: Asked) -> list[dict[str, Any]]:
    """Values of a dimension with their visitors; of events how often they happened."""
    name = question.dimension(asked.given)
    counted = "events" if name == "event:name" else "visitors"
    rows = _known(asked, name).answer((counted,), name).rows
    return [{"x": _shown(row.dimensions[0]), "y": row.metrics[0]} for row in rows]


def expanded(asked: Asked) -> list[dict[str, Any]]:
    """Values of a dimension with all totals."""
    name = question.dimension(asked.given)
    rows = _known(asked, name).answer(numbers.TOTALS, name).rows
    return [{"name": _shown(row.dimensions[0]), **numbers.totals(row.metrics)} for row in rows]


def values(asked: Asked) -> list[dict[str, Any]]:
    """The most frequent values of a dimension, to choose a filter from."""
    name = question.dimension(asked.given)
    set_only = Condition("is_not", name, (catalog.NONE,))
    rows = _known(asked.first(VALUES), name).also(set_only).answer(("events",), name).rows
    return [{"value": row.dimensions[0], "count": row.metrics[0]} for row in rows]


def property_values(asked: Asked) -> list[dict[str, Any]]:
    """The most frequent values of a property of custom events."""
    key = asked.given.get("propertyName", "")
    if not key:
        raise BadQuery("propertyName", "say which property: propertyName=plan")
    name = f"event:props:{key}"
    set_only = Condition("is_not", name, (catalog.NONE,))
    rows = asked.first(PROPERTY_VALUES).also(filters.CUSTOM, set_only).answer(("events",), name).rows
    return [{"value": row.dimensions[0], "total": row.metrics[0]} for row in rows]


def _known(asked: Asked, name: str) -> Asked:
    return asked.also(*_conditions(asked.given.get("search", ""), name))


def _conditions(search: str, name: str) -> Iterator[Filter]:
    """What holds of the rows of a ranking: custom events alone, no visits from nowhere, what is searched for."""
    if name == "event:name":
        yield filters.CUSTOM
    if name in names.FOREIGN:
        yield Condition("is_not", name, (catalog.NONE,))
    if found := [text for text in search.split(",")[:_MOST_SEARCHED] if text]:
        yield AnyOf(tuple(filters.condition(name, "c", text) for text in found))


def _shown(value: str) -> str:
    return "" if value == catalog.NONE else value
