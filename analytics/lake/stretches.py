"""Stretches: what a visit did in a quarter of an hour, one row each, derived from the events of days that have ended.

Reports about whole visits read a third of the rows this way, and most visits are complete in one of them. A file of
stretches is a function of the events' files of one day and bucket, and is named by them: when these are replaced (a
recount, late events, compaction) it is no longer found, until it is derived anew. Nothing is lost with it. The files of
a month that has ended are joined in one more file, named by all of theirs.

Left-out events (bots …) are not in them. `derive.py` makes them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.conf import settings

from analytics.lake import files, storage

FOLDER = "visits"
QUARTER = dt.timedelta(minutes=15)
"""Days and hours begin at quarters of an hour in every zone, today."""
ATTRIBUTES = (
    "entry_path", "referrer", "source", "medium", "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content",
    "utm_term", "country", "region", "city", "browser", "browser_version", "os", "os_version", "device", "screen",
    "language",
)  # fmt: skip
"""Columns of the events that belong to their visit."""
_LISTED_SECONDS = 60
_VERSION = b"1"
"""Of what is derived, and how."""

_listed: dict[tuple[str, int], tuple[float, Mapping[str, Derived]]] = {}
_lock = threading.Lock()


class Derived(NamedTuple):
    """A file of stretches."""

    name: str
    """In the storage."""
    rows: int

    @property
    def address(self) -> str:
        return storage.address_of(self.name)


class Month(NamedTuple):
    first: dt.date
    """Its first day."""
    bucket: int


@dataclass(frozen=True, slots=True)
class Day:
    """The events' files of one day and bucket."""

    date: dt.date
    bucket: int
    sources: Sequence[files.DataFile]
    key: str = field(init=False)
    """How the name of its file of stretches begins; the number of rows comes after."""

    def __post_init__(self) -> None:
        named = _key(self.bucket, f"{self.date:%Y%m%d}", (file.address for file in self.sources))
        object.__setattr__(self, "key", named)

    @property
    def month(self) -> Month:
        return Month(self.date.replace(day=1), self.bucket)


def month_key(days: Sequence[Day]) -> str:
    """The same of a month, of which these are all days that have events."""
    return _key(days[0].bucket, f"{days[0].date:%Y%m}", (day.key for day in days))


def _key(bucket: int, stamp: str, made_of: Iterable[str]) -> str:
    digest = hashlib.blake2b(_VERSION, digest_size=12)
    for each in sorted(made_of):
        digest.update(each.encode() + b"\n")
    return f"{FOLDER}/{bucket}/{stamp}-{digest.hexdigest()}"


def months(found: Iterable[files.DataFile]) -> dict[Month, list[Day]]:
    """Files by month and day, in order of time."""
    by_day: defaultdict[tuple[dt.date, int], list[files.DataFile]] = defaultdict(list)
    for file in found:
        by_day[file.day, file.bucket].append(file)
    by_month: defaultdict[Month, list[Day]] = defaultdict(list)
    for (date, bucket), sources in sorted(by_day.items()):
        day = Day(date, bucket, sources)
        by_month[day.month].append(day)
    return by_month


class Chosen(NamedTuple):
    events: list[files.DataFile]
    derived: list[Derived]


def choose(
    found: Iterable[files.DataFile], between: tuple[dt.date, dt.date], exact: frozenset[dt.date] = frozenset()
) -> Chosen:
    """Files of stretches in place of events' files where there are some.

    `found` has all files of some buckets of `whole_months(between)`; what is wanted are the days `between` (both
    included), and of the days `exact` their events.
    """
    chosen = Chosen([], [])
    for month, days in months(found).items():
        listed = there(month.bucket)
        wanted = [day for day in days if between[0] <= day.date <= between[1]]
        is_worth_it = len(wanted) * 3 >= len(days) and not any(day.date in exact for day in wanted)
        joined = listed.get(month_key(days)) if is_worth_it else None
        if joined is not None:
            chosen.derived.append(joined)
            continue
        for day in wanted:
            derived = listed.get(day.key)
            if derived is None or day.date in exact:
                chosen.events.extend(day.sources)
            else:
                chosen.derived.append(derived)
    return chosen


def whole_months(between: tuple[dt.date, dt.date]) -> tuple[dt.date, dt.date]:
    """Some days, and all others of their months."""
    return between[0].replace(day=1), next_month(between[1].replace(day=1)) - dt.timedelta(days=1)


def next_month(first: dt.date) -> dt.date:
    """The first day of the month after."""
    return (first + dt.timedelta(days=31)).replace(day=1)


def there(bucket: int) -> Mapping[str, Derived]:
    """The files of stretches of a bucket by their keys, as they were at most a minute ago."""
    where, now = (settings.LAKE_URL, bucket), time.monotonic()
    with _lock:
        known = _listed.get(where)
    if known is None or known[0] < now - _LISTED_SECONDS:
        known = now, in_folder(f"{FOLDER}/{bucket}")
        with _lock:
            _listed[where] = known
    return known[1]


def in_folder(folder: str = FOLDER) -> dict[str, Derived]:
    """The files of stretches by their keys, as they are now."""
    found = (name.split(".") for name in storage.walk(folder) if name.endswith(".parquet"))
    return {start: Derived(f"{start}.{rows}.parquet", int(rows)) for start, rows, _ in found}


def look_again() -> None:
    """Forget what was listed: there is something new."""
    with _lock:
        _listed.clear()
