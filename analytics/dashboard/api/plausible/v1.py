"""Stats API v1: the parameters of `GET /api/v1/stats/…` as a Query. The form is Plausible's legacy one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from analytics.dashboard.api.plausible import names, query, v1_filters
from analytics.reports import check, comparison, timerange
from analytics.reports.query import BadQuery, Query
from analytics.sites.models import Site

Given = Mapping[str, str]
MOST_ROWS = 1_000
ROWS = 100
MOST_PAGES = 1_000_000
DEFAULT_PERIOD = "30d"
_DAYS_BEFORE = {"day": 0, "7d": 6, "30d": 30}
_MONTHS_BEFORE = {"month": 0, "6mo": 5, "12mo": 11}
_INTERVALS = {"date": "day", "hour": "hour", "day": "day", "week": "week", "month": "month"}
_DEFAULT_INTERVALS = {"day": "hour", "6mo": "month", "12mo": "month"}
_ALIASES = {
    "visit:campaign": "visit:utm_campaign",
    "event:entry_page": "visit:entry_page",
    "event:exit_page": "visit:exit_page",
}
"""What clients of the API call some properties."""


@dataclass(frozen=True, slots=True)
class Asked:
    query: Query
    property: str = ""
    """What rows are of, as it was given; empty: a total, or a series."""
    other: Query | None = None
    """What to compare with."""


def site_id(given: Given) -> str:
    """Which site is asked about. Raises BadQuery."""
    if not given.get("site_id"):
        raise BadQuery("site_id", "give the domain of the site")
    return given["site_id"]


def aggregate(given: Given, site: Site, now: dt.datetime) -> Asked:
    """Totals. Raises BadQuery."""
    asked = _checked(_base(given, site, now), site)
    if "compare" not in given:
        return Asked(asked)
    if given["compare"] != "previous_period":
        raise BadQuery("compare", "the only comparison is previous_period")
    mode = comparison.Mode("previous_period", match_day_of_week=False)
    return Asked(asked, other=comparison.against(asked, mode, now))


def timeseries(given: Given, site: Site, now: dt.datetime) -> Asked:
    """A row for each bucket of the range. Raises BadQuery."""
    wanted = given.get("interval") or _DEFAULT_INTERVALS.get(given.get("period", DEFAULT_PERIOD), "day")
    if wanted not in _INTERVALS:
        raise BadQuery("interval", f"write one of {', '.join(_INTERVALS)}")
    dimension = f"time:{_INTERVALS[wanted]}"
    series = replace(_base(given, site, now), dimensions=(dimension,), fill=True, limit=check.MOST_ROWS)
    return Asked(_checked(series, site))


def breakdown(given: Given, site: Site, now: dt.datetime) -> Asked:
    """A row for each value of a property. Raises BadQuery."""
    if not given.get("property"):
        raise BadQuery("property", "give what to break down by, such as event:page")
    limit = _number(given, "limit", ROWS, MOST_ROWS)
    offset = (_number(given, "page", 1, MOST_PAGES) - 1) * limit
    rows = replace(
        _base(given, site, now), dimensions=(dimension(given["property"]),), limit=limit, offset=offset, fill=False
    )
    return Asked(_checked(rows, site), given["property"])


def dimension(name: str) -> str:
    """The catalogue's name of a property."""
    return _ALIASES.get(name) or names.ours(name)


def _base(given: Given, site: Site, now: dt.datetime) -> Query:
    start, end = period(given, site, now)
    return Query(
        site_id=site.pk,
        metrics=tuple(name.strip() for name in given.get("metrics", "visitors").split(",")),
        start=start,
        end=end,
        zone=site.timezone,
        filter=v1_filters.read(given.get("filters", ""), site, dimension),
    )


def _checked(asked: Query, site: Site) -> Query:
    asked = query.with_goals(asked, site)
    check.query(asked)
    return asked


def period(given: Given, site: Site, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """First instant of `period` and first instant after it. Days and months end with the one of `date`, by default
    today; other words are those of v2. Raises BadQuery."""
    word = given.get("period", DEFAULT_PERIOD)
    if word == "custom":
        first, _, last = given.get("date", "").partition(",")
        return timerange.between(first.strip(), last.strip(), site.timezone)
    if word not in _DAYS_BEFORE and word not in _MONTHS_BEFORE:
        return query.date_range(word, site, now)
    day = _date(given, site, now)
    if word in _DAYS_BEFORE:
        first_day, last_day = day - dt.timedelta(days=_DAYS_BEFORE[word]), day
    else:
        first_day, last_day = _month(day, -_MONTHS_BEFORE[word]), _month(day, 1) - dt.timedelta(days=1)
    return timerange.between(first_day.isoformat(), last_day.isoformat(), site.timezone)


def _month(day: dt.date, by: int) -> dt.date:
    """The first day of the month that lies so many months after that of the day."""
    index = day.year * 12 + day.month - 1 + by
    return dt.date(index // 12, index % 12 + 1, 1)


def _date(given: Given, site: Site, now: dt.datetime) -> dt.date:
    text = given.get("date", "today")
    if text == "today":
        return now.astimezone(timerange.zone(site.timezone)).date()
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise BadQuery("date", f"{text[:40]!r} is no day; write one such as 2026-11-23") from None
    if not timerange.EARLIEST.year + 1 < day.year < timerange.LATEST.year:  # of which the year before is asked too
        raise BadQuery("date", f"years lie between {timerange.EARLIEST.year + 2} and {timerange.LATEST.year - 1}")
    return day


def _number(given: Given, field: str, default: int, most: int) -> int:
    text = given.get(field, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise BadQuery(field, f"write a number between 1 and {most}")
    return int(text)
