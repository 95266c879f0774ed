"""The parameters of a call as a question: a website, a range, filters, unit and page."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from analytics.dashboard.api.umami import names
from analytics.events import ENGAGEMENT, PAGEVIEW
from analytics.reports import cache, catalog, check, parse, timerange
from analytics.reports.query import All, Answer, AnyOf, BadQuery, Condition, Filter, Query
from analytics.sites.models import Site

MOST_ROWS = 10_000
_OPERATOR = re.compile(r"(eq|neq|dnc|c|nre|re|ns|s)\.(.*)", re.DOTALL)
_NAMES = {re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name): name for name in names.TYPES} | {
    name: name for name in names.TYPES
}
"""Parameters are taken in both spellings: `utmSource` and `utm_source`."""
CUSTOM = Condition("is_not", "event:name", (PAGEVIEW, ENGAGEMENT))
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

    def answer(self, metrics: tuple[str, ...], dimensions: tuple[str, ...] = (), extra: Filter | None = None) -> Answer:
        """A page of ranked rows, or totals; whole series. Raises what `cache.answer` raises."""
        parts = tuple(part for part in (self.filter, extra) if part)
        is_series = any(name.startswith("time:") for name in dimensions)
        query = Query(
            site_id=self.site.pk,
            metrics=metrics,
            start=self.start,
            end=self.end,
            zone=self.zone,
            dimensions=dimensions,
            filter=All(parts) if len(parts) > 1 else parts[0] if parts else None,
            limit=MOST_ROWS if is_series else self.limit,
            offset=0 if is_series else self.offset,
            fill=False,
        )
        return cache.answer(query, self.site.data_version, self.now)

    def before(self, compare: Compare) -> Asked:
        """The same of the range before, or of the same range a year ago."""
        if compare == "yoy":
            return replace(self, start=_year_ago(self.start), end=_year_ago(self.end))
        return replace(self, start=self.start - (self.end - self.start), end=self.start)


def read(given: Mapping[str, str], site: Site, now: dt.datetime) -> Asked:
    """What the parameters ask of a website. Raises BadQuery, naming the parameter."""
    zone = given.get("timezone") or site.timezone
    timerange.zone(zone)
    start, end = _instant(given, "start", zone), _instant(given, "end", zone) + dt.timedelta(milliseconds=1)
    timerange.check(start, end)
    unit = given.get("unit") or cast(str, timerange.interval_for(start, end))
    if unit not in names.UNITS:
        raise BadQuery("unit", f"{unit!r} is no unit; choose from {', '.join(names.UNITS)}")
    return Asked(
        site=site,
        now=now,
        start=start,
        end=end,
        zone=zone,
        unit=unit,
        filter=_filter(given, site),
        limit=number(given, "limit", 500, MOST_ROWS),
        offset=number(given, "offset", 0, 2**31),
        given=given,
    )


def dimension(given: Mapping[str, str]) -> str:
    """The catalogue's name of the `type` that is to be ranked. Raises BadQuery."""
    kind = given.get("type", "")
    if kind in names.NOT_KEPT:
        raise BadQuery("type", f"{kind} is not kept here")
    if kind not in _NAMES:
        raise BadQuery("type", f"{kind!r} is no type; choose from {', '.join(names.TYPES)}")
    return names.TYPES[_NAMES[kind]]


def compared(given: Mapping[str, str]) -> Compare:
    """With which range the numbers are to be compared. Raises BadQuery."""
    word = given.get("compare") or "prev"
    if word not in ("prev", "yoy"):
        raise BadQuery("compare", "must be prev or yoy")
    return cast(Compare, word)


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
    except ValueError:
        raise BadQuery(f"{edge}Date", "must be a date or time in ISO 8601") from None
    if edge == "end" and len(text) == len("2026-11-26"):
        found += dt.timedelta(days=1, milliseconds=-1)
    return found if found.tzinfo else found.replace(tzinfo=timerange.zone(zone))


def number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number among the parameters. Raises BadQuery."""
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise BadQuery(name, f"must be a whole number of at most {most}")
    return int(text)


def _filter(given: Mapping[str, str], site: Site) -> Filter | None:
    """All filters of the parameters, joined by `match`."""
    if asked := [name for name in names.NOT_KEPT if given.get(name)]:
        raise BadQuery(asked[0], "cannot be filtered by here")
    if (match := given.get("match") or "all") not in ("all", "any"):
        raise BadQuery("match", "must be all or any")
    parts: list[Filter] = [
        _condition(names.TYPES[known], given[name]) for name, known in _NAMES.items() if given.get(name)
    ]
    found = tuple(parts)
    joined: list[Filter] = [AnyOf(found)] if match == "any" and found else parts
    joined += _kinds(given.get("eventType", "")) + _segment(given.get("segment", ""), site)
    tree = All(tuple(joined)) if joined else None
    if tree:
        check.tree(tree)
    return tree


def _condition(name: str, text: str) -> Condition:
    operator, value = found.groups() if (found := _OPERATOR.fullmatch(text)) else ("eq", text)
    if operator in ("s", "ns"):
        return Condition("is" if operator == "ns" else "is_not", name, (catalog.NONE,))
    op = names.OPERATORS[operator]
    values = tuple(dict.fromkeys((value, *value.split(",")))) if operator in ("eq", "neq") else (value,)
    return Condition(op, name, values, case_sensitive=not operator.endswith("c"))


def _kinds(word: str) -> list[Filter]:
    if not word:
        return []
    if word not in names.EVENT_TYPES:
        raise BadQuery("eventType", "must be 1 (pageviews) or 2 (custom events)")
    return [Condition("is", "event:name", (PAGEVIEW,)) if names.EVENT_TYPES[word] == PAGEVIEW else CUSTOM]


def _segment(number: str, site: Site) -> list[Filter]:
    if not number:
        return []
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadQuery("segment", "must be the number of a segment")
    found = parse.filters([["is", "segment", [int(number)]]], site=site)
    return [found] if found else []
