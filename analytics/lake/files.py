"""The data files of a snapshot, from its manifests. Manifests never change, so each is read once per process."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from typing import NamedTuple

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import IntegerType

from analytics.lake import tables

MOST_MANIFESTS = 1024
EPOCH = dt.date(1970, 1, 1)

_known: OrderedDict[str, tuple[DataFile, ...]] = OrderedDict()
_lock = threading.Lock()
_bucket = BucketTransform(tables.BUCKETS).transform(IntegerType())


class DataFile(NamedTuple):
    """A Parquet file: all of its rows are of one day (UTC) and one bucket of sites."""

    address: str
    day: dt.date
    bucket: int
    rows: int
    ruleset: int | None = None
    """The ruleset version of all of its events, if it is one."""


def of(table: Table, snapshot: Snapshot) -> list[DataFile]:
    """The files that hold the rows of a snapshot."""
    return [file for manifest in snapshot.manifests(table.io) for file in _of_manifest(table, manifest)]


def of_site(table: Table, snapshot: Snapshot, site_id: int, between: tuple[dt.datetime, dt.datetime]) -> list[DataFile]:
    """Those that can have rows of a site with start ≤ ts < end."""
    return of_site_on(table, snapshot, site_id, days(between))


def of_site_on(table: Table, snapshot: Snapshot, site_id: int, days: tuple[dt.date, dt.date]) -> list[DataFile]:
    """Those that can have rows of a site on these days (UTC), the last one included."""
    (first, last), bucket = days, _bucket(site_id)
    return [file for file in of(table, snapshot) if file.bucket == bucket and first <= file.day <= last]


def days(between: tuple[dt.datetime, dt.datetime]) -> tuple[dt.date, dt.date]:
    """The first and the last day (UTC) of start ≤ ts < end."""
    start, end = (moment.astimezone(dt.UTC) for moment in between)
    return start.date(), (end - dt.timedelta.resolution).date()


def needed(table: Table) -> set[str]:
    """The addresses of all files that any snapshot still needs."""
    return {file.address for snapshot in table.snapshots() for file in of(table, snapshot)}


def manifests(table: Table) -> set[str]:
    """The addresses of all manifest lists and manifests that any snapshot still needs."""
    lists = {snapshot.manifest_list for snapshot in table.snapshots()}
    return lists | {found.manifest_path for snapshot in table.snapshots() for found in snapshot.manifests(table.io)}


def _of_manifest(table: Table, manifest: ManifestFile) -> tuple[DataFile, ...]:
    with _lock:
        if manifest.manifest_path in _known:
            _known.move_to_end(manifest.manifest_path)
            return _known[manifest.manifest_path]
    found = tuple(
        DataFile(
            file.file_path,
            EPOCH + dt.timedelta(days=int(file.partition[0])),
            int(file.partition[1]),
            file.record_count,
            _ruleset(table, file),
        )
        for file in (entry.data_file for entry in manifest.fetch_manifest_entry(table.io))
    )
    with _lock:
        _known[manifest.manifest_path] = found
        while len(_known) > MOST_MANIFESTS:
            _known.popitem(last=False)
    return found


def _ruleset(table: Table, file: IcebergFile) -> int | None:
    columns = [field for field in table.schema().fields if field.name == "ruleset"]
    if not columns or file.lower_bounds is None or file.upper_bounds is None:
        return None
    low, high = (bounds.get(columns[0].field_id) for bounds in (file.lower_bounds, file.upper_bounds))
    return int(from_bytes(IntegerType(), low)) if low is not None and low == high else None
