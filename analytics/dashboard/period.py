"""Which stretch of time a page shows, what it is compared with, and in which buckets it is drawn.

Words are those of `reports/timerange.py`; ranges are half-open, in the site's time zone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.reports import timerange

Interval = Literal["hour", "day", "week", "month"]
INTERVALS: tuple[Interval, ...] = ("hour", "day", "week", "month")
DASH = "\N{EN DASH}"
_MINUTE = dt.timedelta(minutes=1)
_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the period menu."""

    word: str
    key: str
    label: str
    group: int


CHOICES = (
    Choice("day", "D", "Today", 0),
    Choice("yesterday", "E", "Yesterday", 0),
    Choice("24h", "H", "Last 24 hours", 0),
    Choice("7d", "W", "Last 7 days", 1),
    Choice("28d", "F", "Last 28 days", 1),
    Choice("30d", "T", "Last 30 days", 1),
    Choice("91d", "N", "Last 91 days", 1),
    Choice("month", "M", "Month to date", 2),
    Choice("last_month", "P", "Last month", 2),
    Choice("year", "Y", "Year to date", 3),
    Choice("12mo", "L", "Last 12 months", 3),
    Choice("all", "A", "All time", 3),
)
LABELS = {choice.word: choice.label for choice in CHOICES} | {"custom": "Custom dates"}
DEFAULT = "28d"
_CALENDAR = {"month", "last_month", "year", "12mo"}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: first instant, and first instant after it."""

    start: dt.datetime
    end: dt.datetime


def previous(word: str, span: Span) -> Span | None:
    """What the span is compared with: the same stretch before it, on the same weekdays; for months and years the
    calendar's own. None for all of time, which has no before."""
    if word == "all":
        return None
    if word == "24h":
        return Span(_back(span.start, days=1), _back(span.end, days=1))
    if word in _CALENDAR:
        months = 12 if word in ("year", "12mo") else 1
        return Span(_months_back(span.start, months), _months_back(span.end, months))
    weeks = -(-days_in(span) // 7)
    return Span(_back(span.start, days=7 * weeks), _back(span.end, days=7 * weeks))


def same_part(span: Span, before: Span, now: dt.datetime) -> Span:
    """An unfinished span is compared with as much of the other as has passed of this one."""
    if now >= span.end:
        return before
    elapsed = _wall(now, span.start) - _wall(span.start, span.start)
    end = (before.start.replace(tzinfo=None) + elapsed).replace(tzinfo=before.start.tzinfo)
    return Span(before.start, max(min(end, before.end), before.start + _MINUTE))


def days_in(span: Span) -> int:
    """How many days it is long; one of 23 or 25 hours counts as one."""
    return max(1, round((span.end - span.start) / _DAY))


def intervals(span: Span) -> tuple[Interval, ...]:
    """The buckets that make a readable chart of it, the fitting one first."""
    days = days_in(span)
    if days <= 2:
        return ("hour",)
    if days <= 14:
        return ("day", "hour")
    if days <= 62:
        return ("day", "week")
    if days <= 120:
        return ("day", "week", "month")
    return ("week", "day", "month") if days <= 430 else ("month", "week")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One point of the chart."""

    key: str
    """As reports write it: `2026-11-23`, or `2026-11-23 14:00:00`."""
    label: str
    """For the axis: `14:00`, `23 Nov`, `Nov 2026`."""
    title: str
    """For the tooltip: `Monday 23 November 2026`."""
    start: dt.datetime
    end: dt.datetime


def buckets(span: Span, interval: Interval) -> tuple[Bucket, ...]:
    """Every bucket of the span in order, also those in which nothing happened or that lie ahead."""
    clock = span.start.tzinfo
    starts = timerange.buckets(interval, str(clock), span.start, span.end)
    return tuple(
        Bucket(
            key=f"{at:%Y-%m-%d %H:%M:%S}" if interval == "hour" else f"{at:%Y-%m-%d}",
            label=_label(at, interval, span),
            title=_title(at, interval),
            start=at.replace(tzinfo=clock),
            end=_after(at, interval).replace(tzinfo=clock),
        )
        for at in starts
    )


def _after(at: dt.datetime, interval: Interval) -> dt.datetime:
    if interval == "month":
        return _months_back(at, -1)
    return at + {"hour": _HOUR, "day": _DAY, "week": 7 * _DAY}[interval]


def _label(at: dt.datetime, interval: Interval, span: Span) -> str:
    if interval == "hour":
        return f"{at:%H:%M}" if days_in(span) <= 2 else f"{at.day} {at:%b %H:%M}"
    if interval == "month":
        return f"{at:%b %Y}" if at.month == 1 or at <= span.start.replace(tzinfo=None) else f"{at:%b}"
    return f"{at.day} {at:%b}"


def _title(at: dt.datetime, interval: Interval) -> str:
    if interval == "hour":
        return f"{at:%a} {at.day} {at:%b}, {at:%H:%M}{DASH}{at + _HOUR:%H:%M}"
    if interval == "week":
        return f"Week of {at.day} {at:%B %Y}"
    return f"{at:%B %Y}" if interval == "month" else f"{at:%A} {at.day} {at:%B %Y}"


def said(span: Span) -> str:
    """The span in words, for the picker and the comparison: `26 Oct - 22 Nov 2026`, with a longer dash."""
    first, last = span.start, span.end - dt.timedelta(microseconds=1)
    if first.date() == last.date():
        return f"{first:%a} {first.day} {first:%b %Y}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%b}{year} {DASH} {last.day} {last:%b %Y}"


def in_zone(start: dt.datetime, end: dt.datetime, zone: str) -> Span:
    """A span whose clock is that of the zone."""
    clock = ZoneInfo(zone)
    return Span(start.astimezone(clock), end.astimezone(clock))


def all_time(zone: str, now: dt.datetime, first: dt.date | None) -> Span:
    """From the day of the first event to the end of today."""
    noon = dt.datetime.combine(first, dt.time(12), ZoneInfo(zone)) if first else None
    return in_zone(*timerange.resolve("all", zone, now, noon), zone)


def _wall(at: dt.datetime, like: dt.datetime) -> dt.datetime:
    return at.astimezone(like.tzinfo).replace(tzinfo=None)


def _back(at: dt.datetime, days: int) -> dt.datetime:
    return at - dt.timedelta(days=days)  # by the wall clock, since the zone is kept


def _months_back(at: dt.datetime, months: int) -> dt.datetime:
    index = at.year * 12 + at.month - 1 - months
    year, month = index // 12, index % 12 + 1
    month_after = dt.date(year + month // 12, month % 12 + 1, 1)
    return at.replace(year=year, month=month, day=min(at.day, (month_after - _DAY).day))
