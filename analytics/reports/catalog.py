"""Every public name of a metric or dimension, what it means, and the SQL it stands for. No other module knows both.

The SQL is the part that TimescaleDB and DuckDB share. It speaks of three relations that `sql.py` composes:
`e` events (`ts` and `started` as UTC without zone), `v` visits with their facts, `x` exit pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analytics.reports import dimensions
from analytics.reports.dimensions import Dimension
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Not, Op

NONE = "(none)"
"""How a value that is not set is shown; filters accept it too."""
PROPS = dimensions.PROPS
EXIT_PAGE = dimensions.EXIT_PAGE
BUCKETS = dimensions.BUCKETS

Unit = Literal["count", "ratio", "percent", "seconds", "money"]
Beside = Literal["c", "s", "p"]
"""A relation of `beside.py` that is joined to the counts."""
Empty = Literal["zero", "share", "unknown"]
"""What a metric is where nothing happened: 0, as a part of the whole 0 when there is a whole, or not known."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    label: str
    unit: Unit
    sql: str
    """Over the aggregates that it needs."""
    events: tuple[str, ...]
    """Names of EVENT_AGGREGATES it needs."""
    visits: tuple[str, ...]
    """Names of VISIT_AGGREGATES it needs."""
    definition: str
    beside: tuple[Beside, ...] = ()
    empty: Empty = "unknown"
    """Counts are zero whatever stands here."""


PAGEVIEW = "e.name = 'pageview'"
_PING = "e.name = 'engagement'"
EVENT_AGGREGATES = {
    "visitors": ("count(DISTINCT e.visitor_id)", ("visitor_id",)),
    "pageviews": (f"count(*) FILTER (WHERE {PAGEVIEW})", ("name",)),
    "unique_pageviews": (
        f"count(DISTINCT (e.visit_id, e.path)) FILTER (WHERE {PAGEVIEW})",
        ("name", "visit_id", "path"),
    ),
    "events": (f"count(*) FILTER (WHERE NOT {_PING})", ("name",)),
    "read_ms": (f"sum(CAST(e.engagement_ms AS bigint)) FILTER (WHERE {_PING})", ("name", "engagement_ms")),
    "readers": (f"count(DISTINCT e.visitor_id) FILTER (WHERE {_PING})", ("name", "visitor_id")),
    "conversions": ("count(*) FILTER (WHERE {converted})", ()),
    "converters": ("count(DISTINCT e.visitor_id) FILTER (WHERE {converted})", ("visitor_id",)),
    "orders": ("count(*) FILTER (WHERE e.revenue IS NOT NULL)", ("revenue",)),
    "buyers": ("count(DISTINCT e.visitor_id) FILTER (WHERE e.revenue IS NOT NULL)", ("visitor_id", "revenue")),
    "earned": ("sum({amount})", ()),
    "priced": ("count({amount})", ()),
}
"""What is counted of the events in the range: SQL, and the columns it reads. `{converted}`: the event reaches a goal;
`{amount}`: its revenue in the currency asked for."""
COUNTED = "category = ''"
"""Without bots and whatever else is left out."""

VISIT_FACTS = {
    "pageviews": (f"count(*) FILTER (WHERE {PAGEVIEW})", ("name",)),
    "bounced": (
        f"count(*) FILTER (WHERE {PAGEVIEW}) < 2"
        f" AND count(*) FILTER (WHERE e.interactive AND NOT {PAGEVIEW} AND NOT {_PING}) = 0",
        ("name", "interactive"),
    ),
    "entry": ("any_value(e.entry_path)", ("entry_path",)),
    "exit": ("coalesce({last}, '')", ("name", "path", "ts", "hit_id")),
    "lasted": ("CAST(extract(epoch FROM max(e.ts) - min(e.ts)) * 1000000 AS bigint)", ("ts",)),
}
"""What is known of a visit from all of its events: SQL, and the columns it reads. `{last}`: the path of its last
pageview. `lasted` is in microseconds, so that
sums are exact."""

VISIT_AGGREGATES = {
    "visits": ("count(*)", ()),
    "bounces": ("count(*) FILTER (WHERE v.bounced)", ("bounced",)),
    "lasted": ("sum(CASE WHEN v.bounced THEN 0 ELSE v.lasted END)", ("bounced", "lasted")),
    "views": ("sum(v.pageviews)", ("pageviews",)),
    "entries": ("count(*) FILTER (WHERE {entered})", ("entry",)),
    "exits": ("count(*) FILTER (WHERE {left})", ("exit",)),
    "engaged": ("count(*) FILTER (WHERE v.lasted > 10000000 OR v.pageviews > 1)", ("lasted", "pageviews")),
    "middle": (
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN v.bounced THEN 0 ELSE v.lasted END)",
        ("bounced", "lasted"),
    ),
}
"""What is counted of the visits that started in the range: SQL, and the facts it needs. `{entered}` and `{left}`: the
visit began and ended on the page of the row, or on any page where rows are not of pages."""
_MONEY = "CAST(CAST(earned AS varchar) AS double precision)"
"""Through text, so that both engines round alike."""

_METRICS = (
    Metric(
        "visitors", "Visitors", "count", "coalesce(visitors, 0)", ("visitors",), (),
        "Distinct visitors with an event in the range. Without cookies a visitor is known for a day, so that over"
        " several days someone who comes back counts once per day.",
    ),
    Metric(
        "visits", "Visits", "count", "coalesce(visits, 0)", (), ("visits",),
        "Visits that started in the range. A visit ends after 30 minutes without an event, after 24 hours at most,"
        " and is not cut at midnight.",
    ),
    Metric(
        "pageviews", "Pageviews", "count", "coalesce(pageviews, 0)", ("pageviews",), (),
        "Events named pageview, repeats included.",
    ),
    Metric(
        "events", "Events", "count", "coalesce(events, 0)", ("events",), (),
        "All events but engagement pings.",
    ),
    Metric(
        "views_per_visit", "Views per visit", "ratio", "CAST(views AS double precision) / nullif(visits, 0)",
        (), ("views", "visits"), "Pageviews of the visits that started in the range, divided by these visits.",
    ),
    Metric(
        "bounce_rate", "Bounce rate", "percent", "100 * CAST(bounces AS double precision) / nullif(visits, 0)",
        (), ("bounces", "visits"),
        "Visits with fewer than two pageviews and no interactive custom event, divided by visits.",
    ),
    Metric(
        "visit_duration", "Visit duration", "seconds",
        "CAST(lasted AS double precision) / nullif(visits, 0) / 1000000", (), ("lasted", "visits"),
        "Mean time from the first to the last event of a visit, engagement pings included; a bounce is 0 s.",
    ),
    Metric(
        "median_visit_duration", "Median visit duration", "seconds", "middle / 1000000", (), ("middle",),
        "As the visit duration, but the middle one of all visits, in order of their duration.",
    ),
    Metric(
        "engagement_rate", "Engagement rate", "percent",
        "100 * CAST(engaged AS double precision) / nullif(visits, 0)", (), ("engaged", "visits"),
        "Visits that lasted longer than ten seconds or had two pageviews, divided by visits.",
    ),
    Metric(
        "unique_pageviews", "Unique pageviews", "count", "coalesce(unique_pageviews, 0)", ("unique_pageviews",), (),
        "Pages seen, each counted once in a visit.",
    ),
    Metric(
        "time_on_page", "Time on page", "seconds",
        "CAST(read_ms AS double precision) / nullif(readers, 0) / 1000", ("read_ms", "readers"), (),
        "Seconds that the page was in a visible tab, divided by the visitors of whom that is known.",
    ),
    Metric(
        "percentage", "Share of visitors", "percent",
        "100 * CAST(coalesce(visitors, 0) AS double precision) / nullif((SELECT t.everyone FROM t), 0)",
        ("visitors",), (), "Visitors of the row, divided by all visitors under the same filters.", empty="share",
    ),
    Metric(
        "bounces", "Bounces", "count", "coalesce(bounces, 0)", (), ("bounces",),
        "Visits with fewer than two pageviews and no interactive custom event.",
    ),
    Metric(
        "engaged_visits", "Engaged visits", "count", "coalesce(engaged, 0)", (), ("engaged",),
        "Visits that lasted longer than ten seconds or had two pageviews.",
    ),
    Metric(
        "engagement_seconds", "Engagement", "seconds",
        "CAST(coalesce(read_ms, 0) AS double precision) / 1000", ("read_ms",), (),
        "Seconds that pages were in a visible tab, of all visitors together.", empty="zero",
    ),
    Metric(
        "scroll_depth", "Scroll depth", "percent", "CAST(deepest AS double precision) / nullif(scrollers, 0)",
        ("events",), (), "The largest part of a page that a visitor reached, from 1 to 100, as the mean of the visitors"
        " of whom it is known. Where rows are not of pages: the largest of any page.", beside=("s",),
    ),
    Metric(
        "entries", "Entries", "count", "coalesce(entries, 0)", (), ("entries",),
        "Visits whose first pageview was of the page of the row; where rows are not of pages, of any.",
    ),
    Metric(
        "exits", "Exits", "count", "coalesce(exits, 0)", (), ("exits",),
        "Visits whose last pageview was of the page of the row; where rows are not of pages, of any.",
    ),
    Metric(
        "exit_rate", "Exit rate", "percent",
        "100 * CAST(coalesce(exits, 0) AS double precision) / nullif(seen, 0)", (), ("exits",),
        "Exits, divided by the pageviews of the page.", beside=("p",),
    ),
    Metric(
        "conversions", "Conversions", "count", "coalesce(conversions, 0)", ("conversions",), (),
        "Events that reach a goal: one of those asked for, or else any.",
    ),
    Metric(
        "converters", "Unique conversions", "count", "coalesce(converters, 0)", ("converters",), (),
        "Distinct visitors with an event that reaches a goal.",
    ),
    Metric(
        "conversion_rate", "Conversion rate", "percent",
        "100 * CAST(coalesce(converters, 0) AS double precision) / nullif((SELECT u.everyone FROM u), 0)",
        ("converters",), (), "Visitors who reached a goal, divided by all visitors under the same filters; conditions"
        " on goals and on properties of the event say what a conversion is, and leave all visitors as they are.",
        empty="share",
    ),
    Metric(
        "group_conversion_rate", "Conversion rate of the group", "percent",
        "100 * CAST(coalesce(converters, 0) AS double precision) / nullif(everyone, 0)", ("converters",), (),
        "As the conversion rate, but divided by the visitors of the row's group.", beside=("c",),
    ),
    Metric(
        "total_revenue", "Revenue", "money", f"coalesce({_MONEY}, 0)", ("earned",), (),
        "Sum of the orders, converted with the rate of each order's UTC day.", empty="zero",
    ),
    Metric(
        "average_revenue", "Revenue per order", "money", f"{_MONEY} / nullif(priced, 0)", ("earned", "priced"), (),
        "Revenue divided by orders.",
    ),
    Metric(
        "orders", "Orders", "count", "coalesce(orders, 0)", ("orders",), (), "Events with a revenue.",
    ),
    Metric(
        "buyers", "Buyers", "count", "coalesce(buyers, 0)", ("buyers",), (),
        "Distinct visitors with an event that has a revenue.",
    ),
)  # fmt: skip
METRICS = {metric.name: metric for metric in _METRICS}

DIMENSIONS = {dimension.name: dimension for dimension in dimensions.ALL}

OPERATORS: dict[Op, str] = {
    "is": "{column} = {value}",
    "contains": "strpos({column}, {value}) > 0",
    "matches": "regexp_matches({column}, {value}, {case})",
}
"""On text; a condition holds when it holds for one of its values. `matches` is DuckDB's alone: it has RE2, which takes
linear time, and PostgreSQL reads expressions differently."""
NEGATED: dict[Op, Op] = {"is_not": "is", "contains_not": "contains", "matches_not": "matches"}
SHOWN = "CASE WHEN {column} = '' THEN '(none)' ELSE {column} END"


def metric(name: str) -> Metric:
    """The metric of that name. Raises BadQuery with the names there are."""
    if name not in METRICS:
        raise BadQuery("metrics", f"there is no metric {name!r}; choose from {', '.join(METRICS)}")
    return METRICS[name]


def dimension(name: str, field: str = "dimensions") -> Dimension:
    """The dimension of that name; `event:props:KEY` for any key. Raises BadQuery with the names there are."""
    if name.startswith(PROPS) and len(name) > len(PROPS):
        key = name.removeprefix(PROPS)
        return Dimension(name, key, key)
    if name not in DIMENSIONS:
        raise BadQuery(field, f"there is no dimension {name!r}; choose from {', '.join(DIMENSIONS)}, {PROPS}KEY")
    return DIMENSIONS[name]


def positive(op: Op) -> Op:
    """The operator that a negated one negates; others are their own."""
    return NEGATED.get(op, op)


def dones(tree: Filter | None) -> Iterator[Done]:
    """What a filter says of whole visits."""
    match tree:
        case Done():
            yield tree
        case Not(of):
            yield from dones(of)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from dones(part)


def conditions(tree: Filter | None, *, inside: bool = True) -> Iterator[Condition]:
    """The leaves of a filter; `inside`: those of `has_done` too."""
    match tree:
        case Condition():
            yield tree
        case Not(of):
            yield from conditions(of, inside=inside)
        case Done(of):
            yield from conditions(of) if inside else ()
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions(part, inside=inside)
