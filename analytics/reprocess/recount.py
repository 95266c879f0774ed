"""One recount: the hits of a site's days through the pipeline under chosen rules, its events replaced in both stores.

Every row keeps the (part, batch) of its hit, so each stays in the store that answers for it. Between the two commits a
reader sees old rows in one store and new ones in the other, never one twice; a run that died is simply run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings
from pyiceberg.table import Table

from analytics.enrich.geo import BadDatabase, Geo
from analytics.lake import duck, tables
from analytics.pipeline import derive, visits
from analytics.reprocess import rows
from analytics.rules import Ruleset
from analytics.store import db

_SQL = db.statements(__file__)
DAY = dt.timedelta(days=1)


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
class Reach:
    """Which batches a recount is about: those committed when it looked."""

    committed: dict[int, int]
    lake: dict[int, int]

    def in_lake(self, part: int, batch: int) -> bool:
        return batch <= self.lake.get(part, 0)


def days(site_id: int, first_and_last: tuple[dt.date, dt.date], ruleset: Ruleset, again: bool) -> Iterator[Done]:
    """Recount UTC days, each in its own commit, in order. Raises CannotRecount, lake.read.LakeAway.

    `again` replaces rows that do not differ too: after a run that died between the commits of the two stores.
    """
    rules = derive.Rules(of_site=lambda _: ruleset, geo=geo())
    start = dt.datetime.combine(first_and_last[0], dt.time(), dt.UTC)
    open_visits = rows.open_visits(site_id, start)
    while start.date() <= first_and_last[1]:
        yield _Day(site_id, start, start + DAY).recount(rules, open_visits, again)
        start += DAY


def geo() -> Geo:
    """The address database. A broken one would take the places out of history. Raises CannotRecount."""
    if not settings.GEOIP_DB or not Path(settings.GEOIP_DB).exists():
        return Geo.open(None)
    try:
        return Geo.load(settings.GEOIP_DB)
    except BadDatabase as error:
        raise CannotRecount(
            f"The address database {settings.GEOIP_DB} cannot be used: {error}. Mend GEOIP_DB, or unset it to recount"
            " without places."
        ) from error


@dataclass(frozen=True, slots=True)
class _Day:
    site_id: int
    start: dt.datetime
    end: dt.datetime

    def recount(self, rules: derive.Rules, open_visits: visits.OpenVisits, again: bool) -> Done:
        with tables.lock("events"):
            table = tables.load("events")
            reach = Reach(rows.committed(), tables.watermark(table))
            hits = rows.hits(self.site_id, (self.start, self.end), reach.committed)
            derived = derive.derive(hits, rules, open_visits)
            if derived.failures:
                raise CannotRecount(_why(derived.failures, self.start, rules.of_site(self.site_id)))
            new = rows.as_arrow(derived.events, hits)
            old = rows.events(self.site_id, (self.start, self.end), reach.committed)
            if again or _differing("differing", new, old):
                self._replace(table, reach, new)
        return Done(self.start.date(), len(derived.events), _differing("changed", new, old))

    def _replace(self, table: Table, reach: Reach, new: pa.Table) -> None:
        """Swap the rows of both stores; those that only the lake keeps are not brought back to TimescaleDB."""
        with db.transaction() as cursor:
            parts, batches = list(reach.committed), list(reach.committed.values())
            cursor.execute(_SQL["drop_hot"], [self.site_id, self.start, self.end, parts, batches])
            db.copy(cursor, "event", tables.columns("events"), kept_hot(new, reach))
            if (there := of_lake(new, reach)).num_rows:
                # Before the commit of the hot rows: when the lake is away, neither store changes.
                rows.replace_in_lake(table, self.site_id, (self.start, self.end), there, reach.lake)


def _why(failures: list[derive.Failure], day: dt.datetime, ruleset: Ruleset) -> str:
    first = failures[0]
    return (
        f"{len(failures)} hits of {day.date()} cannot be processed under ruleset {ruleset.version};"
        f" the first is {first.hit.hit_id}: {first.detail}"
    )


def _differing(how: str, new: pa.Table, old: pa.Table) -> int:
    """How many rows of either are not in the other as they are, counted by hit."""
    with duck.session(duck.Limits()) as session:
        session.register("new", new)
        session.register("old", old)
        found = session.execute(_SQL[how]).fetchone()
    return int(found[0]) if found else 0


def kept_hot(new: pa.Table, reach: Reach) -> Iterator[tuple[Any, ...]]:
    """The rows for COPY that belong into TimescaleDB; what only the lake keeps is not brought back."""
    floor = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.HOT_DAYS)
    names = tables.columns("events")
    ts, part, batch = (names.index(name) for name in ("ts", "part", "batch"))
    return (row for row in rows.tuples(new) if row[ts] >= floor or not reach.in_lake(row[part], row[batch]))


def of_lake(new: pa.Table, reach: Reach) -> pa.Table:
    """The rows whose batches the lake has."""
    there = [
        reach.in_lake(part, batch)
        for part, batch in zip(new["part"].to_pylist(), new["batch"].to_pylist(), strict=True)
    ]
    return new.filter(pa.array(there, pa.bool_()))
