"""The body of runFunnelReport as funnels: its steps, ranges, breakdown and next action."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analytics.dashboard.api.ga4 import filters, names, ranges, values
from analytics.dashboard.api.ga4.names import Dimension
from analytics.dashboard.api.ga4.ranges import Range
from analytics.dashboard.api.ga4.values import Body
from analytics.reports import funnel, goals
from analytics.reports.funnel import Funnel, Step
from analytics.reports.query import BadQuery, Filter, Query
from analytics.sites.models import Site

MOST_GROUPS = 15
MOST_NEXT = 5
USUAL = 5
MOST_ROWS = 250_000
_KEYS = (
    "property", "dateRanges", "funnel", "funnelBreakdown", "funnelNextAction", "funnelVisualizationType", "limit",
    "dimensionFilter", "returnPropertyQuota", "segments",
)  # fmt: skip
_TYPES = {1: "STANDARD_FUNNEL", 2: "TRENDED_FUNNEL"}
_TESTS = ("stringFilter", "inListFilter", "numericFilter", "betweenFilter")
_PARAMETERS = {
    "page_title": "pageTitle", "percent_scrolled": "percentScrolled", "transaction_id": "transactionId",
    "language": "languageCode", "screen_resolution": "screenResolution",
}  # fmt: skip
"""Parameters that are kept otherwise than as properties of their name."""
_ELSEWHERE = {"page_location": "pagePath or fullPageUrl", "page_referrer": "pageReferrer"}
"""Parameters of which a dimension says a part: no filter on the whole can be answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    site: Site
    now: dt.datetime
    ranges: tuple[Range, ...]
    titles: tuple[str, ...]
    """What each step is called in the answer."""
    steps: tuple[Step, ...]
    is_open: bool
    filter: Filter | None
    breakdown: Dimension | None
    most_groups: int
    following: Dimension | None
    """Of the next action."""
    most_following: int
    by_day: bool
    limit: int
    quota: bool

    @property
    def state(self) -> tuple[int, dt.datetime]:
        """Of history, and of the clock."""
        return self.site.data_version, self.now

    def funnel(self, span: Range, parts: tuple[str, ...] = (), limit: int = 1) -> Funnel:
        query = Query(
            site_id=self.site.pk,
            metrics=("visitors",),
            start=span.start,
            end=span.end,
            zone=self.site.timezone,
            dimensions=parts,
            filter=self.filter,
            limit=limit,
            fill=False,
            goals=goals.of(self.site),
        )
        return Funnel(query, self.steps, self.is_open)


def read(body: Any, site: Site, now: dt.datetime) -> Asked:
    """The funnels that the body asks for. Raises BadQuery."""
    given: Body = values.known(values.camel(body), "request", _KEYS)
    if given.get("segments"):
        raise BadQuery("segments", "cannot be answered; use a dimensionFilter, and ask one report for each")
    spans = ranges.read(given, site.timezone, now)
    span = min(one.start for one in spans), max(one.end for one in spans), site.timezone
    shape = values.known(given.get("funnel"), "funnel", ("isOpenFunnel", "steps"))
    listed = values.items(shape, "steps", funnel.MOST_STEPS)
    if not listed:
        raise BadQuery("funnel.steps", f"give one to {funnel.MOST_STEPS}")
    steps = [_step(one, f"funnel.steps[{index}]", span) for index, one in enumerate(listed)]
    breakdown, most_groups = _side(given, ("funnelBreakdown", "breakdownDimension"), MOST_GROUPS)
    following, most_following = _side(given, ("funnelNextAction", "nextActionDimension"), MOST_NEXT)
    by_day = values.enum(given, "funnelVisualizationType", "request", _TYPES) == "TRENDED_FUNNEL"
    if following and (len(following.parts) > 1 or not following.parts[0].startswith("event:")):
        raise BadQuery("funnelNextAction", f"{following.name} is not of single events; ask for eventName or pagePath")
    if following and by_day:
        raise BadQuery("funnelNextAction", "has no TRENDED_FUNNEL; ask for them one after the other")
    return Asked(
        site=site,
        now=now,
        ranges=spans,
        titles=tuple(f"{index}. {name}" for index, (name, _) in enumerate(steps, 1)),
        steps=tuple(step for _, step in steps),
        is_open=values.flag(shape, "isOpenFunnel"),
        filter=filters.dimensions(given.get("dimensionFilter"), span),
        breakdown=breakdown,
        most_groups=most_groups,
        following=following,
        most_following=most_following,
        by_day=by_day,
        quota=values.flag(given, "returnPropertyQuota"),
        limit=values.number(given, "limit", MOST_ROWS, MOST_ROWS, cut=True) or MOST_ROWS,
    )


def _side(given: Body, keys: tuple[str, str], most: int) -> tuple[Dimension | None, int]:
    """A breakdown or a next action: its dimension, and how many values are wanted."""
    key, inner = keys
    if not given.get(key):
        return None, USUAL
    body = values.known(given[key], key, (inner, "limit"))
    name = values.text(values.known(body.get(inner), f"{key}.{inner}", ("name",)), "name", f"{key}.{inner}")
    dimension = names.dimension(name, f"{key}.{inner}")
    if not dimension.parts or dimension == names.MINUTES_AGO:
        raise BadQuery(f"{key}.{inner}", f"{name} tells no visitors of a report apart; choose another")
    limit = values.number(body, "limit", USUAL, most)
    if limit == 0:
        raise BadQuery(f"{key}.limit", f"must lie between 1 and {most}")
    return dimension, limit


def _step(given: Any, field: str, span: filters.Span) -> tuple[str, Step]:
    keys = ("name", "isDirectlyFollowedBy", "withinDurationFromPriorStep", "filterExpression")
    one = values.known(given, field, keys)
    if not one.get("filterExpression"):
        raise BadQuery(f"{field}.filterExpression", "must say which events take the step")
    rewritten = _expression(one["filterExpression"], f"{field}.filterExpression", _event_leaf)
    tree = filters.dimensions(rewritten, span, f"{field}.filterExpression")
    assert tree is not None
    within = _duration(values.text(one, "withinDurationFromPriorStep", field), f"{field}.withinDurationFromPriorStep")
    return values.text(one, "name", field), Step(tree, values.flag(one, "isDirectlyFollowedBy"), within)


def _duration(text: str, field: str) -> dt.timedelta | None:
    """A protobuf duration, such as `5s` or `0.250s`."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?s", text, re.ASCII)
    if found is None:
        raise BadQuery(field, f"{text[:100]!r} is no duration; write seconds such as 300s")
    return dt.timedelta(seconds=int(found[1]), microseconds=int((found[2] or "").ljust(6, "0")[:6]))


_Leaf = Callable[[str, Any, str], Any]


def _expression(given: Any, field: str, leaf: _Leaf, depth: int = 1) -> Any:
    """A funnel's filter as a FilterExpression of a report. Raises BadQuery."""
    if not isinstance(given, dict) or len(given) != 1 or depth > filters.MOST_DEPTH:
        raise BadQuery(field, f"must have one part, and at most {filters.MOST_DEPTH} inside of each other")
    ((kind, value),) = given.items()
    if kind in ("andGroup", "orGroup"):
        listed = values.items(values.known(value, f"{field}.{kind}", ("expressions",)), "expressions", 100)
        return {kind: {"expressions": [_expression(one, f"{field}.{kind}", leaf, depth + 1) for one in listed]}}
    if kind == "notExpression":
        return {kind: _expression(value, f"{field}.{kind}", leaf, depth + 1)}
    return leaf(kind, value, f"{field}.{kind}")


def _event_leaf(kind: str, given: Any, field: str) -> Any:
    if kind == "funnelFieldFilter":
        return {"filter": values.known(given, field, ("fieldName", *_TESTS))}
    if kind != "funnelEventFilter":
        raise BadQuery(field, "is not known; there may be andGroup, orGroup, notExpression, funnelFieldFilter,"
                       " funnelEventFilter")  # fmt: skip
    event = values.known(given, field, ("eventName", "funnelParameterFilterExpression"))
    name = values.text(event, "eventName", field)
    if not name:
        raise BadQuery(f"{field}.eventName", "must name an event")
    of_name = {"filter": {"fieldName": "eventName", "stringFilter": {"value": name, "caseSensitive": True}}}
    inner = event.get("funnelParameterFilterExpression")
    if not inner:
        return of_name
    parameters = _expression(inner, f"{field}.funnelParameterFilterExpression", _parameter_leaf)
    return {"andGroup": {"expressions": [of_name, parameters]}}


def _parameter_leaf(kind: str, given: Any, field: str) -> Any:
    if kind != "funnelParameterFilter":
        raise BadQuery(field, "is not known; there may be andGroup, orGroup, notExpression, funnelParameterFilter")
    one = values.known(given, field, ("eventParameterName", "itemParameterName", *_TESTS))
    if "itemParameterName" in one:
        raise BadQuery(f"{field}.itemParameterName", "items of orders are not kept; use an eventParameterName")
    name = values.text(one, "eventParameterName", field)
    if not name or name in _ELSEWHERE:
        use = _ELSEWHERE.get(name, "an eventParameterName")
        raise BadQuery(f"{field}.eventParameterName", f"{name!r} cannot be filtered; use {use}")
    test = {key: one[key] for key in one if key != "eventParameterName"}
    return {"filter": {"fieldName": _PARAMETERS.get(name, names.CUSTOM + name)} | test}
