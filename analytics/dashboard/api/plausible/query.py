"""Stats API v2: the body of `POST /api/v2/query` as a Query. The form is Plausible's, so that its clients work."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from analytics.reports import cache, check, parse, timerange
from analytics.reports.query import BadQuery, Query
from analytics.sites.models import Site

KEYS = ("site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination")
INCLUDES = ("imports", "time_labels", "total_rows")
MOST_ROWS = 10_000
MOST_OFFSET = 2**31


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and what else its answer is to say."""

    query: Query
    filters: list[Any]
    """As they were given."""
    include: dict[str, bool]


def site_id(body: dict[str, Any]) -> str:
    """Which site the body asks about. Raises BadQuery."""
    unknown = set(body) - set(KEYS)
    if unknown:
        raise BadQuery(min(unknown), f"is not known; a query has {', '.join(KEYS)}")
    if not isinstance(body.get("site_id"), str) or not body["site_id"]:
        raise BadQuery("site_id", "give the domain of the site")
    return cast(str, body["site_id"])


def read(body: dict[str, Any], site: Site, now: dt.datetime) -> Asked:
    """The question that the body asks of the site. Raises BadQuery, naming the field."""
    start, end = _range(body.get("date_range"), site, now)
    filters = body.get("filters", [])
    pagination = _switches(body, "pagination", ("limit", "offset"), int)
    include = _switches(body, "include", INCLUDES, bool)
    query = Query(
        site_id=site.pk,
        metrics=_names(body, "metrics"),
        start=start,
        end=end,
        zone=site.timezone,
        dimensions=tuple(
            f"time:{timerange.interval_for(start, end)}" if name == "time" else name
            for name in _names(body, "dimensions")
        ),
        filter=parse.filters(filters),
        limit=pagination.get("limit", MOST_ROWS),
        offset=pagination.get("offset", 0),
        total_rows=include.get("total_rows", False),
        fill=False,
    )
    query = _ordered(query, body.get("order_by"))
    if not (0 < query.limit <= MOST_ROWS and 0 <= query.offset <= MOST_OFFSET):
        raise BadQuery("pagination", f"limit must lie between 1 and {MOST_ROWS}, offset must not be negative")
    check.query(query)
    if include.get("time_labels") and not labelled(query):
        raise BadQuery("include", "time_labels needs a time dimension")
    return Asked(query, filters, include)


def labelled(query: Query) -> timerange.Interval | None:
    """The interval of the query's time dimension."""
    for name in query.dimensions:
        kind, _, interval = name.partition(":")
        if kind == "time" and interval in ("minute", "hour", "day", "week", "month"):
            return cast(timerange.Interval, interval)
    return None


def _range(given: Any, site: Site, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    match given:
        case "all":
            first = cache.first_day(site.pk, site.timezone, site.data_version, now)
            return timerange.resolve("all", site.timezone, now, first)
        case str(word):
            return timerange.resolve(word, site.timezone, now)
        case [str(first), str(last)]:
            return timerange.between(first, last, site.timezone)
    raise BadQuery("date_range", f"give one of {', '.join(timerange.WORDS)}, or [first, last] in ISO 8601")


def _names(body: dict[str, Any], field: str) -> tuple[str, ...]:
    given = body.get(field, [])
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise BadQuery(field, "must be a list of names")
    return tuple(given)


def _ordered(query: Query, given: Any) -> Query:
    if given is None:
        return query
    order = []
    for entry in given if isinstance(given, list) else [given]:
        match entry:
            case [str(name), "asc" | "desc" as direction]:
                order.append((name, cast(Literal["asc", "desc"], direction)))
            case _:
                raise BadQuery("order_by", 'must be a list of [metric or dimension, "asc" or "desc"]')
    return replace(query, order=tuple(order))


def _switches(body: dict[str, Any], field: str, known: tuple[str, ...], kind: type) -> dict[str, Any]:
    given = body.get(field, {})
    if not isinstance(given, dict) or set(given) - set(known):
        raise BadQuery(field, f"must be an object with {', '.join(known)}")
    for name, value in given.items():
        if type(value) is not kind:
            raise BadQuery(field, f"{name} must be {'true or false' if kind is bool else 'a whole number'}")
    return given
