"""What an event costs where it is kept: bytes in TimescaleDB and in the lake, time of the export."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings

from analytics.lake import export, tables
from analytics.store import db

NAMES: tuple[tables.Name, ...] = ("hits", "events")


@dataclass(frozen=True)
class Stored:
    """Bytes of an event, by where they are; microseconds of CPU that its export took."""

    hot: dict[str, float]
    lake: dict[str, float]
    export_cpu: float

    def lines(self) -> list[str]:
        hot, lake = (", ".join(f"{name} {n:.0f}" for name, n in kind.items()) for kind in (self.hot, self.lake))
        return [
            f"bytes of an event in TimescaleDB, with indexes: {hot}",
            f"bytes of an event in the lake, as exported: {lake}",
            f"export: {self.export_cpu:.1f} µs of CPU for an event, hits and events together",
        ]


def measure(events: int) -> Stored:
    """Of the rows that are in the tables now; brings them into the lake."""
    began_at = time.process_time()
    for name in NAMES:
        export.export(name)
    spent = time.process_time() - began_at
    return Stored(
        hot={table: _bytes(table) / events for table in ("hit", "event", "seen_event")},
        lake={name: in_lake(name) for name in NAMES},
        export_cpu=spent / events * 1e6,
    )


def _bytes(table: str) -> int:
    statement = (
        "SELECT hypertable_size($1::text::regclass)"
        if table != "seen_event"
        else "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = $1::text::regclass"
    )
    with db.transaction() as cursor:
        cursor.execute(statement, [table])
        ((size,),) = cursor.fetchall()
    return int(size)


def in_lake(name: tables.Name) -> float:
    """Bytes of the table's files for each of their rows."""
    table = tables.load(name)
    snapshot = table.current_snapshot()
    if snapshot is None or snapshot.summary is None:
        raise SystemExit(f"nothing of {name} was exported to {settings.LAKE_URL}")
    return int(snapshot.summary["total-files-size"] or 0) / int(snapshot.summary["total-records"] or 1)
