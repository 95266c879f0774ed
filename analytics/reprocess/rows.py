"""The hits and events of a site and range from both stores, each row once: the lake as far as it reaches, then the hot
tier up to what was committed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyiceberg.table import Table

from analytics.events import Event, Hit, VisitAttributes
from analytics.lake import convert, read, tables
from analytics.pipeline.visits import PLACED_AS_COUNTED, OpenVisits, Visit
from analytics.store import arrow, db

_SQL = db.statements(__file__)
_HIT_FIELDS = [field.name for field in msgspec.structs.fields(Hit) if field.name != "previous_visitor_id"]


ATTRIBUTES = [field.name for field in msgspec.structs.fields(VisitAttributes)]
LONGEST_IDLE = dt.timedelta(hours=8)
"""No site's visits may be idle for longer."""


Span = tuple[dt.datetime, dt.datetime]
"""Start ≤ ts < end."""


class PlacedHit(Hit, frozen=True, array_like=True, kw_only=True):
    """A stored hit with the place its event inherits."""

    part: int = 0
    batch: int = 0


def committed() -> dict[int, int]:
    """Part → the last batch in TimescaleDB."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["committed"])
        return dict(cursor.fetchall())


def hits(
    site_id: int, between: Span, upto: Mapping[int, int], visitors: Collection[int] | None = None
) -> list[PlacedHit]:
    """The hits that have an event, start ≤ ts < end, of batches up to `upto`; of some visitors or of all."""
    found = _both("hits", site_id, between, upto, visitors)
    found = found.filter(pc.equal(found["refused"], ""))
    return [PlacedHit(**row) for row in found.select([*_HIT_FIELDS, "part", "batch"]).to_pylist()]


def events(site_id: int, between: Span, upto: Mapping[int, int], visitors: Collection[int] | None = None) -> pa.Table:
    """The events with start ≤ ts < end of batches up to `upto`; of some visitors or of all."""
    return _both("events", site_id, between, upto, visitors)


def open_visits(site_id: int, moment: dt.datetime, visitors: Collection[int] | None = None) -> OpenVisits:
    """The visits that may still go on at a moment, as the stored events tell; of some visitors or of all."""
    found = OpenVisits()
    latest: dict[int, tuple[dict[str, Any], dt.datetime]] = {}
    for row in events(site_id, (moment - LONGEST_IDLE, moment), committed(), visitors).to_pylist():
        _, last_at = latest.get(row["visit_id"], (row, row["ts"]))
        latest[row["visit_id"]] = (row, max(last_at, row["ts"]))
    for row, last_at in sorted(latest.values(), key=lambda one: one[1]):
        attributes = VisitAttributes(**{name: row[name] for name in ATTRIBUTES})
        counted = row["category"] in PLACED_AS_COUNTED
        visit = Visit(row["visit_id"], row["visitor_id"], row["visit_started_at"], last_at, counted, attributes)
        found.open(site_id, visit)
    return found


def _both(
    name: tables.Name, site_id: int, between: Span, upto: Mapping[int, int], visitors: Collection[int] | None
) -> pa.Table:
    found = read.slice(site_id, *between, name)
    pieces = [tables.arrow_schema(name).empty_table()]
    if found.files:
        ts = ds.field("ts")
        wanted = (ds.field("site_id") == site_id) & (ts >= pa.scalar(between[0])) & (ts < pa.scalar(between[1]))
        if visitors is not None:
            wanted &= ds.field("visitor_id").isin(pa.array(visitors, pa.int64()))
        # The partition columns in the files' paths are no columns of the table.
        stored = ds.dataset(list(found.files), schema=tables.arrow_schema(name), partitioning=None)
        pieces.append(stored.to_table(filter=wanted))
    for part, batch in upto.items():
        after = found.watermark.get(part, 0)
        if batch > after:
            given = [site_id, *between, part, after, batch, _array(visitors)]
            with arrow.batches(_SQL[f"hot_{name}"], given) as reader:
                pieces.append(convert.to_lake(name, reader.read_all()))
    return pa.concat_tables(pieces)


def _array(numbers: Collection[int] | None) -> str | None:
    return None if numbers is None else f"{{{','.join(map(str, numbers))}}}"


def as_arrow(derived: Iterable[Event], sources: Iterable[PlacedHit]) -> pa.Table:
    """Events as rows of the lake, each at the place of its hit."""
    places = {hit.hit_id: (hit.part, hit.batch) for hit in sources}
    rows = []
    for event in derived:
        part, batch = places[event.hit_id]
        row = msgspec.structs.asdict(event) | {"part": part, "batch": batch, "hit_id": event.hit_id.bytes}
        row["event_id"] = event.event_id.bytes if event.event_id else None
        rows.append(row)
    schema = tables.arrow_schema("events")
    plain = pa.schema([pa.field(f.name, _storage(f.type), f.nullable) for f in schema])
    return convert.to_lake("events", pa.Table.from_pylist(rows, plain))


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows for COPY."""
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def replace_in_lake(
    table: Table,
    site_id: int,
    between: Span,
    new: pa.Table,
    reached: dict[int, int],
) -> None:
    """Replace the rows of a site and range in `lake.events`, in one commit."""
    marks = tables.watermark_property(reached) | {"recount.id": f"{site_id}:{between[0].date()}"}
    table.overwrite(new, tables.rows(*between, site_id), snapshot_properties=marks)
