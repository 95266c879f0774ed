"""How rows lie in the lake's files: small, in order, and readable by anything that reads Parquet."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.events import Hit
from analytics.lake import export, layout, read, tables
from analytics.sites import models
from tests import builders
from tests.lake.test_export import EVER
from tests.reports import world

pytestmark = pytest.mark.database


def test_what_is_of_a_visit_lies_together(stores: None) -> None:
    events = [msgspec.structs.replace(event, batch=1) for event in world.events(3, visits=200)]
    world.store(events)
    export.export("hits"), export.export("events")
    files = read.slice(world.SITE, *EVER).files
    assert len(files) >= world.DAYS
    for path in files:
        rows = pq.ParquetFile(path).read(["site_id", "visit_started_at", "visit_id", "ts"]).to_pylist()
        found = [tuple(row.values()) for row in rows]
        assert found == sorted(found)


def test_every_column_is_read_back_as_it_was_written(record: Callable[..., list[Hit]], site: models.Site) -> None:
    luck = random.Random(1)
    hits = record([{"at": builders.NOW + luck.random() * dt.timedelta(hours=1), "url": f"/{n}"} for n in range(50)])
    export.export("hits"), export.export("events")
    (path,) = read.slice(site.pk, *EVER).files
    stored = pq.ParquetFile(path).schema_arrow
    assert stored.names == tables.columns("events")
    assert stored.field("hit_id").type == pa.uuid()
    assert stored.field("ts").type == pa.timestamp("us", "UTC")
    with duckdb.connect() as connection:
        found = connection.execute("SELECT hit_id, epoch_us(ts) FROM read_parquet(?)", [path]).fetchall()
    microsecond = dt.timedelta(microseconds=1)
    since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert sorted(found) == sorted((hit.hit_id, (hit.ts - since) // microsecond) for hit in hits)


def test_a_large_site_has_row_groups_of_its_own() -> None:
    enough = layout.ENOUGH_ROWS
    sites = pa.chunked_array([[1] * 3 + [2] * 4, [3] * enough, [4] * 2, [5] * (enough + 1) + [6]])
    ends = [7, 7 + enough, 9 + enough, 10 + 2 * enough, 11 + 2 * enough]
    assert list(layout.groups(sites)) == list(zip([0, *ends], ends, strict=False))
    assert list(layout.groups(pa.chunked_array([[1, 2, 2]]))) == [(0, 3)]
    assert list(layout.groups(pa.chunked_array([[]], pa.int32()))) == [(0, 0)]


def test_a_text_that_is_in_order_of_nothing_has_no_bounds() -> None:
    schema: Any = tables.arrow_schema("events")
    with_bounds = set(layout.encodings(schema)["write_statistics"])
    assert {"site_id", "ts", "ruleset", "visit_id"} <= with_bounds
    assert not with_bounds & {"path", "country", "props"}


def test_nothing_is_said_of_columns_that_have_no_bounds(
    record: Callable[..., list[Hit]], caplog: pytest.LogCaptureFixture
) -> None:
    record([{}])
    export.export("hits"), export.export("events")
    assert [found.getMessage() for found in caplog.records if found.name.startswith("pyiceberg")] == []
