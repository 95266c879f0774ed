"""What the OpenAPI document says of the calls about a range: their parameters."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from analytics.dashboard.api import openapi
from analytics.dashboard.api.umami import names

_RANGE = {
    "startAt": "First millisecond of the range, since 1970.",
    "endAt": "Last millisecond of the range.",
    "startDate": "Instead of startAt: a date or time in ISO 8601.",
    "endDate": "Instead of endAt; a day is included.",
    "timezone": "IANA time zone of dates and buckets; else the site's.",
    "unit": f"Of series: {', '.join(names.UNITS)}.",
    "compare": "prev (the range before) or yoy (a year ago).",
    "type": f"Of rankings and values: {', '.join(names.TYPES)}.",
    "search": "Of rankings and values: what they contain.",
    "propertyName": "Of event-data/values: the property.",
    "limit": "Rows of a ranking.",
    "offset": "Rows of a ranking to pass over.",
    "match": "Whether all filters must hold (all) or one (any).",
    "eventType": "1: pageviews, 2: custom events.",
    "segment": "The number of a segment of the site.",
}
_FILTER = f"Filter: a value, or {', '.join((*names.OPERATORS, 's', 'ns'))} and a dot before it."


class OfRange(openapi.Schema):
    """A call about a range."""

    def get_override_parameters(self) -> list[Any]:
        described = _RANGE | dict.fromkeys(names.TYPES, _FILTER)
        return [OpenApiParameter(name, str, description=text) for name, text in described.items()]
