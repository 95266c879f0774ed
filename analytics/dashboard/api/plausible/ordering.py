"""The order of rows by names of countries and regions, which the engines know by code alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analytics.dashboard.api.plausible import names
from analytics.reports import run, sql
from analytics.reports.query import Answer, Query, Row

MOST_ROWS = 50_000
"""That can be put in order here."""


def of(query: Query) -> tuple[tuple[str, str], ...]:
    """(metric or dimension, direction) of a query, the default included."""
    return tuple(sql.order(query))


def whole(query: Query, given: Sequence[str]) -> Query:
    """The query, without pages when its rows are ordered by a name. `given`: its dimensions by Plausible's names."""
    ordered = {name for name, _ in of(query)}
    if not any(names.NAMED.get(name) in ordered for name in given):
        return query
    return replace(query, limit=MOST_ROWS, offset=0, total_rows=True)


def page(query: Query, given: Sequence[str], answer: Answer) -> Answer:
    """The rows of `query` out of the answer to `whole(query)`. Raises TooMuch when there were more."""
    if whole(query, given) is query:
        return answer
    if (answer.total_rows or 0) > len(answer.rows):
        raise run.TooMuch(f"There are more than {MOST_ROWS} rows to put in order; order by codes or by a metric.")
    rows = list(answer.rows)
    for name, direction in reversed(of(query)):
        _sort(rows, query, given, (name, direction))
    return replace(answer, rows=tuple(rows[query.offset : query.offset + query.limit]))


def _sort(rows: list[Row], query: Query, given: Sequence[str], by: tuple[str, str]) -> None:
    """Stable; what has no value comes last."""
    name, direction = by
    if name in query.dimensions:
        index = query.dimensions.index(name)
        rows.sort(key=lambda row: names.shown(given[index], row.dimensions[index]), reverse=direction == "desc")
        return
    index = query.metrics.index(name)
    rows.sort(key=lambda row: row.metrics[index] or 0, reverse=direction == "desc")
    rows.sort(key=lambda row: row.metrics[index] is None)
