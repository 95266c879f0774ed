"""Which instants a range means, and which buckets it has, in a time zone. The API and the pages share it.

Local time is UTC plus the zone's offset at that instant. The offsets come from Python's own time zone data for both
engines, so that a day of 23 or 25 hours is the same in each, whatever time zone data they were built with.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator
from typing import Literal

from analytics.reports.query import BadQuery

Interval = Literal["minute", "hour", "day", "week", "month"]
WORDS = (
    "day", "yesterday", "24h", "7d", "28d", "30d", "91d", "month", "last_month", "6mo", "12mo", "year", "all",
    "realtime",
)  # fmt: skip
"""Any other number of days or months (`3d`, `2mo`) is understood too."""
MOST_DAYS = 5_000
MOST_MONTHS = 100
MOST_BUCKETS = 50_000
EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_FIELD = "date_range"
_ROLLING = {"24h": dt.timedelta(hours=24), "realtime": dt.timedelta(minutes=30)}
_HOUR = dt.timedelta(hours=1)
_DAY = dt.timedelta(days=1)


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The IANA time zone of that name. Raises BadQuery."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise BadQuery("timezone", f"{name!r} is no IANA time zone; write one such as Europe/Tallinn") from None


def resolve(
    word: str, zone_name: str, now: dt.datetime, first: dt.date | None = None
) -> tuple[dt.datetime, dt.datetime]:
    """First instant of the range and first instant after it, in UTC, for a word such as `28d`.

    Days, weeks and months are those of the zone. `7d` and `6mo` end before today and this month; `day`, `month` and
    `year` run to the end of the current one, `24h` and `realtime` (30 minutes) to that of the minute. `all` starts at
    `first`, the day of the site's first event (today without one). Raises BadQuery.
    """
    clock = zone(zone_name)
    today = now.astimezone(clock).date()
    if word in _ROLLING:
        minute = now.astimezone(dt.UTC).replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        return minute - _ROLLING[word], minute
    if word == "all":
        return midnight(min(today, first or today), clock), midnight(today + _DAY, clock)
    begin, end = _dates(word, today)
    return midnight(begin, clock), midnight(end, clock)


def _dates(word: str, today: dt.date) -> tuple[dt.date, dt.date]:
    month = today.replace(day=1)
    named = {
        "day": (today, today + _DAY),
        "yesterday": (today - _DAY, today),
        "month": (month, _months(month, 1)),
        "last_month": (_months(month, -1), month),
        "year": (today.replace(month=1, day=1), today.replace(year=today.year + 1, month=1, day=1)),
    }
    if word in named:
        return named[word]
    counted = re.fullmatch(r"([1-9][0-9]{0,3})(d|mo)", word)
    if counted and counted[2] == "d" and int(counted[1]) <= MOST_DAYS:
        return today - int(counted[1]) * _DAY, today
    if counted and counted[2] == "mo" and int(counted[1]) <= MOST_MONTHS:
        return _months(month, -int(counted[1])), month
    raise BadQuery(_FIELD, f"{word!r} is no range; choose from {', '.join(WORDS)} or give [first, last] in ISO 8601")


def between(first: str, last: str, zone_name: str) -> tuple[dt.datetime, dt.datetime]:
    """The range from `first` to `last`, both ISO 8601 and both included: days (`2026-11-23`) or seconds with an
    offset (`2026-11-23T12:00:00+02:00`). In UTC. Raises BadQuery."""
    clock = zone(zone_name)
    try:
        if _is_date(first) and _is_date(last):
            begin = midnight(dt.date.fromisoformat(first), clock)
            end = midnight(dt.date.fromisoformat(last) + _DAY, clock)
        else:
            begin, end = _instant(first), _instant(last).replace(microsecond=0) + dt.timedelta(seconds=1)
    except (ValueError, OverflowError):
        message = f"{first!r} and {last!r} must both be days, or both times such as 2026-11-23T12:00:00+02:00"
        raise BadQuery(_FIELD, message) from None
    check(begin, end)
    return begin, end


def _instant(text: str) -> dt.datetime:
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return at.astimezone(dt.UTC)


def check(start: dt.datetime, end: dt.datetime) -> None:
    """Refuse ranges that mean nothing. Raises BadQuery."""
    if start.tzinfo is None or end.tzinfo is None:
        raise BadQuery(_FIELD, "the range must be given in aware datetimes")
    if start >= end:
        raise BadQuery(_FIELD, "the first instant must come before the last")
    if start < EARLIEST or end > LATEST:
        raise BadQuery(_FIELD, f"ranges lie between {EARLIEST.date()} and {LATEST.date()}")


def midnight(day: dt.date, clock: zoneinfo.ZoneInfo) -> dt.datetime:
    """The first instant of a day, in UTC; also where the clock skips midnight."""
    try:
        return dt.datetime.combine(day, dt.time(), tzinfo=clock).astimezone(dt.UTC)
    except OverflowError:
        raise BadQuery(_FIELD, f"{day} is outside of the calendar") from None


def interval_for(start: dt.datetime, end: dt.datetime) -> Interval:
    """The bucket in which a range is drawn when none was asked for."""
    length = end.astimezone(dt.UTC) - start.astimezone(dt.UTC)
    if length <= _HOUR:
        return "minute"
    if length <= 2 * _DAY:
        return "hour"
    return "day" if length <= 184 * _DAY else "month"


def offsets(zone_name: str, start: dt.datetime, end: dt.datetime) -> list[tuple[dt.datetime, dt.timedelta]]:
    """The zone's offsets from UTC in [start, end): (from this instant on, offset). Never empty; the first one holds
    from `start`."""
    clock = zone(zone_name)
    at, end = start.astimezone(dt.UTC), end.astimezone(dt.UTC)
    found = [(at, _offset(at, clock))]
    while at < end:
        step = min(at + _DAY, end)
        if _offset(step, clock) != found[-1][1]:
            step = _change(at, step, clock)
            if step < end:
                found.append((step, _offset(step, clock)))
        at = step
    return found


def _offset(at: dt.datetime, clock: zoneinfo.ZoneInfo) -> dt.timedelta:
    return at.astimezone(clock).utcoffset() or dt.timedelta()


def _change(before: dt.datetime, after: dt.datetime, clock: zoneinfo.ZoneInfo) -> dt.datetime:
    """The first whole second at which the offset is no longer that of `before`."""
    known = _offset(before, clock)
    low, high = int(before.timestamp()), -int(-after.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(dt.datetime.fromtimestamp(middle, dt.UTC), clock) == known:
            low = middle
        else:
            high = middle
    return dt.datetime.fromtimestamp(high, dt.UTC)


def buckets(interval: Interval, zone_name: str, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    """The local start of every bucket that touches [start, end), in order and without a zone.

    An hour that the clock shows twice is one bucket; one that it skips is none. Raises BadQuery when there are more
    than MOST_BUCKETS.
    """
    changes = offsets(zone_name, start, end)
    if interval in ("minute", "hour") and (end - start) / dt.timedelta(**{interval + "s": 1}) > MOST_BUCKETS:
        raise BadQuery(_FIELD, f"the range has too many buckets of a {interval}; choose larger ones")
    ends = [at for at, _ in changes[1:]] + [end.astimezone(dt.UTC)]
    found: dict[dt.datetime, None] = {}
    for (begin, offset), until in zip(changes, ends, strict=True):
        stop = (until + offset).replace(tzinfo=None)
        found |= dict.fromkeys(_walk(interval, (begin + offset).replace(tzinfo=None), stop))
    return sorted(found)


def _walk(interval: Interval, at: dt.datetime, stop: dt.datetime) -> Iterator[dt.datetime]:
    at = truncate(interval, at)
    while at < stop:
        yield at
        if interval == "month":
            at = dt.datetime.combine(_months(at.date(), 1), dt.time())
        else:
            at += dt.timedelta(**{interval + "s": 1})


def truncate(interval: Interval, at: dt.datetime) -> dt.datetime:
    """The start of the bucket that a local time lies in."""
    if interval == "minute":
        return at.replace(second=0, microsecond=0)
    if interval == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "week":
        return day - day.weekday() * _DAY
    return day.replace(day=1) if interval == "month" else day


def _months(first: dt.date, months: int) -> dt.date:
    index = first.year * 12 + first.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def _is_date(text: str) -> bool:
    return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None
