"""Stats API v2: an Answer in Plausible's form, and beside it (under `meta.explain`) where the numbers come from."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from analytics.dashboard.api.plausible.query import Asked, labelled
from analytics.reports import catalog, sql, timerange
from analytics.reports.query import Answer, Query
from analytics.sites.models import Site

_DECIMALS = {
    "bounce_rate": 0, "engagement_rate": 0, "visit_duration": 0, "median_visit_duration": 0, "time_on_page": 0,
    "views_per_visit": 2, "percentage": 1,
}  # fmt: skip
"""Plausible's; a ratio of nothing is 0 there."""
_SECOND = dt.timedelta(seconds=1)


def write(asked: Asked, answer: Answer, site: Site) -> dict[str, Any]:
    """The body of the response."""
    query = asked.query
    rows = [
        {
            "metrics": [_number(name, value) for name, value in zip(query.metrics, row.metrics, strict=True)],
            "dimensions": list(row.dimensions),
        }
        for row in answer.rows
    ]
    return {"results": rows, "meta": _meta(asked, answer), "query": _echo(asked, site)}


def _number(name: str, value: float | int | None) -> float | int:
    if name not in _DECIMALS:
        return value or 0
    rounded = round(value or 0.0, _DECIMALS[name])
    return rounded if _DECIMALS[name] else int(rounded)


def _meta(asked: Asked, answer: Answer) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if asked.include.get("imports"):
        meta |= {"imports_included": False, "imports_skip_reason": "no_imported_data"}
    if asked.include.get("time_labels"):
        meta["time_labels"] = labels(asked.query)
    if asked.include.get("total_rows"):
        meta["total_rows"] = answer.total_rows
    if answer.warning:
        meta["warning"] = answer.warning
    meta["explain"] = {
        "engine": answer.engine,
        "as_of": answer.as_of.isoformat(),
        "cached": answer.cached,
        "provisional": answer.provisional,
        "rulesets": list(answer.rulesets),
        "definitions": {name: catalog.metric(name).definition for name in asked.query.metrics},
    }
    return meta


def labels(query: Query) -> list[str]:
    """Every bucket of the range, as rows name them."""
    interval = labelled(query)
    if interval is None:
        return []
    form = catalog.dimension(f"time:{interval}").form
    return [format(at, form) for at in timerange.buckets(interval, query.zone, query.start, query.end)]


def _echo(asked: Asked, site: Site) -> dict[str, Any]:
    query, clock = asked.query, ZoneInfo(asked.query.zone)
    return {
        "site_id": site.domain,
        "metrics": list(query.metrics),
        "date_range": [query.start.astimezone(clock).isoformat(), (query.end - _SECOND).astimezone(clock).isoformat()],
        "filters": asked.filters,
        "dimensions": list(query.dimensions),
        "order_by": [list(pair) for pair in sql.order(query)],
        "include": {name: True for name, chosen in asked.include.items() if chosen},
        "pagination": {"limit": query.limit, "offset": query.offset},
    }
