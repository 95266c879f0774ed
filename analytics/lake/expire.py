"""Snapshots are kept for as long as a recount can be undone; then they and the files only they need go."""

from __future__ import annotations

import datetime as dt
import logging

from analytics.lake import storage, tables

log = logging.getLogger(__name__)

KEPT = dt.timedelta(days=30)
EXPORTS_KEPT = dt.timedelta(days=1)
"""Snapshots of plain exports are needed for a day only: nothing is ever undone back to them."""


def expire(name: tables.Name, now: dt.datetime | None = None) -> int:
    """Drop old snapshots; how many."""
    now = now or dt.datetime.now(dt.UTC)
    with tables.lock(name):
        table = tables.load(name)
        current = table.current_snapshot()
        old = []
        for snapshot in table.snapshots():
            age = now - dt.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, dt.UTC)
            recount = snapshot.summary is not None and "recount.id" in snapshot.summary.additional_properties
            if age > (KEPT if recount else EXPORTS_KEPT) and snapshot != current:
                old.append(snapshot.snapshot_id)
        if old:
            table.maintenance.expire_snapshots().by_ids(old).commit()
            log.info("dropped %s snapshots of lake.%s", len(old), name)
    return len(old)


def orphans(name: tables.Name) -> set[str]:
    """Names of data files in the storage that no snapshot needs."""
    table = tables.load(name)
    needed = {storage.name_of(path) for path in table.inspect.all_files()["file_path"].to_pylist()}
    return {found for found in _walk(f"{name}/data") if found not in needed}


def _walk(folder: str) -> list[str]:
    try:
        folders, files = storage.storage().listdir(folder)
    except FileNotFoundError:
        return []
    found = [f"{folder}/{file}" for file in files]
    for inner in folders:
        found += _walk(f"{folder}/{inner}")
    return found
