"""Found rows in the shapes of RunReportResponse and its relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from analytics.dashboard.api.ga4 import request
from analytics.dashboard.api.ga4.names import Number
from analytics.dashboard.api.ga4.request import Report
from analytics.dashboard.api.ga4.rows import Found, Row
from analytics.reports import catalog
from analytics.reports.query import Answer

_INTEGERS = ("TYPE_INTEGER",)


def report(asked: Report, found: Found, left: int | None, kind: str = "analyticsData#runReport") -> dict[str, Any]:
    """A page of the rows, with what is said of all."""
    start = asked.offset - found.first
    body = headers(asked) | {
        "rows": [row(asked, one) for one in found.rows[start : start + asked.limit]],
        "rowCount": found.count,
        "metadata": metadata(asked, found),
        "kind": kind,
    }
    body |= aggregated(asked, found.rows, found.totals)
    return body | ({"propertyQuota": quota(left)} if asked.quota else {})


def headers(asked: Report) -> dict[str, Any]:
    """The names of what rows have."""
    columns = [{"name": column.name} for column in asked.columns]
    if len(asked.ranges) > 1:
        columns.append({"name": "dateRange"})
    figures = [{"name": figure.name, "type": figure.type} for figure in asked.figures if figure.visible]
    return {"dimensionHeaders": columns, "metricHeaders": figures}


def row(asked: Report, one: Row) -> dict[str, Any]:
    """Everything as text."""
    return {
        "dimensionValues": [{"value": word} for word in one.dimensions],
        "metricValues": [
            {"value": number(figure.type, value)}
            for figure, value in zip(asked.figures, one.figures, strict=True)
            if figure.visible
        ],
    }


def number(type: str, value: Number) -> str:
    """A figure as text; what has no value is 0 at GA4."""
    given = value or 0
    return str(round(given)) if type in _INTEGERS else repr(float(given)).removesuffix(".0")


def aggregated(asked: Report, rows: Sequence[Row], totals: Sequence[Row]) -> dict[str, Any]:
    """Totals, minimums, maximums and counts, each for every range."""
    found: dict[str, Any] = {}
    if "TOTAL" in asked.aggregations:
        found["totals"] = [row(asked, one) for one in totals]
    for word, key, compute in _OVER_ROWS:
        if word in asked.aggregations and rows:
            found[key] = [row(asked, _over(asked, each, word, compute)) for each in _by_range(asked, rows)]
    return found


_OVER_ROWS: tuple[tuple[str, str, Callable[[list[float]], Number]], ...] = (
    ("MINIMUM", "minimums", min),
    ("MAXIMUM", "maximums", max),
    ("COUNT", "counts", len),
)


def _by_range(asked: Report, rows: Sequence[Row]) -> list[list[Row]]:
    if len(asked.ranges) == 1:
        return [list(rows)]
    named = [[one for one in rows if one.dimensions[-1] == span.name] for span in asked.ranges]
    return [each for each in named if each]


def _over(asked: Report, rows: Sequence[Row], word: str, compute: Callable[[list[float]], Number]) -> Row:
    figures = tuple(compute([one.figures[index] or 0 for one in rows]) for index in range(len(asked.figures)))
    last = (rows[0].dimensions[-1],) if len(asked.ranges) > 1 else ()
    return Row((f"RESERVED_{word}",) * len(asked.columns) + last, figures)


def metadata(asked: Report, found: Found) -> dict[str, Any]:
    """ResponseMetaData, and beside it (clients pass over what they do not know) where the numbers come from."""
    body: dict[str, Any] = {"currencyCode": asked.currency, "timeZone": asked.site.timezone}
    if not found.count:
        body["emptyReason"] = "no events match the request"
    return body | {"explain": explain(asked, found)}


def explain(asked: Report, found: Found) -> dict[str, Any]:
    """Of all ranges together."""
    metrics = request.needs(asked.metrics)
    return sources(found.answers) | {"definitions": {name: catalog.metric(name).definition for name in metrics}}


def sources(answers: Sequence[Answer]) -> dict[str, Any]:
    """Where numbers come from."""
    return {
        "engines": sorted({answer.engine for answer in answers}),
        "asOf": min(answer.as_of for answer in answers).isoformat(),
        "cached": all(answer.cached for answer in answers),
        "provisional": any(answer.provisional for answer in answers),
        "rowsRead": sum(answer.rows_read for answer in answers),
        "filesRead": sum(answer.files_read for answer in answers),
        "rulesets": sorted({version for answer in answers for version in answer.rulesets}),
        "warnings": sorted({answer.warning for answer in answers if answer.warning}),
    }


def quota(left: int | None) -> dict[str, Any]:
    """PropertyQuota: what is left of the key's requests in this hour, when it is known. There are no other limits of
    this kind."""
    return {} if left is None else {"tokensPerHour": {"consumed": 1, "remaining": left}}
