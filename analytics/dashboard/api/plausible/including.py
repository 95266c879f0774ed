"""What an answer of the Stats API v2 has beside its rows: `include`, and the labels that it asks for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast, get_args

from analytics.reports import catalog, comparison, timerange
from analytics.reports.query import BadQuery, Query

_FIELD = "include"
SWITCHES = ("imports", "time_labels", "partial_time_labels", "present_index", "total_rows")
COMPARISONS = "comparisons"
_OF_TIME = ("time_labels", "partial_time_labels", "present_index")
_MODES = get_args(comparison.Kind)


@dataclass(frozen=True, slots=True)
class Include:
    imports: bool = False
    time_labels: bool = False
    partial_time_labels: bool = False
    present_index: bool = False
    total_rows: bool = False
    comparisons: dict[str, Any] | None = None
    """As it was given: mode, match_day_of_week, date_range."""


def read(given: Any) -> Include:
    """Raises BadQuery."""
    if not isinstance(given, dict) or set(given) - {*SWITCHES, COMPARISONS}:
        raise BadQuery(_FIELD, f"must be an object with {', '.join((*SWITCHES, COMPARISONS))}")
    for name in SWITCHES:
        if type(given.get(name, False)) is not bool:
            raise BadQuery(_FIELD, f"{name} must be true or false")
    compared = given.get(COMPARISONS)
    if compared is not None and not _is_comparison(compared):
        raise BadQuery(
            _FIELD,
            f"{COMPARISONS} must be an object with a mode out of {', '.join(_MODES)}, and either match_day_of_week"
            " (true or false) or, for custom, date_range: [first, last] in ISO 8601",
        )
    return Include(**given)


def _is_comparison(given: Any) -> bool:
    match given:
        case {"mode": "custom", "date_range": [str(), str()], **rest}:
            return not rest
        case {"mode": "previous_period" | "year_over_year", **rest}:
            return not set(rest) - {"match_day_of_week"} and type(rest.get("match_day_of_week", False)) is bool
    return False


def check(include: Include, query: Query) -> None:
    """Raises BadQuery when labels are asked for and there is no time to label."""
    for name in _OF_TIME:
        if getattr(include, name) and interval(query) is None:
            raise BadQuery(_FIELD, f"{name} needs a time dimension")


def other(include: Include, query: Query, now: dt.datetime) -> Query | None:
    """The question to compare with. Raises BadQuery."""
    given = include.comparisons
    if given is None:
        return None
    if given["mode"] != "custom":
        mode = comparison.Mode(given["mode"], given.get("match_day_of_week", False))
    else:
        first, last = given["date_range"]
        start, end = timerange.between(first, last, query.zone)
        mode = comparison.Mode("custom", False, start, end)
    return comparison.against(query, mode, now)


def interval(query: Query) -> timerange.Interval | None:
    """The interval of the query's time dimension."""
    found = [name for name in query.dimensions if name in catalog.BUCKETS]
    return cast(timerange.Interval, found[0].removeprefix("time:")) if found else None


def labels(include: Include, query: Query, now: dt.datetime) -> dict[str, Any]:
    """Of the buckets of the range, as rows name them: all; those that are not wholly in it, or not over; and which of
    them is now (null: none)."""
    size = interval(query)
    if size is None or not any(getattr(include, name) for name in _OF_TIME):
        return {}
    form = catalog.dimension(f"time:{size}").form
    starts = timerange.buckets(size, query.zone, query.start, query.end)
    every = [format(at, form) for at in starts]
    clock = timerange.zone(query.zone)
    first, present = (at.astimezone(clock).replace(tzinfo=None) for at in (query.start, now))
    current = timerange.truncate(size, present) if query.start <= now < query.end else None
    cut = {starts[-1]} if starts and timerange.truncate(size, _local_end(query)) == starts[-1] else set()
    partial = {at for at in starts if at < first} | ({current} if current else set()) | cut
    found: dict[str, Any] = {
        "time_labels": every,
        "partial_time_labels": [label for at, label in zip(starts, every, strict=True) if at in partial],
        "present_index": starts.index(current) if current in starts else None,
    }
    return {name: value for name, value in found.items() if getattr(include, name)}


def _local_end(query: Query) -> dt.datetime:
    """The first local time after the range: when it lies in the last bucket, that one is cut."""
    return query.end.astimezone(timerange.zone(query.zone)).replace(tzinfo=None)
