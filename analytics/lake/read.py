"""Which files of the lake answer a question."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from analytics.lake import files, storage, tables


class LakeAway(Exception):
    """The lake's catalog or files cannot be read now."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One consistent view: local Parquet files that hold every row asked for (and others), and how far they reach."""

    files: tuple[str, ...]
    watermark: dict[int, int]
    """Part → the last batch in the lake; rows of later batches are in TimescaleDB only."""
    snapshot_id: int | None
    rows: int = 0
    """Rows of the files, of whichever site."""


NOTHING = Slice((), {}, None)
"""What a lake has that is not asked."""


def slice(site_id: int, start: dt.datetime, end: dt.datetime, table: tables.Name = "events") -> Slice:
    """The files with a site's rows of start ≤ ts < end in the table's newest snapshot. Raises LakeAway."""
    try:
        found = tables.load(table)
        snapshot = found.current_snapshot()
        if snapshot is None:
            return NOTHING
        wanted = files.of_site(found, snapshot, site_id, (start, end))
        paths = tuple(sorted(map(str, storage.local_all([file.address for file in wanted]))))
        return Slice(paths, tables.watermark(found), snapshot.snapshot_id, sum(file.rows for file in wanted))
    except (*storage.FAULTS, SQLAlchemyError) as error:
        raise LakeAway(f"the lake cannot be read: {error}") from error
