"""The largest groups of a long list, without counting the others exactly.

No group has more visitors than events. Events are counted first, which is cheap, and then the visitors of those groups
alone that have the most. Whatever has fewer events than the last of these has visitors is not among the largest. It is
the same answer, from half of the work where the groups are as unequal as pages are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from analytics.reports import brief, catalog, dimensions, sql
from analytics.reports.fragments import DUCKDB, Fragments
from analytics.reports.query import Query
from analytics.reports.sql import Found, Statement
from analytics.store import db

_SHAPES = db.statements(__file__)
MOST_WANTED = 200
SPARE = 6
"""Groups that are counted exactly beyond those wanted, so that one look is mostly enough."""
MOST_GROUPS = 2_000
"""Groups that are looked at; where more could be among the largest, all are counted."""
ENOUGH_ROWS = 2_000_000
"""Of fewer it is quicker to count all exactly."""
Ask = Callable[[Statement], Found]


def fits(query: Query) -> bool:
    """Whether a question is about the groups of one dimension of events that have the most visitors."""
    return (
        len(query.dimensions) == 1
        and catalog.dimension(query.dimensions[0]).scope == "event"
        and query.dimensions[0] != dimensions.GOAL
        and sql.order(query)[0] == ("visitors", "desc")
        and query.limit + query.offset <= MOST_WANTED
        and query.filter is None  # with one there is less to count, and to test it twice costs more
        and not query.only
        and not sql.needs(query).exits
        and not brief.fits(query)
    )


def bounds(query: Query) -> Statement:
    """The statement that gives the groups with the most events: value, events, how many groups there are."""
    low, high = sql.window(replace(query, metrics=("visitors",)))
    write = Fragments(query, DUCKDB, low, high)
    counted = sql.counted(write, ["count(*) AS n"], "a", "e")
    text = _SHAPES["bounds"].format(e=sql.events(write), a=counted, most=write.value(MOST_GROUPS))
    return Statement(text, tuple(write.parameters), frozenset(write.raw))


def find(query: Query, rows: int, ask: Ask) -> Found:
    """What the statement for the query gives, over so many rows."""
    if rows < ENOUGH_ROWS:
        return ask(sql.compose(query, DUCKDB))
    listed, wanted = ask(bounds(query)).rows, query.limit + query.offset
    chosen = wanted + SPARE
    while chosen < len(listed):
        found = ask(_of(query, listed[:chosen]))
        least = found.rows[wanted - 1][1 + query.metrics.index("visitors")]
        if len(listed) == MOST_GROUPS and listed[-1][1] >= least:
            break
        needed = sum(events >= least for _, events, _ in listed)
        if needed <= chosen:
            return replace(found, rows=[(*row[:-1], listed[0][2]) for row in found.rows[query.offset :]])
        chosen = needed
    return ask(sql.compose(query, DUCKDB))


def _of(query: Query, listed: Sequence[Sequence[Any]]) -> Statement:
    """The statement about these groups alone."""
    only = tuple((value,) for value, *_ in listed)
    first = replace(query, only=only, limit=query.limit + query.offset, offset=0)
    return sql.compose(first, DUCKDB)
