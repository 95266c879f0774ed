"""Answers in Umami's shapes: totals and series."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from analytics.dashboard.api.umami import filters, question
from analytics.dashboard.api.umami.question import Asked
from analytics.reports import cache, catalog, realtime, timerange
from analytics.reports.query import Condition
from analytics.sites.models import Site

TOTALS = ("pageviews", "visitors", "visits", "bounces", "visit_duration")


def stats(asked: Asked) -> dict[str, Any]:
    """Totals of the range and of the one it is compared with."""
    before = asked.before(question.compared(asked.given))
    return _stats(asked) | {"comparison": _stats(before)}


def _stats(asked: Asked) -> dict[str, int]:
    (row,) = asked.first(1).answer(TOTALS).rows
    return totals(row.metrics)


def totals(metrics: Sequence[Any]) -> dict[str, int]:
    """Of TOTALS; the mean duration becomes the sum, in seconds."""
    pageviews, visitors, visits, bounces, duration = (value or 0 for value in metrics)
    return {
        "pageviews": pageviews,
        "visitors": visitors,
        "visits": visits,
        "bounces": bounces,
        "totaltime": round(duration * visits),
    }


def pageviews(asked: Asked) -> dict[str, Any]:
    """Pageviews and visitors (Umami's sessions) by time."""
    found = _series(asked)
    if not asked.given.get("compare"):
        return found
    before = asked.before(question.compared(asked.given))
    return {**found, **_ends(asked), "compare": {**_series(before), **_ends(before)}}


def _series(asked: Asked) -> dict[str, list[dict[str, Any]]]:
    rows = asked.series(("pageviews", "visitors")).rows
    times = [_stamp(row.dimensions[0], asked.zone) for row in rows]
    return {
        name: [{"x": at, "y": row.metrics[index]} for at, row in zip(times, rows, strict=True)]
        for index, name in enumerate(("pageviews", "sessions"))
    }


def _ends(asked: Asked) -> dict[str, str]:
    return {"startDate": asked.start.isoformat(), "endDate": (asked.end - dt.timedelta(milliseconds=1)).isoformat()}


def _stamp(bucket: str, zone: str) -> str:
    """The start of a bucket as Umami writes it: with a T and Z in UTC, else without."""
    text = bucket if " " in bucket else f"{bucket} 00:00:00"
    return text.replace(" ", "T") + "Z" if zone.lower() in ("utc", "etc/utc") else text


def event_series(asked: Asked) -> list[dict[str, Any]]:
    """Custom events by name and time."""
    rows = asked.also(filters.CUSTOM).series(("events",), "event:name").rows
    return [
        {"x": name, "t": _stamp(at, asked.zone), "y": row.metrics[0]} for row in rows for at, name in [row.dimensions]
    ]


def event_stats(asked: Asked) -> dict[str, Any]:
    """Totals of custom events, of the range and of the one it is compared with."""
    before = asked.before(question.compared(asked.given))
    return {"data": _event_stats(asked) | {"comparison": _event_stats(before)}}


def _event_stats(asked: Asked) -> dict[str, int]:
    custom = asked.also(filters.CUSTOM).first(1)
    (row,) = custom.answer(("events", "visitors", "visits")).rows
    events, visitors, visits = (int(value or 0) for value in row.metrics)
    return {"events": events, "visitors": visitors, "visits": visits, "uniqueEvents": _values(custom, "event:name")}


def _values(asked: Asked, dimension: str) -> int:
    """How many values a dimension has."""
    return asked.answer(("events",), dimension, with_total=True).total_rows or 0


def session_stats(asked: Asked) -> dict[str, dict[str, int]]:
    """Totals, each as `{"value": …}`; `events` are the custom ones."""
    first = asked.first(1)
    (row,) = first.answer(("pageviews", "visitors", "visits")).rows
    (custom,) = first.also(filters.CUSTOM).answer(("events",)).rows
    countries = _values(first.also(Condition("is_not", "visit:country", (catalog.NONE,))), "visit:country")
    found = {
        **dict(zip(("pageviews", "visitors", "visits"), row.metrics, strict=True)),
        "countries": countries,
        "events": custom.metrics[0],
    }
    return {name: {"value": int(value or 0)} for name, value in found.items()}


def weekly(asked: Asked) -> list[list[int]]:
    """Visitors by weekday, from Sunday on, and hour of the day."""
    found = [[0] * 24 for _ in range(7)]
    for row in asked.first(7 * 24).answer(("visitors",), "time:weekday", "time:hour_of_day").rows:
        weekday, hour = (int(value) for value in row.dimensions)
        found[weekday % 7][hour] = int(row.metrics[0] or 0)
    return found


def active(asked_site: Site, now: dt.datetime) -> dict[str, int]:
    """Visitors of the last five minutes; `x` is version 1's name."""
    here = realtime.current(asked_site.pk, None, now)
    return {"visitors": here, "x": here}


def date_range(site: Site, now: dt.datetime) -> dict[str, str]:
    """From the first day with an event until now."""
    today = now.astimezone(timerange.zone(site.timezone)).date()
    first = cache.first_day(site.pk, site.timezone, site.data_version, now) or today
    return {
        "startDate": timerange.midnight(first, timerange.zone(site.timezone)).isoformat(),
        "endDate": now.isoformat(),
    }
