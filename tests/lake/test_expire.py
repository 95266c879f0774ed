"""Old snapshots and the files that only they need go; what is needed stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics.events import Hit
from analytics.lake import compact, expire, export, tables
from analytics.sites import models
from tests.lake.test_export import ids, lake_ids

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
    compact.compact("events")
    assert expire.expire("events") == 0
    assert expire.collect("events") == 0
    assert expire.expire("events", IN_TWO_DAYS) > 0
    assert expire.collect("events", IN_TWO_DAYS) == compact.MOST_FILES + 1
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
