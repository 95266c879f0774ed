"""Pivot reports: rows whose dimensions are shared out among pivots, each with its own order and page."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from analytics.dashboard.api.ga4 import answers, request, rows, values
from analytics.dashboard.api.ga4.request import Order, Report
from analytics.dashboard.api.ga4.rows import Found, Row
from analytics.reports.query import BadQuery
from analytics.sites.models import Site

MOST_PIVOTS = 5
MOST_CELLS = 250_000
_KEYS = ("fieldNames", "orderBys", "offset", "limit", "metricAggregations")
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pivot:
    places: tuple[int, ...]
    """Which values of a row are its own."""
    orders: tuple[Order, ...]
    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class Pivoted:
    report: Report
    pivots: tuple[Pivot, ...]


def read(body: Any, site: Site, now: dt.datetime) -> Pivoted:
    """A pivot report that the body asks for. Raises BadQuery."""
    given = dict(values.camel(body)) if isinstance(body, dict) else body
    listed = values.items(given, "pivots", MOST_PIVOTS) if isinstance(given, dict) else []
    for key in ("offset", "limit", "orderBys", "metricAggregations"):
        if isinstance(given, dict) and given.get(key):
            raise BadQuery(key, "belongs to a pivot here")
    report = request.read(given, site, now, ("pivots",))
    names = [column.name for column in report.columns] + (["dateRange"] if len(report.ranges) > 1 else [])
    pivots = tuple(_pivot(one, f"pivots[{index}]", names, report) for index, one in enumerate(listed))
    used = [place for pivot in pivots for place in pivot.places]
    if sorted(used) != list(range(len(names))):
        raise BadQuery("pivots", f"each of {', '.join(names) or 'the dimensions'} must be a field of one pivot")
    cells = 1
    for pivot in pivots:
        cells *= pivot.limit
    if cells > MOST_CELLS:
        raise BadQuery("pivots", f"the limits multiplied must not exceed {MOST_CELLS}")
    return Pivoted(report, pivots)


def _pivot(given: Any, field: str, names: list[str], report: Report) -> Pivot:
    one = values.known(given, field, _KEYS)
    fields = values.items(one, "fieldNames", request.MOST_DIMENSIONS + 1)
    if not fields or any(name not in names for name in fields):
        raise BadQuery(f"{field}.fieldNames", f"must be among {', '.join(names)}")
    if one.get("metricAggregations"):
        raise BadQuery(f"{field}.metricAggregations", "cannot be answered; ask for totals with runReport")
    limit = values.number(one, "limit", 0, MOST_CELLS)
    if not limit:
        raise BadQuery(f"{field}.limit", "must be given")
    figures = {figure.name for figure in report.figures}
    return Pivot(
        places=tuple(names.index(name) for name in fields),
        orders=request.orders(one, set(fields), figures),
        offset=values.number(one, "offset", 0, 2**31),
        limit=limit,
    )


def answer(asked: Pivoted, found: Found, left: int | None) -> dict[str, Any]:
    """RunPivotReportResponse: the cells of what each pivot shows."""
    shown = [_shown(pivot, asked.report, found.rows) for pivot in asked.pivots]
    pages = [words[pivot.offset : pivot.offset + pivot.limit] for pivot, words in zip(asked.pivots, shown, strict=True)]
    allowed = [set(page) for page in pages]
    cells = [
        row
        for row in found.rows
        if all(_own(pivot, row) in words for pivot, words in zip(asked.pivots, allowed, strict=True))
    ]
    body = answers.headers(asked.report) | {
        "pivotHeaders": [
            {
                "pivotDimensionHeaders": [{"dimensionValues": [{"value": word} for word in words]} for words in page],
                "rowCount": len(every),
            }
            for page, every in zip(pages, shown, strict=True)
        ],
        "rows": [answers.row(asked.report, row) for row in cells],
        "metadata": answers.metadata(asked.report, found),
        "kind": "analyticsData#runPivotReport",
    }
    return body | ({"propertyQuota": answers.quota(left)} if asked.report.quota else {})


def _own(pivot: Pivot, row: Row) -> Words:
    return tuple(row.dimensions[place] for place in pivot.places)


def _shown(pivot: Pivot, report: Report, found: tuple[Row, ...]) -> list[Words]:
    """Every value of the pivot, in its order. A metric orders them by its sum over the other pivots."""
    sums: defaultdict[Words, list[float]] = defaultdict(lambda: [0.0] * len(report.figures))
    for row in found:
        own = sums[_own(pivot, row)]
        for index, figure in enumerate(row.figures):
            own[index] += figure or 0
    names = [column.name for column in report.columns] + ["dateRange"]
    columns = tuple(names[place] for place in pivot.places)
    flat = [Row(words, tuple(figures)) for words, figures in sums.items()]
    return [row.dimensions for row in rows.ordered(flat, columns, report.figures, pivot.orders)]
