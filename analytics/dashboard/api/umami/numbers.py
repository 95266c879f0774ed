"""Answers in Umami's shapes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from analytics.dashboard.api.umami import question
from analytics.dashboard.api.umami.question import Asked
from analytics.reports import cache, catalog, realtime, timerange
from analytics.sites.models import Site

_TOTALS = ("pageviews", "visitors", "visits", "bounce_rate", "visit_duration")


def stats(asked: Asked) -> dict[str, Any]:
    """Totals of the range and of the one it is compared with."""
    before = asked.before(question.compared(asked.given))
    return _totals_of(asked) | {"comparison": _totals_of(before)}


def _totals_of(asked: Asked) -> dict[str, int]:
    (row,) = asked.answer(_TOTALS).rows
    return totals(row.metrics)


def totals(metrics: Sequence[Any]) -> dict[str, int]:
    """Of pageviews, visitors, visits, bounce rate (percent) and mean duration (seconds)."""
    pageviews, visitors, visits, bounce_rate, duration = (value or 0 for value in metrics)
    return {
        "pageviews": pageviews,
        "visitors": visitors,
        "visits": visits,
        "bounces": round(bounce_rate * visits / 100),
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
    rows = asked.answer(("pageviews", "visitors"), (f"time:{asked.unit}",)).rows
    times = [_stamp(row.dimensions[0], asked.zone) for row in rows]
    return {
        name: [{"x": at, "y": row.metrics[index]} for at, row in zip(times, rows, strict=True)]
        for index, name in enumerate(("pageviews", "sessions"))
    }


def _ends(asked: Asked) -> dict[str, str]:
    return {"startDate": asked.start.isoformat(), "endDate": asked.end.isoformat()}


def _stamp(bucket: str, zone: str) -> str:
    """The start of a bucket as Umami writes it: with a T and Z in UTC, else without."""
    text = bucket if " " in bucket else f"{bucket} 00:00:00"
    return text.replace(" ", "T") + "Z" if zone.lower() in ("utc", "etc/utc") else text


def metrics(asked: Asked) -> list[dict[str, Any]]:
    """Values of a dimension with their visitors; of events how often they happened."""
    name = question.dimension(asked.given)
    counted = "events" if name == "event:name" else "visitors"
    return [{"x": _shown(row.dimensions[0]), "y": row.metrics[0]} for row in _ranked(asked, name, (counted,))]


def expanded(asked: Asked) -> list[dict[str, Any]]:
    """Values of a dimension with all totals."""
    rows = _ranked(asked, question.dimension(asked.given), _TOTALS)
    return [{"name": _shown(row.dimensions[0]), **totals(row.metrics)} for row in rows]


def _ranked(asked: Asked, name: str, counted: tuple[str, ...]) -> Sequence[Any]:
    extra = question.CUSTOM if name == "event:name" else None
    return asked.answer(counted, (name,), extra).rows


def _shown(value: str) -> str:
    return "" if value == catalog.NONE else value


def event_series(asked: Asked) -> list[dict[str, Any]]:
    """Custom events by name and time."""
    rows = asked.answer(("events",), (f"time:{asked.unit}", "event:name"), question.CUSTOM).rows
    return [
        {"x": name, "t": _stamp(at, asked.zone), "y": row.metrics[0]} for row in rows for at, name in [row.dimensions]
    ]


def active(asked_site: Site, now: dt.datetime) -> dict[str, int]:
    """Visitors of the last five minutes; `x` is version 1's name."""
    here = realtime.current(asked_site.pk, None, now)
    return {"visitors": here, "x": here}


def date_range(site: Site, now: dt.datetime) -> dict[str, str]:
    """From the first day with an event until now."""
    first = cache.first_day(site.pk, site.timezone, site.data_version, now) or now.date()
    start = dt.datetime.combine(first, dt.time(), timerange.zone(site.timezone))
    return {"startDate": start.isoformat(), "endDate": now.isoformat()}
