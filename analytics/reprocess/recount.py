"""One recount: the hits of a site's days through the pipeline under chosen rules, its events replaced in both stores.

Every row keeps the (part, batch) of its hit, so each stays in the store that answers for it. Between the two commits a
reader sees old rows in one store and new ones in the other, never one twice; a run that died is simply run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from django.conf import settings

from analytics.enrich.geo import Geo
from analytics.events import Ruleset
from analytics.lake import tables
from analytics.pipeline import derive, visits
from analytics.reprocess import rows
from analytics.store import db

_SQL = db.statements(__file__)
DAY = dt.timedelta(days=1)
WARM_UP = visits.LONGEST + DAY / 24
"""Hits before the range that are run through only to know which visits were open when it begins."""


class CannotRecount(Exception):
    """Some hits cannot be processed under these rules; nothing of that day was changed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What the recount of one day came to."""

    day: dt.date
    hits: int
    changed: int
    """Events that differ from the one before in more than the version of the rules."""


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which batches a recount is about: those committed when it looked."""

    committed: dict[int, int]
    lake: dict[int, int]

    def in_lake(self, part: int, batch: int) -> bool:
        return batch <= self.lake.get(part, 0)


def days(site_id: int, first: dt.date, last: dt.date, ruleset: Ruleset) -> Iterator[Done]:
    """Recount the UTC days first … last, each in its own commit, in order. Raises CannotRecount, lake.read.LakeAway."""
    rules = derive.Rules(of_site=lambda _: ruleset, geo=Geo.open(settings.GEOIP_DB or None))
    open_visits = visits.OpenVisits()
    start = dt.datetime.combine(first, dt.time(), dt.UTC)
    derive.derive(rows.hits(site_id, start - WARM_UP, start, rows.committed()), rules, open_visits)
    while start.date() <= last:
        yield _day(site_id, start, rules, open_visits)
        start += DAY


def _day(site_id: int, start: dt.datetime, rules: derive.Rules, open_visits: visits.OpenVisits) -> Done:
    end = start + DAY
    with tables.lock("events"):
        table = tables.load("events")
        reach = _Reach(rows.committed(), tables.watermark(table))
        hits = rows.hits(site_id, start, end, reach.committed)
        derived = derive.derive(hits, rules, open_visits)
        if derived.failures:
            first = derived.failures[0]
            raise CannotRecount(
                f"{len(derived.failures)} hits of {start.date()} cannot be processed under ruleset"
                f" {rules.of_site(site_id).version}; the first is {first.hit.hit_id}: {first.detail}"
            )
        new = rows.as_arrow(derived.events, hits)
        old = rows.events(site_id, start, end, reach.committed)
        if _differing("differing", new, old):
            _replace_hot(site_id, (start, end), reach, new)
            if (there := _of_lake(new, reach)).num_rows:
                rows.replace_in_lake(table, site_id, (start, end), there, reach.lake)
    return Done(start.date(), len(derived.events), _differing("changed", new, old))


def _differing(how: str, new: pa.Table, old: pa.Table) -> int:
    """How many rows of either are not in the other as they are, counted by hit."""
    with duckdb.connect() as connection:
        connection.register("new", new)
        connection.register("old", old)
        found = connection.execute(_SQL[how]).fetchone()
    return int(found[0]) if found else 0


def _of_lake(new: pa.Table, reach: _Reach) -> pa.Table:
    """The rows whose batches the lake has."""
    there = [
        reach.in_lake(part, batch)
        for part, batch in zip(new["part"].to_pylist(), new["batch"].to_pylist(), strict=True)
    ]
    return new.filter(pa.array(there, pa.bool_()))


def _replace_hot(site_id: int, between: tuple[dt.datetime, dt.datetime], reach: _Reach, new: pa.Table) -> None:
    """Replace the rows of TimescaleDB; those that only the lake keeps are not brought back."""
    floor = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.HOT_DAYS)
    names = tables.columns("events")
    with db.transaction() as cursor:
        parts, batches = list(reach.committed), list(reach.committed.values())
        cursor.execute(_SQL["drop_hot"], [site_id, *between, parts, batches])
        kept = (
            row
            for row in rows.tuples(new)
            if row[names.index("ts")] >= floor or not reach.in_lake(row[names.index("part")], row[names.index("batch")])
        )
        db.copy(cursor, "event", names, kept)
