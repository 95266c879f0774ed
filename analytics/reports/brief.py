"""Questions about whole visits, answered from their stretches (`analytics/lake/stretches.py`) instead of their events.

It is the same answer from a third of the rows. A visit of which all is known in one day's file is read as it is; the
others (over midnight, or with events that no file of stretches has yet) are put together, as `sql.py` does with all.

    e  stretches read    a  counts, by the dimensions
    o  open visits       v  visits with facts          b  counts of visits, by the dimensions
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from analytics.lake import stretches
from analytics.reports import catalog, sql, timerange
from analytics.reports.fragments import DUCKDB, Fragments
from analytics.reports.query import All, AnyOf, Condition, Filter, Not, Query
from analytics.store import db

_SHAPES = db.statements(__file__)

AGGREGATES = {
    "visitors": ("count(DISTINCT e.visitor_id)", ("visitor_id",)),
    "pageviews": ("sum(e.pageviews)", ("pageviews",)),
    "events": ("sum(e.events)", ("events",)),
    "read_ms": ("sum(e.read_ms)", ("read_ms",)),
    "readers": ("count(DISTINCT e.visitor_id) FILTER (WHERE e.pings > 0)", ("visitor_id", "pings")),
}
"""Those of catalog.EVENT_AGGREGATES that stretches know: SQL, and the columns it reads."""
FACTS = {
    "pageviews": ("e.visit_pageviews", "sum(e.pageviews)", ("visit_pageviews", "pageviews")),
    "bounced": (
        "e.visit_bounced",
        "sum(e.pageviews) < 2 AND sum(e.interactions) = 0",
        ("visit_bounced", "pageviews", "interactions"),
    ),
    "lasted": ("e.visit_us", "epoch_us(max(e.last_at)) - epoch_us(min(e.ts))", ("visit_us", "last_at", "ts")),
}
"""Those of catalog.VISIT_FACTS: SQL of a whole visit, SQL of one put together, and the columns they read."""

OF_EVENT = {
    "last_at": ("ts", ("ts",)),
    "pageviews": ("CAST(name = 'pageview' AS integer)", ("name",)),
    "events": ("CAST(name <> 'engagement' AS integer)", ("name",)),
    "interactions": (
        "CAST(interactive AND name NOT IN ('pageview', 'engagement') AS integer)",
        ("name", "interactive"),
    ),
    "pings": ("CAST(name = 'engagement' AS integer)", ("name",)),
    "read_ms": ("CASE WHEN name = 'engagement' THEN engagement_ms ELSE 0 END", ("name", "engagement_ms")),
    "open": ("TRUE", ()),
    "head": ("FALSE", ()),
    "visit_pageviews": ("CAST(NULL AS integer)", ()),
    "visit_bounced": ("CAST(NULL AS boolean)", ()),
    "visit_us": ("CAST(NULL AS bigint)", ()),
}
"""A single event as a stretch: SQL of those columns that are not the event's own, and what they read."""


def fits(query: Query) -> bool:
    """Whether stretches know all that a question asks for."""
    metrics = [catalog.metric(name) for name in query.metrics]
    facts = {fact for metric in metrics for part in metric.visits for fact in catalog.VISIT_AGGREGATES[part][1]}
    return (
        not query.with_bots
        and not any(metric.beside for metric in metrics)
        and all(part in AGGREGATES for metric in metrics for part in metric.events)
        and facts <= FACTS.keys()
        and all(_is_known(name) for name in query.dimensions)
        and (query.filter is None or _knows(query.filter))
        and (not _names_time(query) or _has_whole_quarters(query))
    )


def exact_days(query: Query) -> frozenset[dt.date]:
    """The days (UTC) of which events must be read: those in which the range begins or ends within a quarter."""
    return frozenset(
        at.astimezone(dt.UTC).date()
        for at in (query.start, query.end)
        if at.timestamp() % stretches.QUARTER.total_seconds()
    )


def compose(query: Query, *, paged: bool = True) -> sql.Statement:
    """The statement for a query that fits, over the relation `stretch`. Its rows are those of `sql.compose`."""
    low, high = sql.window(query)
    write, needed = Fragments(query, DUCKDB, low, high), sql.needs(query)
    relations = {}
    if any("t.everyone" in catalog.metric(name).sql for name in query.metrics):
        relations["t"] = _counted(write, ("visitors",), "t")
    if needed.events:
        relations["a"] = _counted(write, needed.events, "a")
    if needed.visits:
        relations |= _visits(write, needed.visits)
    columns = ", ".join(write.read.values()) or "site_id"
    placeholders = {"site": write.value(query.site_id), "low": write.value(low), "high": write.value(high)}
    write.raw |= {"site_id", "ts"}
    framed = sql.framed(write, {"e": _SHAPES["e"].format(columns=columns, **placeholders), **relations}, paged=paged)
    read = sorted(write.raw | {"ruleset"})
    return replace(
        framed,
        columns=frozenset({"category"}.union(*(OF_EVENT.get(name, (name, (name,)))[1] for name in read))),
        stretches=tuple((name, OF_EVENT.get(name, (name, ()))[0]) for name in read),
    )


def _counted(write: Fragments, parts: tuple[str, ...], shape: str) -> str:
    for column in {column for part in parts for column in AGGREGATES[part][1]}:
        write.plain(column)
    return sql.counted(write, [f"{AGGREGATES[part][0]} AS {part}" for part in parts], shape, "e")


def _visits(write: Fragments, parts: tuple[str, ...]) -> dict[str, str]:
    query, started, visit = write.query, write.started(), write.plain("visit_id")
    write.plain("open"), write.plain("head")
    facts = sorted({fact for part in parts for fact in catalog.VISIT_AGGREGATES[part][1]})
    for column in {column for fact in facts for column in FACTS[fact][2]}:
        write.stored(column)
    v = _SHAPES["v"].format(
        whole=", ".join([visit, *write.keys(started), *(f"{FACTS[fact][0]} AS {fact}" for fact in facts)]),
        joined=", ".join(
            [visit, *write.keys(started, per_visit=True), *(f"{FACTS[fact][1]} AS {fact}" for fact in facts)]
        ),
        low=write.instant(query.start),
        high=write.instant(query.end),
        matching=write.matching(started),
    )
    return {"o": _SHAPES["o"], "v": v, "b": sql.of_visits(query, parts, "v")}


def _is_known(name: str) -> bool:
    dimension = catalog.dimension(name)
    if dimension.scope == "time":
        return name != "time:minute"
    return dimension.scope == "visit" and dimension.column in stretches.ATTRIBUTES


def _knows(tree: Filter) -> bool:
    match tree:
        case Condition():
            return _is_known(tree.dimension)
        case Not():
            return _knows(tree.of)
        case All() | AnyOf():
            return all(map(_knows, tree.of))
        case _:
            return False


def _names_time(query: Query) -> bool:
    names = (*query.dimensions, *(leaf.dimension for leaf in catalog.conditions(query.filter)))
    return any(name.startswith("time:") for name in names)


def _has_whole_quarters(query: Query) -> bool:
    """Whether the zone's days and hours begin at quarters of an hour (UTC); a hundred years ago not all did."""
    quarter = stretches.QUARTER.total_seconds()
    low, high = sql.window(query)
    _, *changes = timerange.offsets(query.zone, low, high)
    offsets = timerange.offsets(query.zone, low, high)
    return not any(offset.total_seconds() % quarter for _, offset in offsets) and not any(
        at.timestamp() % quarter for at, _ in changes
    )
