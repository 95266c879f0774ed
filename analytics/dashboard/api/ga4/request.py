"""The body of a report as questions: its columns, ranges, filters, order and page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.dashboard.api.ga4 import filters, formulas, names, ranges, values
from analytics.dashboard.api.ga4.formulas import Formula
from analytics.dashboard.api.ga4.names import Dimension, Number
from analytics.dashboard.api.ga4.ranges import Range
from analytics.dashboard.api.ga4.values import Body
from analytics.reports import check, goals
from analytics.reports.query import AnyOf, BadQuery, Filter, Goal, Query
from analytics.sites.models import Site

MOST_DIMENSIONS = 9
MOST_METRICS = 10
MOST_ROWS = 250_000
USUAL_ROWS = 10_000
KEYS = (
    "property", "dimensions", "metrics", "dateRanges", "dimensionFilter", "metricFilter", "offset", "limit",
    "metricAggregations", "orderBys", "currencyCode", "keepEmptyRows", "returnPropertyQuota",
)  # fmt: skip
REFUSED = {
    "cohortSpec": "cohorts cannot be answered yet",
    "comparisons": "cannot be answered; ask one report for each",
}
_ORDERS = {1: "ALPHANUMERIC", 2: "CASE_INSENSITIVE_ALPHANUMERIC", 3: "NUMERIC"}
NO_GOAL = Goal("(none)", AnyOf(()))
"""Nothing reaches it: a property without goals has no key events."""
_TOTALS = {1: "TOTAL", 4: "COUNT", 5: "MINIMUM", 6: "MAXIMUM"}


@dataclass(frozen=True, slots=True)
class Column:
    """A dimension of the answer: one, or several in one text."""

    name: str
    of: tuple[Dimension, ...]
    delimiter: str = ""
    case: str = ""
    """`lower`, `upper`, or as it is."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of the answer."""

    name: str
    type: names.Type
    formula: Formula
    visible: bool = True
    metric: str = ""
    """GA4's name of the metric that it is, if it is one as it stands."""


@dataclass(frozen=True, slots=True)
class Order:
    key: str
    """The name of a column or figure."""
    kind: str
    """`METRIC`, or how the texts of a dimension are compared."""
    descending: bool


@dataclass(frozen=True, slots=True)
class Report:
    site: Site
    now: dt.datetime
    columns: tuple[Column, ...]
    figures: tuple[Figure, ...]
    metrics: tuple[str, ...]
    """GA4's names of what the figures and the filter are computed from."""
    ranges: tuple[Range, ...]
    filter: Filter | None
    holds: filters.Holds | None
    orders: tuple[Order, ...]
    offset: int
    limit: int
    aggregations: tuple[str, ...]
    keep_empty: bool
    currency: str
    quota: bool
    goals: tuple[Goal, ...]

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Each once."""
        return tuple({one.name: one for column in self.columns for one in column.of}.values())

    @property
    def parts(self) -> tuple[str, ...]:
        """The catalogue's names of what the dimensions are made of."""
        return tuple(dict.fromkeys(part for one in self.dimensions for part in one.parts))

    def query(self, span: Range, *, limit: int, whole: bool = False) -> Query:
        """The question for a range; `whole`: without its dimensions. Its rows have `needs` of the metrics."""
        return Query(
            site_id=self.site.pk,
            metrics=needs(self.metrics),
            start=span.start,
            end=span.end,
            zone=self.site.timezone,
            dimensions=() if whole else self.parts,
            filter=self.filter,
            limit=limit,
            fill=False,
            goals=self.goals,
            currency=self.currency,
        )


def needs(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The catalogue's metrics that these of GA4's are computed from."""
    return tuple(dict.fromkeys(need for name in metrics for need in names.METRICS[name].needs))


def computed(metrics: tuple[str, ...], row: tuple[Number, ...]) -> Mapping[str, Number]:
    """GA4's metrics of a row of the catalogue's."""
    given = dict(zip(needs(metrics), row, strict=True))
    found = {}
    for name in metrics:
        metric = names.METRICS[name]
        found[name] = metric.compute(*(given[need] for need in metric.needs))
    return found


def read(body: Any, site: Site, now: dt.datetime, extra: tuple[str, ...] = ()) -> Report:
    """A report that the body asks for; `extra` are keys that this kind of report has besides. Raises BadQuery."""
    if not isinstance(body, dict):
        raise BadQuery("request", "must be an object")
    given: Body = values.camel(body)
    for key, why in REFUSED.items():
        if given.get(key):
            raise BadQuery(key, why)
    given = values.known({k: v for k, v in given.items() if k not in REFUSED}, "request", (*KEYS, *extra))
    report = shaped(given, site, now, ranges.read(given, site.timezone, now))
    if names.MINUTES_AGO in report.dimensions:
        raise BadQuery("dimensions", "minutesAgo is for runRealtimeReport")
    return report


def shaped(given: Body, site: Site, now: dt.datetime, spans: tuple[Range, ...]) -> Report:
    """A report over ranges that are known. Raises BadQuery."""
    figures, metrics = _figures(given)
    columns = tuple(_column(one, index) for index, one in enumerate(values.items(given, "dimensions", MOST_DIMENSIONS)))
    if len({column.name for column in columns}) < len(columns):
        raise BadQuery("dimensions", "each name once")
    span = min(one.start for one in spans), max(one.end for one in spans), site.timezone
    holds, looked_at = filters.metrics(given.get("metricFilter"))
    for name in looked_at:
        if name not in {figure.name for figure in figures}:
            names.metric(name, "metricFilter")
            metrics = (*metrics, name)
    report = Report(
        site=site,
        now=now,
        columns=columns,
        figures=figures,
        metrics=tuple(dict.fromkeys(metrics)),
        ranges=spans,
        filter=filters.dimensions(given.get("dimensionFilter"), span),
        holds=holds,
        orders=orders(given, {one.name for one in columns}, {one.name for one in figures}),
        offset=values.number(given, "offset", 0, 2**31),
        limit=min(values.number(given, "limit", USUAL_ROWS, values.INT64) or USUAL_ROWS, MOST_ROWS),
        aggregations=_aggregations(given),
        keep_empty=values.flag(given, "keepEmptyRows"),
        currency=values.text(given, "currencyCode", "request") or site.currency,
        quota=values.flag(given, "returnPropertyQuota"),
        goals=goals.of(site) or (NO_GOAL,),
    )
    check.query(report.query(spans[0], limit=1))
    return report


def _column(given: Any, index: int) -> Column:
    field = f"dimensions[{index}]"
    one = values.known(given, field, ("name", "dimensionExpression"))
    name = values.text(one, "name", field)
    if not one.get("dimensionExpression"):
        return Column(name, (names.dimension(name, field),))
    expression = values.known(
        one["dimensionExpression"], f"{field}.dimensionExpression", ("lowerCase", "upperCase", "concatenate")
    )
    for key, case in (("lowerCase", "lower"), ("upperCase", "upper")):
        if key in expression:
            inner = values.known(expression[key], f"{field}.{key}", ("dimensionName",))
            return Column(name, (names.dimension(values.text(inner, "dimensionName", field), field),), case=case)
    inner = values.known(expression.get("concatenate"), f"{field}.dimensionExpression", ("dimensionNames", "delimiter"))
    listed = values.items(inner, "dimensionNames", MOST_DIMENSIONS)
    parts = tuple(names.dimension(str(part), field) for part in listed)
    if not name or not parts:
        raise BadQuery(field, "an expression needs a name, and the names of dimensions")
    return Column(name, parts, values.text(inner, "delimiter", field))


def _figures(given: Body) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    listed = values.items(given, "metrics", MOST_METRICS)
    found, used = [], []
    for index, one in enumerate(listed):
        field = f"metrics[{index}]"
        figure = values.known(one, field, ("name", "expression", "invisible"))
        name, expression = values.text(figure, "name", field), values.text(figure, "expression", field)
        formula, inside = formulas.read(expression or name, field)
        used += [names.metric(part, field).name for part in inside]
        of_one = not expression and names.metric(name, field)
        found.append(
            Figure(
                name=name,
                type=of_one.type if of_one else "TYPE_FLOAT",
                formula=formula,
                visible=not values.flag(figure, "invisible"),
                metric=of_one.name if of_one else "",
            )
        )
    if not found:
        raise BadQuery("metrics", "ask for at least one")
    if len({figure.name for figure in found}) < len(found) or not all(figure.name for figure in found):
        raise BadQuery("metrics", "each needs a name of its own")
    return tuple(found), tuple(used)


def orders(given: Body, columns: set[str], figures: set[str]) -> tuple[Order, ...]:
    """The `orderBys` of a report or pivot that has these. Raises BadQuery."""
    found = []
    for index, one in enumerate(values.items(given, "orderBys", MOST_DIMENSIONS + MOST_METRICS)):
        field = f"orderBys[{index}]"
        order = values.known(one, field, ("metric", "dimension", "pivot", "desc"))
        if "pivot" in order:
            raise BadQuery(field, "is ordered by a pivot, which cannot be answered; order by a metric or dimension")
        kind, key = ("metric", "metricName") if "metric" in order else ("dimension", "dimensionName")
        inner = values.known(order.get(kind), field, (key, "orderType"))
        name = values.text(inner, key, field)
        if name not in (figures if kind == "metric" else columns):
            raise BadQuery(field, f"{name!r} is not among the {kind}s of the report")
        how = "METRIC" if kind == "metric" else values.enum(inner, "orderType", field, _ORDERS)
        found.append(Order(name, how, values.flag(order, "desc")))
    return tuple(found)


def _aggregations(given: Body) -> tuple[str, ...]:
    listed = values.items(given, "metricAggregations", 10)
    return tuple(dict.fromkeys(values.enum({"it": one}, "it", "metricAggregations", _TOTALS) for one in listed))
