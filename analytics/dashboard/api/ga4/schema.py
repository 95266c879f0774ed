"""The methods in the OpenAPI document. Their bodies are Google's; docs/apis/ga4.md says what is answered of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view

from analytics.dashboard.api.ga4 import errors

Json = dict[str, Any]
_OBJECT: Json = {"type": "object"}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status", "details"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string", "description": "What is wrong, by the name of the field."},
                "status": {"enum": sorted({*errors.STATUS.values()})},
                "details": {"type": "array"},
            },
        }
    },
}
_MEANING = {
    400: "The report cannot be answered; the message names the field.",
    403: "The key is missing or unknown, lacks the scope, or may not read this property.",
    429: "The key has asked too often, or the report takes too long; `Retry-After` says when it may again.",
    503: "There is no answer now; ask again after `Retry-After` seconds.",
}
_RANGE = {"dateRanges": [{"startDate": "7daysAgo", "endDate": "today"}]}
_STEP: Json = {"filterExpression": {"funnelEventFilter": {"eventName": "page_view"}}}
EXAMPLES: dict[str, Json] = {
    "runReport": _RANGE | {"dimensions": [{"name": "pagePath"}], "metrics": [{"name": "activeUsers"}], "limit": "10"},
    "batchRunReports": {"requests": [_RANGE | {"metrics": [{"name": "sessions"}]}]},
    "runPivotReport": _RANGE
    | {
        "dimensions": [{"name": "country"}],
        "metrics": [{"name": "sessions"}],
        "pivots": [{"fieldNames": ["country"], "limit": "5"}],
    },
    "runRealtimeReport": {"dimensions": [{"name": "eventName"}], "metrics": [{"name": "eventCount"}]},
    "checkCompatibility": {"dimensions": [{"name": "date"}], "metrics": [{"name": "sessions"}]},
    "runFunnelReport": _RANGE | {"funnel": {"steps": [{"name": "Seen", **_STEP}]}},
}
"""Bodies that are answered, by method."""


def described(method: str, summary: str, verb: str = "post") -> Any:
    """Decorates the view of a method."""
    example = EXAMPLES.get(method)
    own = extend_schema(
        operation_id=f"ga4_{method}",
        tags=["GA4 Data API"],
        summary=summary,
        description="Needs the scope `stats:read`; the key may also be `x-goog-api-key` or `?key=`. As at Google.",
        request={"application/json": _OBJECT} if verb == "post" else None,
        responses={
            (200, "application/json"): OpenApiResponse(_OBJECT, "As the GA4 Data API answers."),
            **{(status, "application/json"): OpenApiResponse(_ERROR, text) for status, text in _MEANING.items()},
        },
        examples=[OpenApiExample(method, example, request_only=True)] if example else [],
    )
    return extend_schema_view(**{verb: own})
