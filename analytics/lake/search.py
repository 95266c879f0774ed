"""Staff look into the lake: hits of a site and time as they were received, each with the event made of it."""

from __future__ import annotations

import datetime as dt
import re
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
ROWS_AT_ONCE = 10_000
LIMITS = duck.Limits()
LONGEST = dt.timedelta(days=92)


_NUMBER = re.compile("-?[0-9]{1,19}")


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
        if self.visitor and not (_NUMBER.fullmatch(self.visitor) and -(2**63) <= int(self.visitor) < 2**63):
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
    files = _files(search)
    found: list[dict[str, Any]] = []
    for batch in _rows(search, files, PAGE + 1, number * PAGE):
        found += batch.to_pylist()
    return Found(found[:PAGE], len(found) > PAGE, sum(map(len, files)), _as_of())


def download(search: Search) -> Iterator[pa.RecordBatch]:
    """Up to MOST_ROWS rows as Arrow batches. Raises read.LakeAway, also while they are read."""
    return _rows(search, _files(search), MOST_ROWS, 0)


def _files(search: Search) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files of hits, files of events)"""
    hits = read.slice(search.site_id, search.start, search.end, "hits")
    events = read.slice(search.site_id, search.start, search.end, "events")
    return hits.files, events.files


def _rows(
    search: Search, files: tuple[tuple[str, ...], tuple[str, ...]], limit: int, offset: int
) -> Iterator[pa.RecordBatch]:
    if not files[0]:
        return
    visitor = int(search.visitor) if search.visitor else None
    wanted = [search.site_id, search.start, search.end, search.name, search.path, visitor, limit, offset]
    try:
        with duck.session(LIMITS) as session:
            _view(session, "hits", files[0])
            _view(session, "events", files[1])
            yield from session.sql(_SQL["hits_with_events"], params=wanted).to_arrow_reader(ROWS_AT_ONCE)
    except (duckdb.Error, OSError) as error:  # it is damaged, or the cache gave up a copy for another search
        raise read.LakeAway(f"a file of the lake cannot be read: {error}") from error


def _view(session: duckdb.DuckDBPyConnection, name: tables.Name, files: tuple[str, ...]) -> None:
    if files:
        session.execute(_SQL[f"{name}_files"], [list(files)])
        session.execute(_SQL[name])
    else:
        session.register(name, tables.arrow_schema(name).empty_table())


def _as_of() -> dt.datetime | None:
    snapshot = tables.load("hits").current_snapshot()
    return dt.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, dt.UTC) if snapshot else None
