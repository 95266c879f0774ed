"""The parameters of a call as a question: a website, a range, filters, unit and page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from analytics.dashboard.api.umami import filters, names
from analytics.reports import cache, timerange
from analytics.reports.query import All, Answer, BadQuery, Filter, Query
from analytics.sites.models import Site

MOST_ROWS = 10_000
ROWS = 500
"""Of a ranking, when no limit is given."""
_MILLISECOND = dt.timedelta(milliseconds=1)
Compare = Literal["prev", "yoy"]


@dataclass(frozen=True, slots=True)
class Asked:
    site: Site
    now: dt.datetime
    start: dt.datetime
    end: dt.datetime
    """The first instant after the range; Umami's `endAt` belongs to it."""
    zone: str
    unit: str
    filter: Filter | None
    limit: int
    offset: int
    given: Mapping[str, str]
    """The parameters themselves."""

    def also(self, *conditions: Filter) -> Asked:
        """The same, with more conditions."""
        parts = (*((self.filter,) if self.filter else ()), *conditions)
        return replace(self, filter=All(parts) if parts else None)

    def first(self, limit: int) -> Asked:
        """The same, of which the first rows alone are wanted."""
        return replace(self, limit=limit, offset=0)

    def answer(self, metrics: tuple[str, ...], *dimensions: str, with_total: bool = False) -> Answer:
        """A page of ranked rows, or totals. Raises what `cache.answer` raises."""
        query = Query(
            site_id=self.site.pk,
            metrics=metrics,
            start=self.start,
            end=self.end,
            zone=self.zone,
            dimensions=dimensions,
            filter=self.filter,
            limit=self.limit,
            offset=self.offset,
            total_rows=with_total,
            fill=False,
        )
        return cache.answer(query, self.site.data_version, self.now)

    def series(self, metrics: tuple[str, ...], *dimensions: str) -> Answer:
        """Rows by time, whole. Raises BadQuery when they are too many, and what `cache.answer` raises."""
        found = self.first(MOST_ROWS + 1).answer(metrics, f"time:{self.unit}", *dimensions)
        if len(found.rows) > MOST_ROWS:
            raise BadQuery("unit", f"gives more than {MOST_ROWS} points; choose a larger one or a shorter range")
        return found

    def before(self, compare: Compare) -> Asked:
        """The same of the range before, or a year ago; what is too early for any event is left out."""
        begin, until = self.start - (self.end - self.start), self.start
        if compare == "yoy":
            begin, until = _year_ago(self.start), _year_ago(self.end)
        start = max(begin, timerange.EARLIEST)
        return replace(self, start=start, end=max(until, start + _MILLISECOND))


def read(given: Mapping[str, str], site: Site, now: dt.datetime) -> Asked:
    """What the parameters ask of a website. Raises BadQuery, naming the parameter."""
    zone = given.get("timezone") or site.timezone
    timerange.zone(zone)
    start, end = max(_instant(given, "start", zone), timerange.EARLIEST), _instant(given, "end", zone)
    _check(start, end)
    unit = given.get("unit") or cast(str, timerange.interval_for(start, end))
    if unit not in names.UNITS:
        raise BadQuery("unit", f"{unit!r} is no unit here; choose from {', '.join(names.UNITS)}")
    return Asked(
        site=site,
        now=now,
        start=start,
        end=end + _MILLISECOND,
        zone=zone,
        unit=unit,
        filter=filters.tree(given, site),
        limit=number(given, "limit", ROWS, MOST_ROWS),
        offset=number(given, "offset", 0, 2**31),
        given=given,
    )


def dimension(given: Mapping[str, str]) -> str:
    """The catalogue's name of the `type` that is to be ranked. Raises BadQuery."""
    kind = given.get("type", "")
    if kind in names.NOT_KEPT:
        raise BadQuery("type", f"{kind} is not kept here")
    if kind not in filters.NAMES:
        raise BadQuery("type", f"{kind!r} is no type; choose from {', '.join(names.TYPES)}")
    return names.TYPES[filters.NAMES[kind]]


def compared(given: Mapping[str, str]) -> Compare:
    """With which range the numbers are to be compared. Raises BadQuery."""
    word = given.get("compare") or "prev"
    if word not in ("prev", "yoy"):
        raise BadQuery("compare", "must be prev or yoy")
    return cast(Compare, word)


def number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number among the parameters. Raises BadQuery."""
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise BadQuery(name, f"must be a whole number of at most {most}")
    return int(text)


def _check(start: dt.datetime, end: dt.datetime) -> None:
    """Refuse, by the names of the parameters, ranges that mean nothing."""
    if start > end:
        raise BadQuery("startAt", "must not be after endAt")
    if end >= timerange.LATEST:
        raise BadQuery("endAt", f"must be before {timerange.LATEST.date()}")


def _year_ago(at: dt.datetime) -> dt.datetime:
    day = 28 if (at.month, at.day) == (2, 29) else at.day
    return at.replace(year=at.year - 1, day=day)


def _instant(given: Mapping[str, str], edge: str, zone: str) -> dt.datetime:
    milliseconds, text = given.get(f"{edge}At"), given.get(f"{edge}Date")
    if milliseconds:
        try:
            return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=int(milliseconds))
        except (ValueError, OverflowError):
            raise BadQuery(f"{edge}At", "must be milliseconds since 1970") from None
    if not text:
        raise BadQuery(f"{edge}At", "give the range: startAt and endAt in milliseconds since 1970")
    try:
        found = dt.datetime.fromisoformat(text)
        if edge == "end" and len(text) == len("2026-11-26"):
            found += dt.timedelta(days=1) - _MILLISECOND
        return (found if found.tzinfo else found.replace(tzinfo=timerange.zone(zone))).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise BadQuery(f"{edge}Date", "must be a date or time in ISO 8601") from None
