"""A Query becomes one text that TimescaleDB and DuckDB both run; only the columns that a Dialect names are read
differently. The text is put together from `sql.sql` and the catalogue; what came from outside is a parameter.

    e  events read          a  counts of events, by the dimensions
    v  visits with facts    b  counts of visits, by the dimensions
    x  exit pages           w  which visit has which values, when a dimension or filter belongs to events
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.reports import beside, catalog, currency, goals
from analytics.reports.currency import Rates
from analytics.reports.fragments import LONGEST_IDLE, LONGEST_VISIT, Dialect, Fragments
from analytics.reports.query import Condition, Query
from analytics.store import db

_SHAPES = db.statements(__file__)


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    parameters: tuple[Any, ...]
    columns: frozenset[str]
    """Columns of `event` that it reads."""
    stretches: tuple[tuple[str, str], ...] = ()
    """Columns of `stretch`, if it reads that: name, and SQL of the same over one event."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine gives."""

    rows: Sequence[Sequence[Any]]
    """The statement's."""
    rulesets: tuple[int, ...]
    """Versions of the events in the range."""
    rows_read: int
    """As in an Answer."""
    files_read: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What a query needs to be read."""

    events: tuple[str, ...]
    """Names of EVENT_AGGREGATES."""
    visits: tuple[str, ...]
    """Names of VISIT_AGGREGATES."""
    exits: bool
    """The exit page is grouped by or filtered on."""
    by_event: bool
    """A dimension or filter is of events: a visit can have several values of it."""


def needs(query: Query) -> Needs:
    """What a query needs. Raises BadQuery for unknown names."""
    metrics = [catalog.metric(name) for name in query.metrics]
    tests = goals.tests(query)
    return Needs(
        events=tuple(sorted({part for metric in metrics for part in metric.events})),
        visits=tuple(sorted({part for metric in metrics for part in metric.visits})),
        exits=catalog.EXIT_PAGE in {*query.dimensions, *_names_in(goals.leaves(tests))},
        by_event=any(name.startswith("event:") for name in (*query.dimensions, *_names_in(goals.own_leaves(tests)))),
    )


def _names_in(leaves: Iterable[Condition]) -> set[str]:
    return {leaf.dimension for leaf in leaves}


def window(query: Query) -> tuple[dt.datetime, dt.datetime]:
    """The events that must be read. Of a visit all are needed, also those outside of the range; and the exit page is
    asked of every visit that has an event in the range."""
    needed, start, end = needs(query), query.start.astimezone(dt.UTC), query.end.astimezone(dt.UTC)
    if needed.exits:
        around = LONGEST_VISIT + LONGEST_IDLE
        return start - around, end + around
    if needed.visits:
        return start - LONGEST_IDLE, end + LONGEST_VISIT
    return start, end


def compose(query: Query, dialect: Dialect, *, paged: bool = True, rates: Rates = currency.NONE) -> Statement:
    """The statement for a query that `check.query` has passed. Its rows: dimensions, metrics, total rows.

    `paged=False`: all rows, whatever limit and offset say.
    """
    low, high = window(query)
    write, needed = Fragments(query, dialect, low, high), needs(query)
    relations = {}
    if needed.exits:
        relations["x"] = _exits(write)
    relations |= beside.before(write, needed.exits, rates)
    if any("t.everyone" in catalog.metric(name).sql for name in query.metrics):
        relations["t"] = _of_events(write, needed, "t")
    if needed.events:
        relations["a"] = _of_events(write, needed, "a")
    if needed.visits:
        relations |= _of_visits(write, needed)
    relations |= beside.after(write, needed.exits)
    return framed(write, {"e": events(write), **relations}, paged=paged)


def framed(write: Fragments, relations: dict[str, str], *, paged: bool) -> Statement:
    """The whole statement: `e`, what is derived of it, and the rows of the answer in order."""
    query = write.query
    events, *others = (relations | beside.kept(write)).items()
    answer = _SHAPES["answer"].format(
        relations=", ".join(["{} AS NOT MATERIALIZED ({})".format(*events), *map(_with, others)]),
        columns=", ".join(_columns(query)),
        sides=_sides(query, needs(query)),
        order=_order(query),
        page=f" LIMIT {write.value(query.limit)} OFFSET {write.value(query.offset)}" if paged else "",
    )
    return Statement(answer, tuple(write.parameters), frozenset(write.raw))


def _with(relation: tuple[str, str]) -> str:
    return "{} AS ({})".format(*relation)


def events(write: Fragments) -> str:
    """Relation `e`: what has been written so far reads of it."""
    counted = f" AND {catalog.COUNTED}" if not write.query.with_bots else ""
    write.raw |= {"site_id", "ts"} | ({"category"} if counted else set())
    return _SHAPES["e"].format(
        columns=", ".join(write.read.values()) or "site_id",
        site=write.value(write.query.site_id),
        low=write.value(write.low),
        high=write.value(write.high),
        counted=counted,
    )


def _exits(write: Fragments) -> str:
    for name in ("visit_id", "path", "name", "hit_id"):
        write.plain(name)
    write.ts(), write.started()
    low, high = write.query.start - LONGEST_VISIT, write.query.end + LONGEST_IDLE
    return _SHAPES["x"].format(
        last=write.dialect.last.format(filter=""), low=write.instant(low), high=write.instant(high)
    )


def _of_events(write: Fragments, needed: Needs, shape: str) -> str:
    aggregates = {part: catalog.EVENT_AGGREGATES[part] for part in (needed.events if shape == "a" else ("visitors",))}
    for column in {column for _, columns in aggregates.values() for column in columns}:
        write.plain(column)
    counts = [f"{beside.events_sql(write, counted)} AS {part}" for part, (counted, _) in aggregates.items()]
    read = beside.source(write, needed.exits)
    if shape == "a" and beside.is_priced(write.query):
        read = beside.with_rates(write, read)
    return counted(write, counts, shape, read)


def counted(write: Fragments, counts: list[str], shape: str, read: str) -> str:
    """Relation `a` or `t`: counts of what `read` gives of the range, by the dimensions."""
    query, ts = write.query, write.ts()
    matching = {"read": read, "matching": write.matching(ts)} if shape == "t" else beside.of_rows(write, read, ts)
    return _SHAPES[shape].format(
        columns=", ".join([*write.keys(ts), *counts]),
        **matching,
        low=write.instant(query.start),
        high=write.instant(query.end),
        grouped=_grouped(query),
    )


def _of_visits(write: Fragments, needed: Needs) -> dict[str, str]:
    """Relations v, w and b. With dimensions of visits alone a visit is one row of v and has its keys; otherwise w says
    which values its events have."""
    query, started, visit = write.query, write.started(), write.plain("visit_id")
    facts = sorted({fact for part in needed.visits for fact in catalog.VISIT_AGGREGATES[part][1]})
    last = write.dialect.last.format(filter=f" FILTER (WHERE {catalog.PAGEVIEW})")
    known = [f"{catalog.VISIT_FACTS[fact][0].replace('{last}', last)} AS {fact}" for fact in facts]
    for column in {column for fact in facts for column in catalog.VISIT_FACTS[fact][1]}:
        write.stored(column)
    own_keys = [] if needed.by_event else write.keys(started, per_visit=True)
    limits = {"low": write.instant(query.start), "high": write.instant(query.end)}
    matching = beside.of_rows(write, beside.source(write, needed.exits), started)
    everything = {"read": "e", "matching": ""}
    v = _SHAPES["v"].format(
        columns=", ".join([f"{visit} AS visit_id", *own_keys, *known]),
        **(everything if needed.by_event else matching),
        **limits,
    )
    if not needed.by_event:
        return {"v": v, "b": of_visits(query, needed.visits, "v")}
    w = _SHAPES["w"].format(columns=", ".join([f"{visit} AS visit_id", *write.keys(started)]), **matching, **limits)
    if not known:
        return {"w": w, "b": of_visits(query, needed.visits, "w")}
    return {"v": v, "w": w, "b": of_visits(query, needed.visits, "w JOIN v ON v.visit_id = w.visit_id")}


def of_visits(query: Query, parts: tuple[str, ...], visits: str) -> str:
    """Relation `b`: counts of visits, by the dimensions."""
    counts = [f"{beside.visits_sql(query, catalog.VISIT_AGGREGATES[part][0])} AS {part}" for part in parts]
    return _SHAPES["b"].format(columns=", ".join([*_names(query), *counts]), visits=visits, grouped=_grouped(query))


def _names(query: Query) -> list[str]:
    return [f"d{index}" for index in range(len(query.dimensions))]


def _grouped(query: Query) -> str:
    return f" GROUP BY {', '.join(_names(query))}" if query.dimensions else ""


def _columns(query: Query) -> list[str]:
    metrics = [f"{catalog.metric(name).sql} AS m{index}" for index, name in enumerate(query.metrics)]
    return [*_names(query), *metrics, "count(*) OVER () AS total" if query.total_rows else "0 AS total"]


def _sides(query: Query, needed: Needs) -> str:
    joined = beside.joins(query)
    if not (needed.events and needed.visits):
        return ("a" if needed.events else "b") + joined
    return (f"a FULL JOIN b USING ({', '.join(_names(query))})" if query.dimensions else "a CROSS JOIN b") + joined


def _order(query: Query) -> str:
    keys = {name: f"m{index}" for index, name in enumerate(query.metrics)}
    for index, name in enumerate(query.dimensions):
        is_text = catalog.dimension(name).scope != "time"
        keys[name] = f'd{index} COLLATE "C"' if is_text else f"d{index}"
    chosen = [f"{keys[name]} {direction} NULLS LAST" for name, direction in order(query)]
    ties = [f"{keys[name]} ASC" for name in query.dimensions if name not in dict(order(query))]
    return ", ".join([*chosen, *ties])


def order(query: Query) -> tuple[tuple[str, str], ...]:
    """The order a query asks for, or the default: time ascending, then the first metric descending."""
    if query.order:
        return query.order
    times = tuple((name, "asc") for name in query.dimensions if name.startswith("time:"))
    return (*times, (query.metrics[0], "desc"))
