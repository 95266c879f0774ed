"""What an engine gives becomes the rows of an Answer: values in words, empty buckets filled, in order, one page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analytics.reports import catalog, check, sql, timerange
from analytics.reports.query import Query, Row


def page(query: Query, found: Sequence[Sequence[Any]]) -> tuple[tuple[Row, ...], int | None]:
    """The rows of a statement that was composed with limit and offset, and how many there are in all if that was asked.

    The number is None too when the page is empty, which does not know how many rows lie before it.
    """
    rows = tuple(_row(query, row) for row in found)
    if not query.total_rows:
        return rows, None
    if found:
        return rows, int(found[0][-1])
    return rows, None if query.offset else 0


@dataclass(frozen=True, slots=True)
class Series:
    """What an engine gives for a series that was composed without limit and offset."""

    rows: Sequence[Sequence[Any]]
    whole: Sequence[Sequence[Any]] = ()
    """The one row of `whole(query)`, where there are no others that would tell whether shares are of something."""


def has_shares(query: Query) -> bool:
    """Whether a metric is a share of a whole."""
    return any(catalog.metric(name).empty == "share" for name in query.metrics)


def whole(query: Query) -> Query:
    """The same question without its buckets."""
    return replace(query, dimensions=(), order=(), limit=1, offset=0, total_rows=False)


def series(query: Query, interval: timerange.Interval, found: Series) -> tuple[tuple[Row, ...], int | None]:
    """The rows of a series, with every bucket of the range."""
    known = {_local(row[0]): _row(query, row) for row in found.rows}
    every = timerange.buckets(interval, query.zone, query.start, query.end)
    of_all = known.values() or [_row(whole(query), row) for row in found.whole]
    empty = tuple(_of_nothing(index, query, of_all) for index in range(len(query.metrics)))
    shape = catalog.dimension(query.dimensions[0]).form
    rows = [known.get(at) or Row((format(at, shape),), empty) for at in sorted({*known, *every})]
    for name, direction in reversed(sql.order(query)):
        _sort(rows, query, name, direction == "desc")
    return tuple(rows[query.offset : query.offset + query.limit]), len(rows) if query.total_rows else None


def _of_nothing(index: int, query: Query, known: Iterable[Row]) -> float | None:
    """A metric of a bucket in which nothing happened: ratios of its own have no value, shares of the whole are 0."""
    metric = catalog.metric(query.metrics[index])
    if metric.unit == "count":
        return 0
    is_share = metric.empty == "share" and any(row.metrics[index] is not None for row in known)
    return 0.0 if is_share or metric.empty == "zero" else None


def _sort(rows: list[Row], query: Query, name: str, descending: bool) -> None:
    """Stable; what has no value comes last either way, as in SQL's NULLS LAST."""
    if name in query.dimensions:
        rows.sort(key=lambda row: row.dimensions[0], reverse=descending)
        return
    index = query.metrics.index(name)
    rows.sort(key=lambda row: row.metrics[index] or 0, reverse=descending)
    rows.sort(key=lambda row: row.metrics[index] is None)


def _row(query: Query, row: Sequence[Any]) -> Row:
    split = len(query.dimensions)
    words = tuple(_word(name, value) for name, value in zip(query.dimensions, row[:split], strict=True))
    numbers = tuple(_number(name, value) for name, value in zip(query.metrics, row[split:-1], strict=True))
    return Row(words, numbers)


def _word(name: str, value: Any) -> str:
    return format(value, catalog.dimension(name).form)


def _number(name: str, value: Any) -> float | int | None:
    if value is None:
        return None
    return int(value) if catalog.metric(name).unit == "count" else float(value)


def _local(value: dt.date | dt.datetime) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())


def incomplete(query: Query, given: Iterable[Row], now: dt.datetime) -> tuple[str, ...]:
    """The buckets of the rows that contain now, as the rows name them."""
    found = [(index, name) for index, name in enumerate(query.dimensions) if name in catalog.BUCKETS]
    if not found or not query.start <= now < query.end:
        return ()
    (index, name), local = found[0], now.astimezone(timerange.zone(query.zone)).replace(tzinfo=None)
    word = format(timerange.truncate(name.removeprefix("time:"), local), catalog.dimension(name).form)  # type: ignore[arg-type]
    return (word,) if any(row.dimensions[index] == word for row in given) else ()


def is_series(query: Query) -> timerange.Interval | None:
    """The interval of a query whose empty buckets are to be filled."""
    return check.bucket(query) if query.fill else None
