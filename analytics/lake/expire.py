"""Snapshots are kept for as long as a recount can be undone; then they and the files only they need go."""

from __future__ import annotations

import datetime as dt
import logging

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

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
        kept = _kept(table, now)
        old = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id not in kept]
        if old:
            table.maintenance.expire_snapshots().by_ids(old).commit()
            log.info("dropped %s snapshots of lake.%s", len(old), name)
    return len(old)


def _kept(table: Table, now: dt.datetime) -> set[int]:
    """The current snapshot, young ones, and those of recounts that can be undone, with what they are undone back to."""
    known = {snapshot.snapshot_id: snapshot for snapshot in table.snapshots()}
    current = table.current_snapshot()
    kept = {current.snapshot_id} if current else set()
    for snapshot in known.values():
        age = now - dt.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, dt.UTC)
        if age <= EXPORTS_KEPT:
            kept.add(snapshot.snapshot_id)
        if age <= KEPT:
            # A recount is several snapshots in a row; the one before them is the table without it.
            step: Snapshot | None = snapshot
            while step is not None and _is_recount(step):
                kept.update({step.snapshot_id, step.parent_snapshot_id or step.snapshot_id})
                step = known.get(step.parent_snapshot_id or 0)
    return kept


def _is_recount(snapshot: Snapshot) -> bool:
    return snapshot.summary is not None and "recount.id" in snapshot.summary.additional_properties


def collect(name: tables.Name, now: dt.datetime | None = None) -> int:
    """Delete the data files, manifests and manifest lists that no snapshot needs: of expired snapshots, and of commits
    that never came; how many files.

    Files younger than a day stay: their commit may still be on its way.
    """
    before = (now or dt.datetime.now(dt.UTC)) - EXPORTS_KEPT
    store = storage.storage()
    # First what is there, then what is needed: a file committed in between is in the second and stays.
    there = [
        *storage.walk(f"{name}/data"),
        *(found for found in storage.walk(f"{name}/metadata") if found.endswith(".avro")),
    ]
    table = tables.load(name)
    needed = {storage.name_of(address) for address in files.needed(table) | files.manifests(table)}
    orphans = [found for found in there if found not in needed and store.get_modified_time(found) < before]
    for orphan in orphans:
        store.delete(orphan)
    return len(orphans)
