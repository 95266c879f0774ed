"""runRealtimeReport: the last half hour, fresh to seconds."""

from __future__ import annotations

import datetime as dt
from typing import Any

from analytics.dashboard.api.ga4 import answers, names, request, rows, values
from analytics.dashboard.api.ga4.ranges import Range
from analytics.reports import realtime
from analytics.reports.query import BadQuery
from analytics.sites.models import Site

MOST_RANGES = 2
DIMENSIONS = (
    "city", "country", "countryId", "deviceCategory", "eventName", "platform", "streamId", "streamName",
    "unifiedScreenName",
)  # fmt: skip
METRICS = ("activeUsers", "eventCount", "keyEvents", "screenPageViews")
_KEYS = (
    "property", "dimensions", "metrics", "dimensionFilter", "metricFilter", "limit", "metricAggregations", "orderBys",
    "returnPropertyQuota", "minuteRanges",
)  # fmt: skip
_MINUTE = dt.timedelta(minutes=1)


def run(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """The answer, without ResponseMetaData as at GA4. Raises BadQuery."""
    asked = _read(body, site, now)
    found = rows.find(asked, lambda query: realtime.fresh(query, now))
    answer = answers.report(asked, found, left, "analyticsData#runRealtimeReport")
    del answer["metadata"]
    return answer


def _read(body: Any, site: Site, now: dt.datetime) -> request.Report:
    given = values.known(values.camel(body), "request", _KEYS)
    for one in (*values.items(given, "dimensions", 9), *values.items(given, "metrics", 10)):
        allowed = (*DIMENSIONS, names.MINUTES_AGO.name, *METRICS)
        name = values.text(
            values.known(one, "request", ("name", "expression", "dimensionExpression", "invisible")), "name", "request"
        )
        if name not in allowed and not name.startswith(names.CUSTOM) and "expression" not in one:
            raise BadQuery("request", f"{name!r} has no realtime; there are {', '.join(allowed)}")
    return request.shaped(given, site, now, _ranges(given, now))


def _ranges(given: values.Body, now: dt.datetime) -> tuple[Range, ...]:
    listed = values.items(given, "minuteRanges", MOST_RANGES) or [{}]
    minute = now.replace(second=0, microsecond=0)
    found = []
    for index, one in enumerate(listed):
        field = f"minuteRanges[{index}]"
        span = values.known(one, field, ("startMinutesAgo", "endMinutesAgo", "name"))
        first = values.number(span, "startMinutesAgo", realtime.MINUTES - 1, realtime.MINUTES - 1)
        last = values.number(span, "endMinutesAgo", 0, realtime.MINUTES - 1)
        if last > first:
            raise BadQuery(field, "startMinutesAgo must not be less than endMinutesAgo")
        name = values.text(span, "name", field) or f"date_range_{index}"
        found.append(Range(name, minute - first * _MINUTE, minute - last * _MINUTE + _MINUTE))
    return tuple(found)
