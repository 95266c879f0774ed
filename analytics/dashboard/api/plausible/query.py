"""Stats API v2: the body of `POST /api/v2/query` as a Query. The form is Plausible's, so that its clients work."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from analytics.dashboard.api.plausible import including, names, ordering
from analytics.reports import cache, catalog, check, dimensions, goals, parse, timerange
from analytics.reports.query import BadQuery, Condition, Query
from analytics.sites import goals as stored
from analytics.sites.models import Site

KEYS = ("site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination")
MOST_ROWS = 10_000
MOST_IN_FILES = check.MOST_ROWS
MOST_OFFSET = 2**31


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and what else its answer is to say."""

    query: Query
    """With our names."""
    dimensions: tuple[str, ...]
    """By Plausible's names; `time` has become a bucket."""
    filters: list[Any]
    """As they were given."""
    include: including.Include
    other: Query | None = None
    """The same question of the range to compare with."""

    @property
    def order(self) -> list[list[str]]:
        """What rows are ordered by, with Plausible's names."""
        back = dict(zip(self.query.dimensions, self.dimensions, strict=True))
        return [[back.get(name, name), direction] for name, direction in ordering.of(self.query)]


def site_id(body: dict[str, Any]) -> str:
    """Which site the body asks about. Raises BadQuery."""
    unknown = set(body) - set(KEYS)
    if unknown:
        raise BadQuery(min(unknown), f"is not known; a query has {', '.join(KEYS)}")
    if not isinstance(body.get("site_id"), str) or not body["site_id"]:
        raise BadQuery("site_id", "give the domain of the site")
    return cast(str, body["site_id"])


def read(body: dict[str, Any], site: Site, now: dt.datetime, most: int = MOST_ROWS) -> Asked:
    """The question that the body asks of the site, of so many rows at most. Raises BadQuery, naming the field."""
    start, end = date_range(body.get("date_range"), site, now)
    filters = body.get("filters", [])
    pagination = body.get("pagination", {})
    include = including.read(body.get("include", {}))
    given = tuple(
        f"time:{timerange.interval_for(start, end)}" if name == "time" else name for name in _names(body, "dimensions")
    )
    query = Query(
        site_id=site.pk,
        metrics=_names(body, "metrics"),
        start=start,
        end=end,
        zone=site.timezone,
        dimensions=tuple(map(names.ours, given)),
        filter=parse.filters(names.filters(filters), site=site),
        total_rows=include.total_rows,
        fill=False,
    )
    query = _ordered(_paged(query, pagination, most), body.get("order_by"))
    query = with_goals(query, site)
    check.query(query)
    including.check(include, query)
    other = including.other(include, query, now)
    return Asked(query, given, filters, include, other)


def with_goals(query: Query, site: Site) -> Query:
    """The query with the goals of the site and the currency of its revenue, if it speaks of any: that of the goals it
    names when they have one in common, else the site's."""
    leaves = [leaf for leaf in catalog.conditions(query.filter) if leaf.dimension == dimensions.GOAL]
    if leaves or goals.are_asked(query):
        query = replace(query, goals=goals.of(site))
    if any(catalog.metric(name).unit == "money" for name in query.metrics):
        query = replace(query, currency=_currency(leaves, site))
    return query


def _currency(leaves: list[Condition], site: Site) -> str:
    wanted = {name for leaf in leaves for name in leaf.values}
    found = {goal.currency for goal in stored.listed(site) if goal.name in wanted and goal.currency}
    return found.pop() if len(found) == 1 else site.currency


def date_range(given: Any, site: Site, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """First instant of the range and first instant after it. Raises BadQuery."""
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
                order.append((names.ours(name), cast(Literal["asc", "desc"], direction)))
            case _:
                raise BadQuery("order_by", 'must be a list of [metric or dimension, "asc" or "desc"]')
    return replace(query, order=tuple(order))


def _paged(query: Query, given: Any, most: int) -> Query:
    if not isinstance(given, dict) or set(given) - {"limit", "offset"}:
        raise BadQuery("pagination", "must be an object with limit, offset")
    for name, value in given.items():
        if type(value) is not int:
            raise BadQuery("pagination", f"{name} must be a whole number")
    limit, offset = given.get("limit", MOST_ROWS), given.get("offset", 0)
    if not (0 < limit <= most and 0 <= offset <= MOST_OFFSET):
        raise BadQuery("pagination", f"limit must lie between 1 and {most}, offset must not be negative")
    return replace(query, limit=limit, offset=offset)
