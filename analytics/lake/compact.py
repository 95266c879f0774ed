"""Many small files of a past day → one per site bucket, with the same rows."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter

from pyiceberg.expressions import BooleanExpression

from analytics.lake import files, tables

log = logging.getLogger(__name__)

MOST_FILES = 8
"""A day's bucket with more files than this is rewritten."""
MOST_ROWS = 2_000_000
"""A day with more rows than this is left alone: its files are large enough, and it is read into memory."""


def compact(name: tables.Name) -> int:
    """Rewrite the days whose buckets have many small files; how many days."""
    days = _crowded_days(name)
    for day in days:
        with tables.lock(name):
            table = tables.load(name)
            reached = tables.watermark(table)
            rows = table.scan(row_filter=_day(day)).to_arrow()
            rows = rows.sort_by([("site_id", "ascending"), ("ts", "ascending")]).cast(tables.arrow_schema(name))
            table.overwrite(rows, _day(day), snapshot_properties=tables.watermark_property(reached))
            log.info("joined the files of %s in lake.%s: %s rows", day, name, rows.num_rows)
    return len(days)


def _day(day: dt.date) -> BooleanExpression:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return tables.rows(start, start + dt.timedelta(days=1))


def _crowded_days(name: tables.Name) -> list[dt.date]:
    table = tables.load(name)
    snapshot = table.current_snapshot()
    found: Counter[tuple[dt.date, int]] = Counter()
    rows: Counter[dt.date] = Counter()
    for file in files.of(table, snapshot) if snapshot else ():
        found[file.day, file.bucket] += 1
        rows[file.day] += file.rows
    return sorted({day for (day, _), n in found.items() if n > MOST_FILES and rows[day] <= MOST_ROWS})
