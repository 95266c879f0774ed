"""Old snapshots and the files that only they need go; what is needed stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics.events import Hit
from analytics.lake import compact, expire, export, files, tables
from analytics.reprocess import rows
from analytics.sites import models
from tests import builders
from tests.lake.test_export import NEXT_DAY, ids, lake_ids

pytestmark = pytest.mark.database
IN_TWO_DAYS = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)


def data_files(settings: Any) -> int:
    return len(list(Path(settings.LAKE_URL.removeprefix("file://")).glob("events/data/**/*.parquet")))


def test_files_joined_by_compaction_go_after_a_day_and_no_row_with_them(
    record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    hits: list[Hit] = []
    for _ in range(compact.MOST_FILES + 1):
        hits += record([{}])
        export.export("hits")
        export.export("events")
    compact.compact("events", NEXT_DAY)
    assert expire.expire("events") == 0
    assert expire.collect("events") == 0
    assert expire.expire("events", IN_TWO_DAYS) > 0
    assert data_files(settings) == compact.MOST_FILES + 2
    assert expire.collect("events", IN_TWO_DAYS) > compact.MOST_FILES
    assert data_files(settings) == 1
    assert lake_ids(site, "events") == ids(hits)
    assert tables.watermark(tables.load("events"))


def test_a_file_whose_commit_never_came_goes_after_a_day(
    record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    hits = record([{}])
    export.export("hits")
    export.export("events")
    (needed,) = Path(settings.LAKE_URL.removeprefix("file://")).glob("events/data/**/*.parquet")
    needed.with_name("never-committed.parquet").write_bytes(needed.read_bytes())
    assert expire.collect("events") == 0
    assert expire.collect("events", IN_TWO_DAYS) == 1
    assert lake_ids(site, "events") == ids(hits)


def test_what_a_recount_is_undone_back_to_stays_as_long_as_the_recount(
    record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    record([{}])
    export.export("hits")
    export.export("events")
    table = tables.load("events")
    before, reached = table.current_snapshot(), tables.watermark(table)
    assert before
    (old,) = files.of(table, before)
    day = (builders.NOW - dt.timedelta(hours=1), builders.NOW + dt.timedelta(hours=1))
    rows.replace_in_lake(table, site.pk, day, table.scan().to_arrow().cast(tables.arrow_schema("events")), reached)
    record([{}])
    export.export("hits")
    export.export("events")
    expire.expire("events", IN_TWO_DAYS)
    expire.collect("events", IN_TWO_DAYS)
    assert tables.load("events").snapshot_by_id(before.snapshot_id)
    assert Path(old.address.removeprefix("file://")).exists()
    later = IN_TWO_DAYS + dt.timedelta(days=29)
    expire.expire("events", later)
    expire.collect("events", later)
    assert tables.load("events").snapshot_by_id(before.snapshot_id) is None
    assert not Path(old.address.removeprefix("file://")).exists()


def test_manifests_go_with_the_last_snapshot_that_names_them(
    record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    hits = record([{}])
    export.export("hits")
    for _ in range(2):
        export.export("events")
        hits += record([{}])
        export.export("hits")
    export.export("events")
    folder = Path(settings.LAKE_URL.removeprefix("file://")) / "events/metadata"
    (folder / "never-committed-m0.avro").write_bytes(b"")
    expire.collect("events")
    assert (folder / "never-committed-m0.avro").exists()
    expire.expire("events", IN_TWO_DAYS)
    expire.collect("events", IN_TWO_DAYS)
    named = {Path(address).name for address in files.manifests(tables.load("events"))}
    assert {path.name for path in folder.glob("*.avro")} == named
    assert lake_ids(site, "events") == ids(hits)
