"""The lake gets every row once, however often and however badly the export runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import duckdb
import pytest
from pyiceberg.table import Table

from analytics.events import Hit
from analytics.lake import compact, export, read, tables
from analytics.pipeline import books
from analytics.sites import models
from tests import builders

pytestmark = pytest.mark.database
NEXT_DAY = builders.NOW + dt.timedelta(days=1)
EVER = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


def lake_ids(site: models.Site, table: tables.Name) -> list[UUID]:
    """Read by DuckDB, not by what wrote it."""
    files = read.slice(site.pk, *EVER, table).files
    with duckdb.connect() as connection:
        found = connection.execute("SELECT hit_id FROM read_parquet(?) ORDER BY 1", [list(files)]).fetchall()
    return [hit_id for (hit_id,) in found]


def ids(hits: list[Hit]) -> list[UUID]:
    return sorted(hit.hit_id for hit in hits)


def test_every_row_is_in_the_lake_once_after_exports_that_ran_late_and_twice(
    record: Callable[..., list[Hit]], site: models.Site
) -> None:
    hits = record([{"url": f"/{n}"} for n in range(20)])
    export.export("hits")
    hits += record([{"url": f"/{n}", "at": builders.NOW + dt.timedelta(days=n)} for n in range(20)])
    hits += record([{"url": "/late", "at": builders.NOW - dt.timedelta(days=40)}])
    for _ in range(2):
        export.export("hits")
        export.export("events")
    assert lake_ids(site, "hits") == lake_ids(site, "events") == ids(hits)


def test_events_never_go_further_than_their_hits(record: Callable[..., list[Hit]]) -> None:
    record([{}])
    assert export.export("events").rows == 0
    export.export("hits")
    assert export.export("events").rows == 1


def test_an_export_that_dies_after_writing_its_files_and_before_its_commit_leaves_nothing_that_counts(
    record: Callable[..., list[Hit]], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    hits = record([{}, {}])
    with monkeypatch.context() as patched:
        patched.setattr(Table, "_do_commit", killed)
        with pytest.raises(Killed):
            export.export("hits")
    export.export("hits")
    assert lake_ids(site, "hits") == ids(hits)


def test_a_long_backlog_is_exported_in_bounded_commits(
    record: Callable[..., list[Hit]], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_PER_COMMIT", 8)
    hits: list[Hit] = []
    for n in range(12):
        hits += record([{"ip": f"81.2.{n}.1"}, {"ip": f"81.3.{n}.1"}])
    done = export.export("hits")
    assert done.rows == 24
    assert done.commits > 2
    assert lake_ids(site, "hits") == ids(hits)


def test_values_come_through_unchanged(record: Callable[..., list[Hit]], site: models.Site) -> None:
    title = 'naïve "title" \\N \t 日本 🦊'
    (hit,) = record([{"name": "Purchase", "title": title, "revenue": {"amount": "19.90", "currency": "EUR"}}])
    export.export("hits")
    export.export("events")
    files = read.slice(site.pk, *EVER).files
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT title, CAST(revenue AS text), currency, epoch_us(ts), visit_id IS NOT NULL FROM read_parquet(?)",
            [list(files)],
        ).fetchall()
    assert found == [(title, "19.9000", "EUR", int(hit.ts.timestamp() * 1_000_000), True)]


def test_compaction_leaves_the_same_rows_in_fewer_files(record: Callable[..., list[Hit]], site: models.Site) -> None:
    hits: list[Hit] = []
    for _ in range(compact.MOST_FILES + 2):
        hits += record([{}, {}])
        export.export("hits")
        export.export("events")
    assert len(read.slice(site.pk, *EVER, "events").files) == compact.MOST_FILES + 2
    assert compact.compact("events", NEXT_DAY) == 1
    assert len(read.slice(site.pk, *EVER, "events").files) == 1
    assert lake_ids(site, "events") == ids(hits)
    hits += record([{}])
    export.export("hits")
    export.export("events")
    assert lake_ids(site, "events") == ids(hits)
    assert books.balance().holds


def test_only_the_files_of_the_site_and_range_are_read(record: Callable[..., list[Hit]], site: models.Site) -> None:
    day = dt.timedelta(days=1)
    record([{"at": builders.NOW + n * day} for n in range(5)])
    export.export("hits")
    export.export("events")
    assert len(read.slice(site.pk, builders.NOW + day, builders.NOW + 3 * day - day / 2).files) == 2
