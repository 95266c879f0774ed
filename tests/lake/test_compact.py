"""Compaction joins what is crowded and finished, bucket by bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from analytics.events import Hit
from analytics.lake import compact, export, files, tables
from analytics.sites import create, models
from tests import builders
from tests.lake.test_export import NEXT_DAY, ids, lake_ids

pytestmark = pytest.mark.database


def buckets() -> list[int]:
    """Files per bucket, the fewest first."""
    table = tables.load("events")
    snapshot = table.current_snapshot()
    assert snapshot
    return sorted(Counter(file.bucket for file in files.of(table, snapshot)).values())


def test_the_running_day_is_left_alone(record: Callable[..., list[Hit]]) -> None:
    for _ in range(compact.MOST_FILES + 1):
        record([{}])
        export.export("hits")
        export.export("events")
    assert compact.compact("events", builders.NOW) == 0
    assert compact.compact("events", NEXT_DAY) == 1


def test_only_the_crowded_bucket_of_a_day_is_rewritten(
    record: Callable[..., list[Hit]], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(
        made
        for made in (create.site(f"{n}.example.com", organisation="Test").site for n in range(20))
        if files._bucket(made.pk) != files._bucket(site.pk)
    )
    kept = builders.record(other, [{} for _ in range(20)])
    monkeypatch.setattr(compact, "MOST_ROWS", compact.MOST_FILES + 1)
    hits: list[Hit] = []
    for _ in range(compact.MOST_FILES + 1):
        hits += record([{}])
        export.export("hits")
        export.export("events")
    assert buckets() == [1, compact.MOST_FILES + 1]
    assert compact.compact("events", NEXT_DAY) == 1
    assert buckets() == [1, 1]
    assert lake_ids(site, "events") == ids(hits)
    assert lake_ids(other, "events") == ids(kept)
