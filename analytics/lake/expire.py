"""Snapshots are kept for as long as a recount can be undone; then they and the files only they need go."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator

from analytics.lake import files, storage, tables

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


def collect(name: tables.Name, now: dt.datetime | None = None) -> int:
    """Delete the data files that no snapshot needs: of expired snapshots, and of commits that never came; how many.

    Files younger than a day stay: their commit may still be on its way.
    """
    before = (now or dt.datetime.now(dt.UTC)) - EXPORTS_KEPT
    store = storage.storage()
    # First what is there, then what is needed: a file committed in between is in the second and stays.
    there = [found for found in _walk(f"{name}/data") if store.get_modified_time(found) < before]
    needed = {storage.name_of(address) for address in files.needed(tables.load(name))}
    orphans = [found for found in there if found not in needed]
    for orphan in orphans:
        store.delete(orphan)
    return len(orphans)


def _walk(folder: str) -> Iterator[str]:
    try:
        folders, files = storage.storage().listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}" for file in files)
    for inner in folders:
        yield from _walk(f"{folder}/{inner}")
