"""The range that another is compared with, and the rows of the two side by side.

other = comparison.against(query, mode, now)
other = comparison.of_rows(other, answer)
comparison.matched(query, answer, other, cache.answer(other, …))
"""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast

from analytics.reports import catalog, check, timerange
from analytics.reports.query import Answer, BadQuery, Query, Row

Kind = Literal["previous_period", "year_over_year", "custom"]
_DAY = dt.timedelta(days=1)
_WEEK = 7
_LEAST = dt.timedelta(microseconds=1)
_Key = tuple[str | int | dt.timedelta, ...]


@dataclass(frozen=True, slots=True)
class Mode:
    """What to compare with."""

    kind: Kind = "previous_period"
    match_day_of_week: bool = True
    """Move the other range by up to three days, so that it begins on the same weekday; `previous_period` of less than
    a week goes back a week. Not for `custom`, nor for ranges of less than a day."""
    start: dt.datetime | None = None
    """`custom` only, aware: first instant."""
    end: dt.datetime | None = None
    """`custom` only, aware: first instant after."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A row, and what it was."""

    row: Row
    old: Row | None
    """None: the other range has no such row."""
    change: tuple[float | None, ...]
    """For each metric (new - old) / old; None when the old value is 0 or either is not known."""


# --- the other range ---


def against(query: Query, mode: Mode, now: dt.datetime) -> Query:
    """The same question of the other range. Of a range that is not over, the part of the other that takes as long by
    the clock on the wall. Raises BadQuery."""
    check.query(query)
    if mode.kind == "custom":
        start, end = _custom(mode)
    elif mode.kind == "year_over_year":
        start, end = _year_before(query, mode)
    else:
        start, end = _period_before(query, mode)
    if query.start <= now < query.end:
        end = max(min(end, _as_far(query, start, now)), start + _LEAST)
    timerange.check(start, end)
    return replace(query, start=start, end=end)


def _custom(mode: Mode) -> tuple[dt.datetime, dt.datetime]:
    if mode.start is None or mode.end is None:
        raise BadQuery("comparisons", "a custom comparison needs a range: first and last day")
    timerange.check(mode.start, mode.end)
    return mode.start.astimezone(dt.UTC), mode.end.astimezone(dt.UTC)


def _period_before(query: Query, mode: Mode) -> tuple[dt.datetime, dt.datetime]:
    clock = timerange.zone(query.zone)
    length = query.end.astimezone(dt.UTC) - query.start.astimezone(dt.UTC)
    is_whole = _is_midnight(query.start, clock) and _is_midnight(query.end, clock)
    days = (query.end.astimezone(clock).date() - query.start.astimezone(clock).date()).days if is_whole else 0
    if not is_whole and length < _DAY:
        return (query.start - length).astimezone(dt.UTC), query.start.astimezone(dt.UTC)
    days = days or round(length / _DAY)
    if mode.match_day_of_week:
        days = max(_WEEK, round(days / _WEEK) * _WEEK)
    elif not is_whole:
        return (query.start.astimezone(dt.UTC) - length), query.start.astimezone(dt.UTC)
    return _moved(query.start, -days * _DAY, clock), _moved(query.end, -days * _DAY, clock)


def _year_before(query: Query, mode: Mode) -> tuple[dt.datetime, dt.datetime]:
    clock = timerange.zone(query.zone)
    first = query.start.astimezone(clock).date()
    back = _a_year(first) - first
    if mode.match_day_of_week:
        back = -round(-back.days / _WEEK) * _WEEK * _DAY
    is_whole = _is_midnight(query.end, clock)
    last = query.end.astimezone(clock).date() - (_DAY if is_whole else dt.timedelta())
    until = back if mode.match_day_of_week else _a_year(last) - last
    if is_whole:
        return _moved(query.start, back, clock), timerange.midnight(last + until + _DAY, clock)
    return _moved(query.start, back, clock), _moved(query.end, until, clock)


def _a_year(day: dt.date) -> dt.date:
    """The day of the year before; 28 February for the 29th."""
    year = day.year - 1
    return day.replace(year=year, day=min(day.day, calendar.monthrange(year, day.month)[1]))


def _as_far(query: Query, start: dt.datetime, now: dt.datetime) -> dt.datetime:
    """What now is to the query's range, in one that begins at `start`."""
    clock = timerange.zone(query.zone)
    passed = _wall(now, clock) - _wall(query.start, clock)
    return (_wall(start, clock) + passed).replace(tzinfo=clock).astimezone(dt.UTC)


def _wall(at: dt.datetime, clock: zoneinfo.ZoneInfo) -> dt.datetime:
    return at.astimezone(clock).replace(tzinfo=None)


def _is_midnight(at: dt.datetime, clock: zoneinfo.ZoneInfo) -> bool:
    return timerange.midnight(at.astimezone(clock).date(), clock) == at


def _moved(at: dt.datetime, by: dt.timedelta, clock: zoneinfo.ZoneInfo) -> dt.datetime:
    """So many days later by the wall clock; the beginning of a day stays one."""
    local = at.astimezone(clock)
    if _is_midnight(at, clock):
        return timerange.midnight(local.date() + by, clock)
    return (local.replace(tzinfo=None) + by).replace(tzinfo=clock).astimezone(dt.UTC)


# --- the rows side by side ---


def of_rows(other: Query, answer: Answer) -> Query:
    """The other question, of the rows that the answer has and no more, in any order."""
    kept = [index for index, name in enumerate(other.dimensions) if name not in catalog.BUCKETS]
    if not kept:
        return replace(other, limit=check.MOST_ROWS, offset=0)
    only = dict.fromkeys(tuple(row.dimensions[index] for index in kept) for row in answer.rows)
    return replace(other, only=tuple(only), limit=check.MOST_ROWS, offset=0, total_rows=False)


def matched(query: Query, answer: Answer, other: Query, old: Answer) -> tuple[Compared, ...]:
    """The rows of the answer, each with its row of the old one: by the values of its dimensions, and in time by how far
    after the beginning of its range it lies."""
    place, old_place = _places(query), _places(other)
    known = {place_of(row, other, old_place): row for row in old.rows}
    return tuple(_compared(row, known.get(place_of(row, query, place))) for row in answer.rows)


def place_of(row: Row, query: Query, place: Callable[[str], int | dt.timedelta]) -> _Key:
    """What the rows of two ranges have in common."""
    named = zip(query.dimensions, row.dimensions, strict=True)
    return tuple(place(word) if name in catalog.BUCKETS else word for name, word in named)


def _places(query: Query) -> Callable[[str], int | dt.timedelta]:
    """For a bucket's text: which month of the range it is, or how long by the wall clock after the first bucket."""
    names = [name for name in query.dimensions if name in catalog.BUCKETS]
    if not names:
        return len
    interval = cast("timerange.Interval", names[0].removeprefix("time:"))
    clock = timerange.zone(query.zone)
    first = timerange.truncate(interval, _wall(query.start, clock))

    def place(text: str) -> int | dt.timedelta:
        at = dt.datetime.fromisoformat(text)
        return at.year * 12 + at.month - first.year * 12 - first.month if interval == "month" else at - first

    return place


def _compared(row: Row, old: Row | None) -> Compared:
    before = old.metrics if old else (None,) * len(row.metrics)
    return Compared(row, old, tuple(map(_change, row.metrics, before)))


def _change(new: float | None, old: float | None) -> float | None:
    return (new - old) / old if old and new is not None else None
