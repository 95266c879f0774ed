"""Stats API v2 in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema

from analytics.dashboard.api import openapi
from analytics.dashboard.api.plausible import including, names, query
from analytics.reports import catalog, check, timerange

Json = dict[str, Any]
_TEXT: Json = {"type": "string", "maxLength": check.MOST_CHARS}
_DIMENSIONS = ["time", *catalog.DIMENSIONS, *names.NAMED, "visit:city_name"]
DIMENSION: Json = {
    "description": "`time` becomes the bucket that suits the range.",
    "anyOf": [{"enum": _DIMENSIONS}, {"type": "string", "pattern": f"^{catalog.PROPS}.+$", "maxLength": 300}],
}
_OPERATORS = [*check.OPERATORS, "matches_wildcard", "matches_wildcard_not"]
_FILTER = openapi.reference("Filter")


def _tuple(*items: Json, least: int | None = None) -> Json:
    return {
        "type": "array",
        "prefixItems": list(items),
        "minItems": len(items) if least is None else least,
        "maxItems": len(items),
    }


def _list(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


FILTER: Json = {
    "description": "A condition on a dimension, any of whose values may match; or others joined by and, or, not; or"
    " what a whole visit did; or a segment of the site by its number.",
    "anyOf": [
        _tuple(
            {"enum": _OPERATORS},
            {"anyOf": [{"enum": [name for name in _DIMENSIONS if name != "time"]}, DIMENSION["anyOf"][1]]},
            _list({"type": ["string", "integer"]}, minItems=1),
            {"type": "object", "properties": {"case_sensitive": {"type": "boolean"}}, "additionalProperties": False},
            least=3,
        ),
        _tuple({"enum": ["and", "or"]}, _list(_FILTER, minItems=1)),
        _tuple({"enum": ["not", "has_done", "has_not_done"]}, _FILTER),
        _tuple({"const": "is"}, {"const": "segment"}, _list({"type": "integer"}, minItems=1)),
    ],
}
_RANGE: Json = _tuple(_TEXT, _TEXT) | {"description": "Days, or times with an offset; both are included."}
_COMPARISONS: Json = {
    "description": "Each row gets its row of another range, and by how much it changed.",
    "oneOf": [
        {
            "type": "object",
            "required": ["mode"],
            "properties": {
                "mode": {"enum": ["previous_period", "year_over_year"]},
                "match_day_of_week": {"type": "boolean"},
            },
            "additionalProperties": False,
        },
        {
            "type": "object",
            "required": ["mode", "date_range"],
            "properties": {"mode": {"const": "custom"}, "date_range": _RANGE},
            "additionalProperties": False,
        },
    ],
}
_ORDER = _tuple({"anyOf": [{"enum": list(catalog.METRICS)}, DIMENSION]}, {"enum": ["asc", "desc"]})
QUERY: Json = {
    "type": "object",
    "required": ["site_id", "metrics", "date_range"],
    "additionalProperties": False,
    "properties": {
        "site_id": {"type": "string", "minLength": 1, "description": "The domain of the site, or another of its ids."},
        "metrics": _list({"enum": list(catalog.METRICS)}, minItems=1, maxItems=check.MOST_METRICS, uniqueItems=True),
        "date_range": {
            "description": "A word, any other number of days or months such as 3d or 2mo, or the first and last day.",
            "anyOf": [{"enum": list(timerange.WORDS)}, _RANGE],
        },
        "dimensions": _list(DIMENSION, maxItems=check.MOST_DIMENSIONS, uniqueItems=True),
        "filters": _list(_FILTER),
        "order_by": _list(_ORDER),
        "include": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **{name: {"type": "boolean"} for name in including.SWITCHES},
                including.COMPARISONS: _COMPARISONS,
            },
        },
        "pagination": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": query.MOST_IN_FILES,
                    "default": query.MOST_ROWS,
                    "description": f"In JSON up to {query.MOST_ROWS}.",
                },
                "offset": {"type": "integer", "minimum": 0, "maximum": query.MOST_OFFSET, "default": 0},
            },
        },
    },
}
REVENUE: Json = {
    "type": "object",
    "required": ["value", "currency", "short", "long"],
    "properties": {
        "value": {"type": "number"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "short": {"type": "string"},
        "long": {"type": "string"},
    },
}
VALUE: Json = {"anyOf": [{"type": ["number", "null"]}, openapi.reference("Revenue")]}
_CELLS: Json = {
    "metrics": _list(openapi.reference("Value")),
    "dimensions": _list({"type": "string"}),
}
ROW: Json = {
    "type": "object",
    "required": ["metrics", "dimensions"],
    "properties": {
        **_CELLS,
        "comparison": {
            "type": "object",
            "required": ["metrics", "dimensions", "change"],
            "properties": {**_CELLS, "change": _list({"type": ["number", "null"]})},
        },
    },
}
EXPLAIN: Json = {
    "type": "object",
    "description": "Where the numbers come from.",
    "required": ["engine", "as_of", "cached", "provisional", "rulesets", "definitions"],
    "properties": {
        "engine": {"enum": ["timescaledb", "duckdb"]},
        "as_of": {"type": "string", "format": "date-time"},
        "cached": {"type": "boolean"},
        "provisional": {"type": "boolean", "description": "Late events still wait to be put into their visits."},
        "incomplete": _list({"type": "string"}, description="Buckets of the rows that contain now."),
        "rulesets": _list({"type": "integer"}, description="Versions of the rules that the events were counted by."),
        "rows_read": {"type": "integer"},
        "files_read": {"type": "integer"},
        "definitions": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
ANSWER: Json = {
    "type": "object",
    "required": ["results", "meta", "query"],
    "properties": {
        "results": _list(openapi.reference("Row")),
        "meta": {
            "type": "object",
            "required": ["explain"],
            "properties": {
                "imports_included": {"type": "boolean"},
                "imports_skip_reason": {"type": "string"},
                "time_labels": _list({"type": "string"}),
                "partial_time_labels": _list({"type": "string"}),
                "present_index": {"type": ["integer", "null"]},
                "total_rows": {"type": ["integer", "null"]},
                "warning": {"type": "string"},
                "explain": openapi.reference("Explain"),
            },
        },
        "query": {"type": "object", "description": "The query as it was understood."},
    },
}
COMPONENTS: Json = {
    "Query": QUERY,
    "Filter": FILTER,
    "Answer": ANSWER,
    "Row": ROW,
    "Value": VALUE,
    "Revenue": REVENUE,
    "Explain": EXPLAIN,
}
EXAMPLES: dict[str, Json] = {
    "totals": {"site_id": "example.com", "metrics": ["visitors", "pageviews", "bounce_rate"], "date_range": "7d"},
    "sources": {
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": "28d",
        "dimensions": ["visit:source"],
        "filters": [["is", "visit:country_name", ["Estonia", "Poland"]], ["contains", "event:page", ["/blog"]]],
        "pagination": {"limit": 10},
        "include": {"total_rows": True},
    },
    "days": {
        "site_id": "example.com",
        "metrics": ["visitors", "visits"],
        "date_range": ["2026-11-01", "2026-11-07"],
        "dimensions": ["time:day"],
        "include": {"time_labels": True, "comparisons": {"mode": "previous_period"}},
    },
    "behaviour": {
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": "month",
        "filters": [["has_not_done", ["is", "event:page", ["/pricing"]]]],
    },
}
DESCRIBED = extend_schema(
    operation_id="query",
    tags=["Stats API v2"],
    summary="Ask for metrics by dimensions",
    description="Needs the scope `stats:read`. The form is that of Plausible's Stats API v2.",
    parameters=openapi.LEFT,
    request={"application/json": openapi.reference("Query")},
    responses=openapi.answers(openapi.reference("Answer"), "The rows.", files=True),
    examples=[OpenApiExample(name, value, request_only=True) for name, value in EXAMPLES.items()],
)
