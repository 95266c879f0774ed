"""Rows of the hot tier into the lake, in batch order.

The snapshot that adds rows says up to which batch of each part it reaches. So a run that dies before its commit left
nothing that counts, one that dies after it is done, and running twice, late, or at once changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pyarrow as pa

from analytics.lake import convert, tables
from analytics.store import arrow, db

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
ROWS_PER_COMMIT = 200_000


@dataclass(frozen=True, slots=True)
class Exported:
    rows: int
    commits: int


def export(name: tables.Name) -> Exported:
    """Bring a table of the lake up to what is committed in TimescaleDB."""
    rows = commits = 0
    while True:
        with tables.lock(name):
            moved = _export_some(name)
        if moved is None:
            return Exported(rows, commits)
        rows, commits = rows + moved, commits + 1


def _export_some(name: tables.Name) -> int | None:
    """Up to about ROWS_PER_COMMIT rows in one commit; None when there is nothing to do."""
    table = tables.load(name)
    reached = tables.watermark(table)
    upto = _upto(name, reached)
    if upto == reached:
        return None
    found = [_rows(name, part, reached.get(part, 0), batch) for part, batch in upto.items()]
    rows = pa.concat_tables(found)
    table.append(rows, snapshot_properties=tables.watermark_property(upto))
    log.info("exported %s rows to lake.%s", rows.num_rows, name)
    return int(rows.num_rows)


def _upto(name: tables.Name, reached: dict[int, int]) -> dict[int, int]:
    """Part → the last batch that goes into the next commit."""
    upto = dict(reached)
    with db.transaction() as cursor:
        cursor.execute(_SQL["committed"])
        committed = dict(cursor.fetchall())
        if name == "events":  # an event in the lake always has its hit there
            hits = tables.watermark(tables.load("hits"))
            committed = {part: min(batch, hits.get(part, 0)) for part, batch in committed.items()}
        share = max(1, ROWS_PER_COMMIT // max(1, len(committed)))
        for part, batch in committed.items():
            cursor.execute(_SQL[f"last_{name}"], [part, reached.get(part, 0), batch, share])
            last, full = cursor.fetchone() or (None, False)
            upto[part] = last if full else batch
    return {part: batch for part, batch in upto.items() if batch}


def _rows(name: tables.Name, part: int, after: int, upto: int) -> pa.Table:
    with arrow.batches(_SQL[name], [part, after, upto]) as reader:
        return convert.to_lake(name, reader.read_all())
