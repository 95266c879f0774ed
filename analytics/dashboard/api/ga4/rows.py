"""Answers put together as rows of a report: counted by the engines, named, sorted and cut here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from analytics.dashboard.api.ga4 import names, request, times
from analytics.dashboard.api.ga4.names import Dimension, Number
from analytics.dashboard.api.ga4.ranges import Range
from analytics.dashboard.api.ga4.request import Column, Figure, Order, Report
from analytics.reports import cache, catalog, timerange
from analytics.reports.query import Answer, BadQuery, Query
from analytics.sites.models import Site

MOST_READ = 100_000
"""Rows of a range that a report looks at; more must be narrowed."""
Ask = Callable[[Query], Answer]
EngineOrder = tuple[tuple[str, Literal["asc", "desc"]], ...]


@dataclass(frozen=True, slots=True)
class Row:
    dimensions: tuple[str, ...]
    """In the order of the columns; the range last when there are several."""
    figures: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Found:
    rows: tuple[Row, ...]
    """In order, from the `first` on: all, or a page."""
    totals: tuple[Row, ...]
    """One for each range, if asked for, counted over everything under the filter."""
    answers: tuple[Answer, ...]
    count: int
    """Of all rows."""
    first: int = 0


def asker(report: Report) -> Ask:
    """How the report's questions are asked: through the cache."""
    return lambda query: cache.answer(query, report.site.data_version, report.now)


def find(report: Report, ask: Ask) -> Found:
    """Every row of the report. Raises what `ask` raises, and BadQuery when there are too many."""
    rows: list[Row] = []
    totals: list[Row] = []
    answers: list[Answer] = []
    for span in report.ranges:
        answer = ask(report.query(span, limit=MOST_READ + 1))
        if len(answer.rows) > MOST_READ:
            raise BadQuery("dimensions", f"more than {MOST_READ} rows; use fewer dimensions, a filter or fewer days")
        answers.append(answer)
        rows += _named(report, span, answer)
        totals += _total(report, span, ask)
    rows = ordered(rows, tuple(column.name for column in report.columns), report.figures, report.orders)
    return Found(tuple(rows), tuple(totals), tuple(answers), len(rows))


def page(report: Report, ask: Ask) -> Found:
    """The rows of the report's page: cut by the engine when it can, so that a page of however many rows can be had.
    Raises as `find` does."""
    order = _order_of_the_engine(report)
    if order is None:
        return find(report, ask)
    (span,) = report.ranges
    query = replace(report.query(span, limit=report.limit), order=order, offset=report.offset, total_rows=True)
    answer = ask(query)
    rows, totals = _named(report, span, answer), _total(report, span, ask)
    return Found(tuple(rows), tuple(totals), (answer,), answer.total_rows or 0, report.offset)


def _order_of_the_engine(report: Report) -> EngineOrder | None:
    """The report's order in words of the catalogue. None: its rows must be looked at here to know the order, which of
    them stay, or what is said of them all."""
    plain = len(report.ranges) == 1 and report.holds is None and set(report.aggregations) <= {"TOTAL"}
    exact = all(len(one.of) == 1 and not one.case and one.of[0].form not in _REPEATING for one in report.columns)
    own = {
        figure.name: names.METRICS[figure.metric].needs[0]
        for figure in report.figures
        if figure.metric and len(names.METRICS[figure.metric].needs) == 1
    }
    if not (plain and exact and report.columns and (report.keep_empty or _is_never_empty(report, set(own.values())))):
        return None
    found: dict[str, Literal["asc", "desc"]] = {}
    for order in report.orders:
        need = own.get(order.key, "") if order.kind == "METRIC" else ""
        if not need or not (catalog.metric(need).unit == "count" or catalog.metric(need).empty == "zero"):
            return None
        found.setdefault(need, "desc" if order.descending else "asc")
    return tuple(found.items())


_REPEATING = ("month", "day", "isoWeek")
"""Forms that several buckets of a long range have alike."""


def _is_never_empty(report: Report, own: set[str]) -> bool:
    """Whether each row has a figure that is not 0: there is none without a visitor, or else without a visit."""
    of_visits = any(catalog.metric(need).visits for need in request.needs(report.metrics))
    return "visitors" in own and ("visits" in own or not of_visits)


def _total(report: Report, span: Range, ask: Ask) -> list[Row]:
    """Of everything under the filter, if it is asked for."""
    if "TOTAL" not in report.aggregations:
        return []
    (total,) = ask(report.query(span, limit=1, whole=True)).rows
    figures = _figures(report, request.computed(report.metrics, total.metrics))
    return [Row(_ranged(report, span, ("RESERVED_TOTAL",) * len(report.columns)), figures)]


def _named(report: Report, span: Range, answer: Answer) -> list[Row]:
    found: list[Row] = []
    for row in answer.rows:
        values = dict(zip(report.parts, row.dimensions, strict=True))
        words = tuple(_text(column, values, report, span) for column in report.columns)
        computed = request.computed(report.metrics, row.metrics)
        figures = _figures(report, computed)
        named = {**computed} | {figure.name: value for figure, value in zip(report.figures, figures, strict=True)}
        if (report.keep_empty or any(figures)) and (report.holds is None or report.holds(named)):
            found.append(Row(_ranged(report, span, words), figures))
    if len({row.dimensions for row in found}) < len(found):
        raise BadQuery(
            "dimensions", "a value repeats within the range (such as a month of two years): take a finer one"
        )
    return found


def _figures(report: Report, computed: Mapping[str, Number]) -> tuple[Number, ...]:
    return tuple(figure.formula(computed) for figure in report.figures)


def _ranged(report: Report, span: Range, words: tuple[str, ...]) -> tuple[str, ...]:
    return (*words, span.name) if len(report.ranges) > 1 else words


def _text(column: Column, values: Mapping[str, str], report: Report, span: Range) -> str:
    this_minute = report.now.replace(second=0, microsecond=0)
    text = column.delimiter.join(
        shown(one, values, report.site, this_minute if one == names.MINUTES_AGO else span.start) for one in column.of
    )
    return getattr(text, column.case)() if column.case else text


def shown(one: Dimension, values: Mapping[str, str], site: Site, since: dt.datetime) -> str:
    """A dimension's text, of the catalogue's values; buckets of time are counted from `since`."""
    if not one.parts:
        return {"platform": "web", "streamId": str(site.pk), "streamName": site.domain}[one.name]
    if one.form:
        local = since.astimezone(timerange.zone(site.timezone)).replace(tzinfo=None)
        return times.shown(one.form, values[one.parts[0]], local)
    if len(one.parts) == 1:
        return one.shown.get(values[one.parts[0]], values[one.parts[0]])
    return one.joined.join(names.missing(part).get(values[part], values[part]) for part in one.parts)


def ordered(
    rows: Sequence[Row], columns: tuple[str, ...], figures: Sequence[Figure], orders: Sequence[Order]
) -> list[Row]:
    """Rows of these columns and figures in the order that is asked for; equal rows stay as they are."""
    found = list(rows)
    names = [figure.name for figure in figures]
    for order in reversed(orders):
        found.sort(key=_sorter(order, columns, names), reverse=order.descending)
    return found


def _sorter(order: Order, columns: Sequence[str], figures: Sequence[str]) -> Callable[[Row], Any]:
    if order.kind == "METRIC":
        place = figures.index(order.key)
        return lambda row: row.figures[place] or 0
    place, key = columns.index(order.key), _ORDER[order.kind]
    return lambda row: key(row.dimensions[place])


def _numeric(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("-inf"), text


_ORDER: dict[str, Callable[[str], Any]] = {
    "ALPHANUMERIC": lambda text: text,
    "CASE_INSENSITIVE_ALPHANUMERIC": lambda text: (text.lower(), text),
    "NUMERIC": _numeric,
}
