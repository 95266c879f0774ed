"""Stats API v2: an Answer in Plausible's form, and beside it (under `meta.explain`) where the numbers come from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from analytics.dashboard.api import tables
from analytics.dashboard.api.plausible import including, names, numbers, ordering
from analytics.dashboard.api.plausible.query import Asked
from analytics.reports import cache, catalog, comparison
from analytics.reports.query import Answer, Query, Row
from analytics.sites.models import Site

_SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What a question was answered with."""

    answer: Answer
    compared: tuple[comparison.Compared, ...] = ()
    """For each row of it, what it was."""


def find(asked: Asked, data_version: int, now: dt.datetime) -> Found:
    """Ask. Raises what `cache.answer` raises."""
    query, given = asked.query, asked.dimensions
    answer = ordering.page(query, given, cache.answer(ordering.whole(query, given), data_version, now))
    if asked.other is None:
        return Found(answer)
    before = cache.answer(comparison.of_rows(asked.other, answer), data_version, now)
    return Found(answer, comparison.matched(query, answer, asked.other, before))


def write(asked: Asked, found: Found, site: Site, now: dt.datetime) -> dict[str, Any]:
    """The body of the response."""
    rows = [_row(asked, row, found.answer.currency) for row in found.answer.rows]
    for row, compared in zip(rows, found.compared, strict=False):
        row["comparison"] = _comparison(asked, compared, found.answer.currency)
    return {"results": rows, "meta": _meta(asked, found.answer, now), "query": _echo(asked, site)}


def _row(asked: Asked, row: Row, currency: str) -> dict[str, Any]:
    metrics = zip(asked.query.metrics, row.metrics, strict=True)
    return {
        "metrics": [numbers.metric(name, value, currency) for name, value in metrics],
        "dimensions": _words(asked, row),
    }


def _words(asked: Asked, row: Row) -> list[Any]:
    return [names.shown(name, value) for name, value in zip(asked.dimensions, row.dimensions, strict=True)]


def _comparison(asked: Asked, compared: comparison.Compared, currency: str) -> dict[str, Any]:
    metrics = asked.query.metrics
    old = compared.old or _nothing(asked, compared.row)
    return {
        **_row(asked, old, currency),
        "change": [
            numbers.change(name, before, after)
            for name, before, after in zip(metrics, old.metrics, compared.row.metrics, strict=True)
        ],
    }


def _nothing(asked: Asked, row: Row) -> Row:
    """The row of before, when nothing had happened."""
    words = zip(asked.query.dimensions, row.dimensions, strict=True)
    return Row(tuple("" if name in catalog.BUCKETS else word for name, word in words), (None,) * len(row.metrics))


def _meta(asked: Asked, answer: Answer, now: dt.datetime) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if asked.include.imports:
        meta |= {"imports_included": False, "imports_skip_reason": "no_imported_data"}
    meta |= including.labels(asked.include, asked.query, now)
    if asked.include.total_rows:
        meta["total_rows"] = answer.total_rows
    if answer.warning:
        meta["warning"] = answer.warning
    return meta | {"explain": explain(answer, asked.query)}


def explain(answer: Answer, query: Query) -> dict[str, Any]:
    """Where the numbers of an answer come from."""
    return {
        "engine": answer.engine,
        "as_of": answer.as_of.isoformat(),
        "cached": answer.cached,
        "provisional": answer.provisional,
        "incomplete": list(answer.incomplete),
        "rulesets": list(answer.rulesets),
        "rows_read": answer.rows_read,
        "files_read": answer.files_read,
        "definitions": {name: catalog.metric(name).definition for name in query.metrics},
    }


def _echo(asked: Asked, site: Site) -> dict[str, Any]:
    query = asked.query
    echoed = {
        "site_id": site.domain,
        "metrics": list(query.metrics),
        "date_range": _range(query),
        "filters": asked.filters,
        "dimensions": list(asked.dimensions),
        "order_by": asked.order,
        "include": {name: chosen for name, chosen in asdict(asked.include).items() if chosen},
        "pagination": {"limit": query.limit, "offset": query.offset},
    }
    return echoed | ({"comparison_date_range": _range(asked.other)} if asked.other else {})


def _range(query: Query) -> list[str]:
    clock = ZoneInfo(query.zone)
    return [query.start.astimezone(clock).isoformat(), (query.end - _SECOND).astimezone(clock).isoformat()]


def table(asked: Asked, found: Found, site: Site) -> tables.Table:
    """The rows as columns of dimensions and metrics; money as a number, in the currency of the answer. Compared ones
    have each metric of before beside them."""
    metrics = asked.query.metrics
    columns = [tables.Column(name, "text") for name in asked.dimensions]
    columns += [tables.Column(name, tables.kind(name)) for name in metrics]
    if asked.other is not None:
        columns += [tables.Column(f"{name}_before", tables.kind(name)) for name in metrics]
    return tables.Table(f"{site.domain}-{asked.query.start:%Y-%m-%d}", tuple(columns), _cells(asked, found))


def _cells(asked: Asked, found: Found) -> Iterator[tuple[Any, ...]]:
    metrics = asked.query.metrics
    for index, row in enumerate(found.answer.rows):
        old = found.compared[index].old if found.compared else None
        before = (old.metrics if old else (None,) * len(metrics)) if asked.other is not None else ()
        numbered = [numbers.plain(name, value) for name, value in zip(metrics, row.metrics, strict=True)]
        yield *_words(asked, row), *numbered, *before
