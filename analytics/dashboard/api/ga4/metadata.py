"""What can be asked for: the tables of names.py as GA4 lists them, and whether some of it goes together."""

from __future__ import annotations

import datetime as dt
from typing import Any

from analytics.dashboard.api.ga4 import names, request, values
from analytics.dashboard.api.ga4.names import Dimension, Metric
from analytics.reports import check
from analytics.reports.query import BadQuery, Query

_KEYS = ("property", "dimensions", "metrics", "dimensionFilter", "metricFilter", "compatibilityFilter")
_SOME_DAY = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2000, 1, 2, tzinfo=dt.UTC)
"""What goes together does not depend on the range."""
_WANTED = {1: "COMPATIBLE", 2: "INCOMPATIBLE"}


def listed(reference: str) -> dict[str, Any]:
    """Every dimension and metric of a property."""
    return {
        "name": f"properties/{reference}/metadata",
        "dimensions": [_dimension(one) for one in names.DIMENSIONS.values()],
        "metrics": [_metric(one) for one in names.METRICS.values()],
        "comparisons": [],
    }


def _dimension(one: Dimension) -> dict[str, Any]:
    return {"apiName": one.name, "uiName": one.label, "description": one.description, "category": one.category}


def _metric(one: Metric) -> dict[str, Any]:
    named = {"apiName": one.name, "uiName": one.label, "description": one.description, "category": one.category}
    return named | {"type": one.type}


def compatible(body: Any) -> dict[str, Any]:
    """Of every dimension and metric, whether it can be added to those of the body. Raises BadQuery."""
    given = values.known(values.camel(body), "request", _KEYS)
    wanted = values.enum(given, "compatibilityFilter", "request", {0: "", **_WANTED})
    dimensions = [names.dimension(_name(one)) for one in values.items(given, "dimensions", request.MOST_DIMENSIONS)]
    metrics = [names.metric(_name(one)) for one in values.items(given, "metrics", request.MOST_METRICS)]
    if dimensions or metrics:
        _check(dimensions, metrics)
    found = [
        ({"dimensionMetadata": _dimension(one)}, "dimensionCompatibilities", _goes(dimensions, metrics, one, None))
        for one in names.DIMENSIONS.values()
    ]
    found += [
        ({"metricMetadata": _metric(metric)}, "metricCompatibilities", _goes(dimensions, metrics, None, metric))
        for metric in names.METRICS.values()
    ]
    answer: dict[str, Any] = {"dimensionCompatibilities": [], "metricCompatibilities": []}
    for described, key, state in found:
        if not wanted or state == wanted:
            answer[key].append(described | {"compatibility": state})
    return answer


def _name(given: Any) -> str:
    return values.text(values.known(given, "request", ("name", "expression", "dimensionExpression")), "name", "request")


def _goes(
    dimensions: list[Dimension], metrics: list[Metric], dimension: Dimension | None, metric: Metric | None
) -> str:
    try:
        _check([*dimensions, *([dimension] if dimension else [])], [*metrics, *([metric] if metric else [])])
    except BadQuery:
        return "INCOMPATIBLE"
    return "COMPATIBLE"


def _check(dimensions: list[Dimension], metrics: list[Metric]) -> None:
    counted = tuple(dict.fromkeys(need for metric in metrics for need in metric.needs)) or ("visitors",)
    parts = tuple(dict.fromkeys(part for one in dimensions for part in one.parts))
    if len({one.name for one in dimensions}) > request.MOST_DIMENSIONS or len(metrics) > request.MOST_METRICS + 1:
        raise BadQuery("dimensions", "too many")
    check.query(Query(0, counted, *_SOME_DAY, "UTC", parts, fill=False, goals=(request.NO_GOAL,)))
