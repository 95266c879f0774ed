"""Staff look into the lake: hits of a site and time as they were received, each with the event made of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from analytics.lake import duck, read, tables
from analytics.store import db

_SQL = db.statements(__file__)
PAGE = 50
MOST_ROWS = 100_000
LONGEST = dt.timedelta(days=92)


class BadSearch(ValueError):
    """The search cannot be made; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Search:
    site_id: int
    start: dt.datetime
    end: dt.datetime
    name: str = ""
    path: str = ""
    """A part of the path."""
    visitor: str = ""
    """The visitor id, a signed number."""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadSearch("The end must be after the start.")
        if self.end - self.start > LONGEST:
            raise BadSearch(f"Search at most {LONGEST.days} days at once.")
        if self.visitor and not self.visitor.removeprefix("-").isdigit():
            raise BadSearch("A visitor id is a number, such as those in the column visitor.")


@dataclass(frozen=True, slots=True)
class Found:
    rows: list[dict[str, Any]]
    more: bool
    files: int
    """Files of the lake that were looked into."""
    as_of: dt.datetime | None
    """When the lake was last added to; later hits are not found here yet."""


def page(search: Search, number: int) -> Found:
    """Page `number` (from 0), newest first. Raises read.LakeAway."""
    rows, files = _run(search, PAGE + 1, number * PAGE)
    found: list[dict[str, Any]] = [row for batch in rows for row in batch.to_pylist()]
    return Found(found[:PAGE], len(found) > PAGE, files, _as_of())


def download(search: Search) -> Iterator[pa.RecordBatch]:
    """Up to MOST_ROWS rows as Arrow batches. Raises read.LakeAway."""
    return _run(search, MOST_ROWS, 0)[0]


def _run(search: Search, limit: int, offset: int) -> tuple[Iterator[pa.RecordBatch], int]:
    hits = read.slice(search.site_id, search.start, search.end, "hits")
    events = read.slice(search.site_id, search.start, search.end, "events")
    if not hits.files:
        return iter(()), 0
    database = duck.connect([*hits.files, *events.files])
    _view(database, "hits", hits.files)
    _view(database, "events", events.files)
    parameters = [
        search.site_id, search.start, search.end, search.name, search.path,
        int(search.visitor) if search.visitor else None, limit, offset,
    ]  # fmt: skip
    reader: pa.RecordBatchReader = database.execute(_SQL["hits_with_events"], parameters).to_arrow_reader(10_000)
    return iter(reader), len(hits.files) + len(events.files)


def _view(database: duckdb.DuckDBPyConnection, name: tables.Name, files: tuple[str, ...]) -> None:
    if files:
        database.read_parquet(list(files), hive_partitioning=False).create_view(name)
    else:
        database.register(name, tables.arrow_schema(name).empty_table())


def _as_of() -> dt.datetime | None:
    snapshot = tables.load("hits").current_snapshot()
    return dt.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, dt.UTC) if snapshot else None
