"""Stretches: what a visit did in a quarter of an hour, one row each, derived from the events of a day that has ended.

Reports about whole visits read a third of the rows this way, and most visits are complete in one of them. A file of
stretches is a function of the events' files of one day and bucket, and is named by them: when these are replaced (a
recount, late events, compaction) it is no longer found, until it is derived anew. Nothing is lost with it.

Left-out events (bots …) are not in them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from analytics.lake import duck, files, storage, tables
from analytics.store import db

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
FOLDER = "visits"
QUARTER = dt.timedelta(minutes=15)
"""Days and hours begin at quarters of an hour in every zone, today."""
ATTRIBUTES = (
    "entry_path", "referrer", "source", "medium", "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content",
    "utm_term", "country", "region", "city", "browser", "browser_version", "os", "os_version", "device", "screen",
    "language",
)  # fmt: skip
"""Columns of the events that belong to their visit."""
MOST_ROWS = 2_000_000
"""Of a day's bucket with more events than this no stretches are made: it is done in memory."""
KEPT = dt.timedelta(days=1)
"""Files of stretches that are no longer found are kept for so long: a report may be reading them."""
_LISTED_SECONDS = 60
_VERSION = b"1"
"""Of what is derived, and how."""

_listed: dict[tuple[str, int], tuple[float, Mapping[str, Derived]]] = {}
_lock = threading.Lock()
Place = tuple[dt.date, int]
"""A day and a bucket of sites."""


def places(found: Iterable[files.DataFile]) -> dict[Place, list[files.DataFile]]:
    """Files by where they belong, in order of days."""
    by_place: defaultdict[Place, list[files.DataFile]] = defaultdict(list)
    for file in sorted(found):
        by_place[file.day, file.bucket].append(file)
    return dict(sorted(by_place.items()))


class Derived(NamedTuple):
    """A file of stretches."""

    name: str
    """In the storage."""
    rows: int

    @property
    def address(self) -> str:
        return storage.address_of(self.name)


def key(place: Place, sources: Sequence[files.DataFile]) -> str:
    """How the name of the file of stretches of these files of events begins; the number of its rows comes after."""
    digest = hashlib.blake2b(_VERSION, digest_size=12)
    for address in sorted(file.address for file in sources):
        digest.update(address.encode() + b"\n")
    return f"{FOLDER}/{place[1]}/{place[0]:%Y%m%d}-{digest.hexdigest()}"


def listed(bucket: int) -> Mapping[str, Derived]:
    """The files of stretches of a bucket by their keys, as they were at most a minute ago."""
    where, now = (settings.LAKE_URL, bucket), time.monotonic()
    with _lock:
        known = _listed.get(where)
    if known is None or known[0] < now - _LISTED_SECONDS:
        known = now, _there(f"{FOLDER}/{bucket}")
        with _lock:
            _listed[where] = known
    return known[1]


def derive(now: dt.datetime | None = None) -> int:
    """Make the stretches of ended days (UTC) that are missing; how many files."""
    today, made = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).date(), 0
    there = _there(FOLDER)
    for place, sources in _current().items():
        wanted = key(place, sources)
        if place[0] < today and wanted not in there and sum(file.rows for file in sources) <= MOST_ROWS:
            _write(wanted, _rows(place[0], sources))
            made += 1
    if made:
        log.info("made %s files of stretches", made)
        with _lock:
            _listed.clear()
    return made


def collect(now: dt.datetime | None = None) -> int:
    """Delete files of stretches whose events have been replaced; how many."""
    before = (now or dt.datetime.now(dt.UTC)) - KEPT
    store = storage.storage()
    there = _there(FOLDER)
    needed = {key(place, sources) for place, sources in _current().items()}
    stale = [its.name for found, its in there.items() if found not in needed]
    stale = [name for name in stale if store.get_modified_time(name) < before]
    for name in stale:
        store.delete(name)
    return len(stale)


def _current() -> dict[Place, list[files.DataFile]]:
    table = tables.load("events")
    snapshot = table.current_snapshot()
    return places(files.of(table, snapshot)) if snapshot else {}


def _there(folder: str) -> dict[str, Derived]:
    found = (name.split(".") for name in storage.walk(folder) if name.endswith(".parquet"))
    return {start: Derived(f"{start}.{rows}.parquet", int(rows)) for start, rows, _ in found}


def _rows(day: dt.date, sources: Sequence[files.DataFile]) -> pa.Table:
    paths = [str(path) for path in storage.local_all([file.address for file in sources])]
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    text = _SQL["stretches"].format(attributes=", ".join(ATTRIBUTES))
    with duck.session(duck.Limits()) as session:
        return session.sql(text, params=[paths, start, start + dt.timedelta(days=1)]).to_arrow_table()


def _write(wanted: str, rows: pa.Table) -> None:
    content = io.BytesIO()
    # Ids are hardly ever repeated: a dictionary of them would only be in the way.
    pq.write_table(rows, content, compression="zstd", compression_level=6, use_dictionary=list(ATTRIBUTES))
    storage.put(f"{wanted}.{rows.num_rows}.parquet", content.getvalue())
