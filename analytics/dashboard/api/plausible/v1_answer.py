"""Stats API v1: answers in Plausible's legacy form, with `meta.explain` beside `results`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from analytics.dashboard.api import tables
from analytics.dashboard.api.plausible import answer, names, numbers
from analytics.dashboard.api.plausible.answer import Found
from analytics.dashboard.api.plausible.v1 import Asked
from analytics.reports import cache, comparison
from analytics.reports.query import Row
from analytics.sites.models import Site

_EMPTY_IN_TIME = ("bounce_rate", "visit_duration")
"""What is null in a bucket without visits."""


def find(asked: Asked, data_version: int, now: dt.datetime) -> Found:
    """Ask. Raises what `cache.answer` raises."""
    found = cache.answer(asked.query, data_version, now)
    if asked.other is None:
        return Found(found)
    before = cache.answer(asked.other, data_version, now)
    return Found(found, comparison.matched(asked.query, found, asked.other, before))


def aggregate(asked: Asked, found: Found) -> dict[str, Any]:
    """The body: each metric with its value, and by how much it changed."""
    (row,) = found.answer.rows
    results = {name: {"value": value} for name, value in _metrics(asked, found, row).items()}
    for compared in found.compared:
        old = compared.old.metrics if compared.old else (None,) * len(row.metrics)
        for name, before, after in zip(asked.query.metrics, old, row.metrics, strict=True):
            results[name]["change"] = numbers.change(name, before, after)
    return _body(results, asked, found)


def timeseries(asked: Asked, found: Found) -> dict[str, Any]:
    """The body: the buckets in order."""
    rows = [{"date": row.dimensions[0], **_in_time(asked, found, row)} for row in found.answer.rows]
    return _body(rows, asked, found)


def breakdown(asked: Asked, found: Found) -> dict[str, Any]:
    """The body: a row for each value of the property."""
    rows = [{key(asked.property): _word(asked, row), **_metrics(asked, found, row)} for row in found.answer.rows]
    return _body(rows, asked, found)


def key(name: str) -> str:
    """What a row calls a property: its name without what it is of."""
    return name.removeprefix("event:props:") if name.startswith("event:props:") else name.partition(":")[2]


def _body(results: Any, asked: Asked, found: Found) -> dict[str, Any]:
    body = {"results": results, "meta": {"explain": answer.explain(found.answer, asked.query)}}
    return body | ({"warning": found.answer.warning} if found.answer.warning else {})


def _word(asked: Asked, row: Row) -> str:
    return names.shown(asked.property, row.dimensions[0])


def _metrics(asked: Asked, found: Found, row: Row) -> dict[str, Any]:
    metrics = zip(asked.query.metrics, row.metrics, strict=True)
    return {name: numbers.metric(name, value, found.answer.currency) for name, value in metrics}


def _in_time(asked: Asked, found: Found, row: Row) -> dict[str, Any]:
    empty = {
        name
        for name, value in zip(asked.query.metrics, row.metrics, strict=True)
        if value is None and name in _EMPTY_IN_TIME
    }
    return {name: None if name in empty else value for name, value in _metrics(asked, found, row).items()}


def table(asked: Asked, found: Found, site: Site) -> tables.Table:
    """The rows: the bucket or the value, if there is one, and the metrics as numbers."""
    query = asked.query
    first = [tables.Column(asked.property or "date", "text")] if query.dimensions else []
    columns = (*first, *(tables.Column(name, tables.kind(name)) for name in query.metrics))
    return tables.Table(f"{site.domain}-{query.start:%Y-%m-%d}", columns, _cells(asked, found))


def _cells(asked: Asked, found: Found) -> Iterator[tuple[Any, ...]]:
    for row in found.answer.rows:
        words = (_word(asked, row),) if asked.property else row.dimensions
        numbered = zip(asked.query.metrics, row.metrics, strict=True)
        yield *words, *(numbers.plain(name, value) for name, value in numbered)
