"""The dates that a report is of."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from analytics.dashboard.api.ga4 import values
from analytics.dashboard.api.ga4.values import Body
from analytics.reports import timerange
from analytics.reports.query import BadQuery

MOST = 4
_AGO = re.compile(r"([0-9]{1,5})daysAgo", re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    name: str
    start: dt.datetime
    end: dt.datetime
    """First instant after it. Both in UTC."""


def read(body: Body, zone: str, now: dt.datetime) -> tuple[Range, ...]:
    """The ranges of a report, at least one. Raises BadQuery."""
    given = values.items(body, "dateRanges", MOST)
    if not given:
        raise BadQuery("dateRanges", "give at least one, such as {startDate: '7daysAgo', endDate: 'today'}")
    found = tuple(_range(one, index, zone, now) for index, one in enumerate(given))
    if len({one.name for one in found}) < len(found):
        raise BadQuery("dateRanges", "each name once")
    return found


def _range(given: object, index: int, zone: str, now: dt.datetime) -> Range:
    field = f"dateRanges[{index}]"
    one = values.known(given, field, ("startDate", "endDate", "name"))
    clock = timerange.zone(zone)
    first, last = (_date(values.text(one, key, field), f"{field}.{key}", now.astimezone(clock).date()) for key in _ENDS)
    if last >= timerange.LATEST.date():
        raise BadQuery(f"{field}.endDate", f"must be before {timerange.LATEST.date()}")
    if first > last:
        raise BadQuery(field, "startDate must not be after endDate")
    name = values.text(one, "name", field)
    if name.startswith(("date_range_", "RESERVED_")):
        raise BadQuery(f"{field}.name", "must not begin with date_range_ or RESERVED_")
    start, end = timerange.midnight(first, clock), timerange.midnight(last + dt.timedelta(days=1), clock)
    timerange.check(start, end)
    return Range(name or f"date_range_{index}", start, end)


_ENDS = ("startDate", "endDate")


def _date(word: str, field: str, today: dt.date) -> dt.date:
    if word == "today":
        return today
    if word == "yesterday":
        return today - dt.timedelta(days=1)
    try:
        if ago := _AGO.fullmatch(word):
            return today - dt.timedelta(days=int(ago[1]))
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word, re.ASCII):
            return dt.date.fromisoformat(word)
    except (ValueError, OverflowError):
        pass
    raise BadQuery(field, f"{word!r} must be YYYY-MM-DD, NdaysAgo, yesterday or today")
