"""Many small files of a day that has ended → one per site bucket, with the same rows."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict

import pyarrow.dataset as ds
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from analytics.lake import files, storage, tables

log = logging.getLogger(__name__)

MOST_FILES = 8
"""A day's bucket with more files than this is rewritten."""
MOST_ROWS = 2_000_000
"""A day's bucket with more rows than this keeps its files, however small: rewriting reads it into memory."""


class FilesChanged(Exception):
    """Another commit came between, in spite of the lock: nothing was done."""


def compact(name: tables.Name, now: dt.datetime | None = None) -> int:
    """Rewrite the buckets of ended days (UTC) that have many files; how many buckets."""
    today = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).date()
    joined = 0
    for place in _crowded(tables.load(name), today):
        with tables.lock(name):
            table = tables.load(name)
            # Chosen again: another commit may have come before the lock.
            chosen = _crowded(table, today).get(place)
            if chosen:
                _join(name, table, chosen)
                joined += 1
    return joined


def _join(name: tables.Name, table: Table, chosen: list[files.DataFile]) -> None:
    paths = [str(path) for path in storage.local_all([file.address for file in chosen])]
    # The partition columns in the files' paths are no columns of the table.
    stored = ds.dataset(paths, schema=tables.arrow_schema(name), partitioning=None)
    rows = stored.to_table()
    marks = tables.watermark_property(tables.watermark(table))
    # These files by name: Iceberg cannot filter by bucket, and a filter by sites would open all files of the day.
    with table.transaction() as change, change.update_snapshot(snapshot_properties=marks).overwrite() as commit:
        for file in _stored(table, {file.address for file in chosen}):
            commit.delete_data_file(file)
        for file in _dataframe_to_data_files(table.metadata, rows, table.io, commit.commit_uuid):
            commit.append_data_file(file)
    log.info("joined %s files of %s in lake.%s: %s rows", len(chosen), chosen[0].day, name, rows.num_rows)


def _stored(table: Table, addresses: set[str]) -> list[DataFile]:
    """Iceberg's own entries of files of the current snapshot."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    entries = (entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io))
    found = [entry.data_file for entry in entries if entry.data_file.file_path in addresses]
    if len(found) != len(addresses):
        raise FilesChanged(f"{len(addresses) - len(found)} of {len(addresses)} files are not in the table any more")
    return found


def _crowded(table: Table, today: dt.date) -> dict[tuple[dt.date, int], list[files.DataFile]]:
    """(day, bucket) → its files, where they are too many."""
    snapshot = table.current_snapshot()
    found: defaultdict[tuple[dt.date, int], list[files.DataFile]] = defaultdict(list)
    for file in files.of(table, snapshot) if snapshot else ():
        if file.day < today:
            found[file.day, file.bucket].append(file)
    return {
        place: its
        for place, its in sorted(found.items())
        if len(its) > MOST_FILES and sum(file.rows for file in its) <= MOST_ROWS
    }
