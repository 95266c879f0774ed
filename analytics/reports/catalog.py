"""Every public name of a metric or dimension, what it means, and the SQL it stands for. No other module knows both.

The SQL is the part that TimescaleDB and DuckDB share. It speaks of three relations that `sql.py` composes:
`e` events (`ts` and `started` as UTC without zone), `v` visits with their facts, `x` exit pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Not, Op

NONE = "(none)"
"""How a value that is not set is shown; filters accept it too."""
PROPS = "event:props:"
EXIT_PAGE = "visit:exit_page"

Unit = Literal["count", "ratio", "percent", "seconds"]


@dataclass(frozen=True, slots=True)
class Dimension:
    name: str
    column: str
    """Of the table `event`; for `time:*` the SQL over `{local}`, for `event:props:*` the key."""
    label: str
    text: str = "{sql}"
    """`time:*` only: its text in SQL, for filters."""
    form: str = ""
    """`time:*` only: its text in Python, by `format()`."""

    @property
    def scope(self) -> str:
        """`event`, `visit` or `time`."""
        return self.name.partition(":")[0]

    @property
    def is_bucket(self) -> bool:
        """A stretch of the calendar, such as a day; the buckets of a range can be listed."""
        return self.name in BUCKETS


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


_PAGEVIEW = "e.name = 'pageview'"
_PING = "e.name = 'engagement'"
EVENT_AGGREGATES = {
    "visitors": ("count(DISTINCT e.visitor_id)", ("visitor_id",)),
    "pageviews": (f"count(*) FILTER (WHERE {_PAGEVIEW})", ("name",)),
    "unique_pageviews": (
        f"count(DISTINCT (e.visit_id, e.path)) FILTER (WHERE {_PAGEVIEW})",
        ("name", "visit_id", "path"),
    ),
    "events": (f"count(*) FILTER (WHERE NOT {_PING})", ("name",)),
    "read_ms": (f"sum(CAST(e.engagement_ms AS bigint)) FILTER (WHERE {_PING})", ("name", "engagement_ms")),
    "readers": (f"count(DISTINCT e.visitor_id) FILTER (WHERE {_PING})", ("name", "visitor_id")),
}
"""What is counted of the events in the range: SQL, and the columns it reads."""
COUNTED = "category = ''"
"""Without bots and whatever else is left out."""

VISIT_FACTS = {
    "pageviews": (f"count(*) FILTER (WHERE {_PAGEVIEW})", ("name",)),
    "bounced": (
        f"count(*) FILTER (WHERE {_PAGEVIEW}) < 2"
        f" AND count(*) FILTER (WHERE e.interactive AND NOT {_PAGEVIEW} AND NOT {_PING}) = 0",
        ("name", "interactive"),
    ),
    "lasted": ("CAST(extract(epoch FROM max(e.ts) - min(e.ts)) * 1000000 AS bigint)", ("ts",)),
}
"""What is known of a visit from all of its events: SQL, and the columns it reads. `lasted` is in microseconds, so that
sums are exact."""

VISIT_AGGREGATES = {
    "visits": ("count(*)", ()),
    "bounces": ("count(*) FILTER (WHERE v.bounced)", ("bounced",)),
    "lasted": ("sum(CASE WHEN v.bounced THEN 0 ELSE v.lasted END)", ("bounced", "lasted")),
    "views": ("sum(v.pageviews)", ("pageviews",)),
    "engaged": ("count(*) FILTER (WHERE v.lasted > 10000000 OR v.pageviews > 1)", ("lasted", "pageviews")),
    "middle": (
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN v.bounced THEN 0 ELSE v.lasted END)",
        ("bounced", "lasted"),
    ),
}
"""What is counted of the visits that started in the range: SQL, and the facts it needs."""

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
        ("visitors",), (), "Visitors of the row, divided by all visitors under the same filters.",
    ),
)  # fmt: skip
METRICS = {metric.name: metric for metric in _METRICS}

_STORED = (
    Dimension("event:name", "name", "Event"),
    Dimension("event:page", "path", "Page"),
    Dimension("event:hostname", "host", "Hostname"),
    Dimension("event:page_title", "title", "Page title"),
    Dimension("event:category", "category", "Left out as"),
    Dimension("visit:entry_page", "entry_path", "Entry page"),
    Dimension("visit:source", "source", "Source"),
    Dimension("visit:medium", "medium", "Medium"),
    Dimension("visit:referrer", "referrer", "Referrer"),
    Dimension("visit:channel", "channel", "Channel"),
    Dimension("visit:utm_source", "utm_source", "UTM source"),
    Dimension("visit:utm_medium", "utm_medium", "UTM medium"),
    Dimension("visit:utm_campaign", "utm_campaign", "UTM campaign"),
    Dimension("visit:utm_content", "utm_content", "UTM content"),
    Dimension("visit:utm_term", "utm_term", "UTM term"),
    Dimension("visit:device", "device", "Device"),
    Dimension("visit:browser", "browser", "Browser"),
    Dimension("visit:browser_version", "browser_version", "Browser version"),
    Dimension("visit:os", "os", "Operating system"),
    Dimension("visit:os_version", "os_version", "Operating system version"),
    Dimension("visit:screen", "screen", "Screen"),
    Dimension("visit:language", "language", "Language"),
    Dimension("visit:country", "country", "Country"),
    Dimension("visit:region", "region", "Region"),
    Dimension("visit:city", "city", "City"),
)
_DAY = "CAST(date_trunc('{unit}', {{local}}) AS date)"
_CLOCK = "date_trunc('{unit}', {{local}})"
_TIME = (
    Dimension("time:minute", _CLOCK.format(unit="minute"), "Minute", form="%Y-%m-%d %H:%M:%S"),
    Dimension("time:hour", _CLOCK.format(unit="hour"), "Hour", form="%Y-%m-%d %H:%M:%S"),
    Dimension("time:day", _DAY.format(unit="day"), "Day", form="%Y-%m-%d"),
    Dimension("time:week", _DAY.format(unit="week"), "Week", form="%Y-%m-%d"),
    Dimension("time:month", _DAY.format(unit="month"), "Month", form="%Y-%m-%d"),
    Dimension("time:weekday", "CAST(extract(isodow FROM {local}) AS integer)", "Weekday", form="d"),
    Dimension(
        "time:hour_of_day", "CAST(extract(hour FROM {local}) AS integer)", "Hour of day",
        text="lpad({sql}, 2, '0')", form="02d",
    ),
)  # fmt: skip
BUCKETS = frozenset({"time:minute", "time:hour", "time:day", "time:week", "time:month"})
_EXIT = Dimension(EXIT_PAGE, "", "Exit page")
DIMENSIONS = {dimension.name: dimension for dimension in (*_STORED, _EXIT, *_TIME)}

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


def needs_duckdb(tree: Filter | None) -> bool:
    """Whether a filter has an operator that TimescaleDB does not have."""
    return any(NEGATED.get(leaf.op, leaf.op) == "matches" for leaf in conditions(tree))


def conditions(tree: Filter | None) -> Iterator[Condition]:
    """The leaves of a filter."""
    match tree:
        case Condition():
            yield tree
        case Not() | Done():
            yield from conditions(tree.of)
        case All() | AnyOf():
            for part in tree.of:
                yield from conditions(part)
