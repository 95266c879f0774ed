"""Stretches are made of the events of days that have ended, joined by months, and deleted when their events go."""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.lake import duck, files, layout, storage, stretches, tables
from analytics.lake.stretches import ATTRIBUTES, Day, Derived, Month
from analytics.store import db

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
ROWS_AT_ONCE = 500_000
"""Events whose visits are put together at once."""
MOST_JOINED = 1_000_000
"""Stretches of a month: with more, its days are large enough, and joining them would take much memory."""
_IN_MEMORY_BYTES = 16 << 20
KEPT = dt.timedelta(days=1)
"""Files that are no longer found are kept for so long: a report may be reading them."""


def derive(now: dt.datetime | None = None) -> int:
    """Make what is missing of the days and months (UTC) that have ended; how many files."""
    today = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).date()
    there, made = stretches.in_folder(), 0
    for month, days in _current().items():
        for day in days:
            if day.date < today and day.key not in there:
                there[day.key] = _write(day.key, _of_day(day))
                made += 1
        if joined := _joined(month, days, there, today):
            there[stretches.month_key(days)] = _write(stretches.month_key(days), [joined])
            made += 1
    if made:
        log.info("made %s files of stretches", made)
        stretches.look_again()
    return made


def collect(now: dt.datetime | None = None) -> int:
    """Delete files of stretches whose events have been replaced; how many."""
    before, store = (now or dt.datetime.now(dt.UTC)) - KEPT, storage.storage()
    there, current = stretches.in_folder(), _current().values()
    needed = {stretches.month_key(days) for days in current} | {day.key for days in current for day in days}
    stale = [its.name for key, its in there.items() if key not in needed]
    stale = [name for name in stale if store.get_modified_time(name) < before]
    for name in stale:
        store.delete(name)
    return len(stale)


def _current() -> dict[Month, list[Day]]:
    table = tables.load("events")
    snapshot = table.current_snapshot()
    return stretches.months(files.of(table, snapshot)) if snapshot else {}


def _of_day(day: Day) -> Iterator[pa.Table]:
    """The stretches of a day, some visits after others."""
    paths = [str(path) for path in storage.local_all([file.address for file in day.sources])]
    start = dt.datetime.combine(day.date, dt.time(), dt.UTC)
    text = _SQL["day"].format(attributes=", ".join(ATTRIBUTES))
    parts = 1 + sum(file.rows for file in day.sources) // ROWS_AT_ONCE
    with duck.session(duck.Limits()) as session:
        for part in range(parts):
            yield session.sql(text, params=[paths, start, start + dt.timedelta(days=1), parts, part]).to_arrow_table()


def _joined(month: Month, days: Sequence[Day], there: dict[str, Derived], today: dt.date) -> pa.Table | None:
    """The stretches of a month that has ended, when it is not there and all of its days are."""
    made = [there[day.key] for day in days if day.key in there]
    if stretches.next_month(month.first) > today or stretches.month_key(days) in there or len(made) < len(days):
        return None
    if len(made) == 1 or sum(one.rows for one in made) > MOST_JOINED:
        return None
    paths = storage.local_all([one.address for one in made])
    return pa.concat_tables(pq.ParquetFile(path).read() for path in paths).sort_by(
        [("site_id", "ascending"), ("ts", "ascending")]
    )


def _write(key: str, pieces: Iterable[pa.Table]) -> Derived:
    """One file of at least one piece, each in row groups of its own."""
    written = 0
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as content:
        writer: pq.ParquetWriter | None = None
        for rows in pieces:
            writer = writer or pq.ParquetWriter(content, rows.schema, **layout.encodings(rows.schema))
            for start, end in layout.groups(rows["site_id"]):
                writer.write_table(rows.slice(start, end - start), row_group_size=layout.ROWS_OF_A_GROUP)
            written += rows.num_rows
        if writer is None:
            raise ValueError("no pieces")
        writer.close()
        content.seek(0)
        made = Derived(f"{key}.{written}.parquet", written)
        storage.put(made.name, content)
    return made
