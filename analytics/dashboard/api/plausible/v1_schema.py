"""Stats API v1 in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema

from analytics.dashboard.api import openapi
from analytics.dashboard.api.plausible import v1
from analytics.reports import catalog

Json = dict[str, Any]
_SITE = openapi.in_query("site_id", "The domain of the site, or another of its ids.", required=True)
_FILTERS = openapi.in_query(
    "filters", "Such as `event:page==/blog/*;visit:source==Google|Bing`; all must hold. Or JSON as in v2."
)
_PERIOD = [
    openapi.in_query("period", "day, 7d, 30d (default), month, 6mo, 12mo, custom, or a word of v2."),
    openapi.in_query("date", "The last day of the period, by default today; of custom the first and last: `a,b`."),
    openapi.in_query("metrics", f"Joined by commas; visitors (default), {', '.join(catalog.METRICS)}."),
]
_BY_NAME: Json = {"type": "object", "additionalProperties": openapi.reference("Value")}
_META: Json = {"type": "object", "properties": {"explain": openapi.reference("Explain")}}


def _answer(results: Json) -> Json:
    return {
        "type": "object",
        "required": ["results"],
        "properties": {"results": results, "meta": _META, "warning": {"type": "string"}},
    }


_TOTAL: Json = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": openapi.reference("Value"), "change": {"type": ["number", "null"]}},
}
_ROWS: Json = {"type": "array", "items": {"type": "object"}}
COMPONENTS: Json = {
    "Totals": _answer({"type": "object", "additionalProperties": _TOTAL}),
    "Series": _answer(
        {"type": "array", "items": {"type": "object", "required": ["date"], "properties": {"date": {"type": "string"}}}}
    ),
    "Rows": _answer(_ROWS),
}


def _described(name: str, summary: str, schema: Json, parameters: Sequence[OpenApiParameter]) -> openapi.Described:
    return extend_schema(
        operation_id=name,
        tags=["Stats API v1"],
        summary=summary,
        description="Needs the scope `stats:read`. The form is that of Plausible's legacy API.",
        parameters=[_SITE, *parameters, _FILTERS, *openapi.LEFT],
        responses=openapi.answers(schema, summary, files=name != "realtime"),
    )


AGGREGATE = _described(
    "aggregate", "Totals of a period", openapi.reference("Totals"),
    [*_PERIOD, openapi.in_query("compare", "Beside each metric its change.", enum=["previous_period"])],
)  # fmt: skip
TIMESERIES = _described(
    "timeseries", "A period by hour, day, week or month", openapi.reference("Series"),
    [*_PERIOD, openapi.in_query("interval", "By default hour for a day, month for 6mo and 12mo, else day.",
                                enum=["date", "hour", "day", "week", "month"])],
)  # fmt: skip
BREAKDOWN = _described(
    "breakdown", "A period by the values of a property", openapi.reference("Rows"),
    [
        openapi.in_query("property", "Such as `event:page` or `event:props:plan`.", required=True),
        *_PERIOD,
        openapi.in_query("limit", f"Rows of a page: 1 to {v1.MOST_ROWS}, by default {v1.ROWS}.", type=int),
        openapi.in_query("page", "From 1.", type=int),
    ],
)  # fmt: skip
REALTIME = _described("realtime", "Visitors of the last five minutes", {"type": "integer", "minimum": 0}, [])
