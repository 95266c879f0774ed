"""How GA4 writes the buckets of time, and which buckets a range has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import cast

from analytics.reports import timerange

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FORMS = {
    "date": "%Y%m%d",
    "dateHour": "%Y%m%d%H",
    "dateHourMinute": "%Y%m%d%H%M",
    "yearMonth": "%Y%m",
    "isoYearIsoWeek": "%G%V",
    "isoWeek": "%V",
    "month": "%m",
    "day": "%d",
}
_NTH: dict[str, Callable[[dt.datetime, dt.datetime], int]] = {
    "nthDay": lambda at, start: (at.date() - start.date()).days,
    "nthHour": lambda at, start: int((at - start).total_seconds() // 3600),
    "nthMinute": lambda at, start: int((at - start).total_seconds() // 60),
    "nthMonth": lambda at, start: (at.year - start.year) * 12 + at.month - start.month,
}
"""Of a bucket's local start and that of the range."""


def shown(form: str, bucket: str, start: dt.datetime) -> str:
    """A bucket, as the catalogue writes it, as GA4 writes it; `start` is the local first instant of the range,
    of `minutesAgo` the local time that it is now; both without a zone."""
    if form == "hour":
        return bucket
    if form in ("dayOfWeek", "dayOfWeekName"):
        day = int(bucket) % 7
        return str(day) if form == "dayOfWeek" else _DAYS[day]
    at = dt.datetime.fromisoformat(bucket)
    if form in _FORMS:
        return at.strftime(_FORMS[form])
    if form == "minutesAgo":
        return f"{int((start - at).total_seconds() // 60):02}"
    return f"{_NTH[form](at, start):04}"


def buckets(part: str, zone: str, start: dt.datetime, end: dt.datetime) -> list[str]:
    """Every bucket of the range, as the catalogue's filters know it. Raises BadQuery when they are too many."""
    if part == "time:hour_of_day":
        return [f"{hour:02}" for hour in range(24)]
    if part == "time:weekday":
        return [str(day) for day in range(1, 8)]
    interval = cast(timerange.Interval, part.removeprefix("time:"))
    form = "%Y-%m-%d %H:%M:%S" if interval in ("minute", "hour") else "%Y-%m-%d"
    return [at.strftime(form) for at in timerange.buckets(interval, zone, start, end)]
