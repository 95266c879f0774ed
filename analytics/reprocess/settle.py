"""Late events find their visits: the hours around them are derived again, of just the visitors they are of.

The writer places an event as it comes and marks those that came late (`unsettled`). Here the visitor's events around a
mark are placed in order of time (`anew`), and where that gives other visits the rows of these are replaced in both
stores, each at its place (part, batch). The marks go in the transaction that makes the hot rows right: a run that broke
off is simply run again.

A visit that may still go on is left alone, for its writer holds it in memory under its old id: its marks wait. It may
go on for two idle times after what has been written: an event that is no older than one when it comes is not late
(`visits.OpenVisits`), and joins a visit that was idle for another.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from pyiceberg.table import Table

from analytics import buffer
from analytics.buffer import place
from analytics.enrich.geo import Geo
from analytics.lake import tables
from analytics.pipeline import rebuild
from analytics.reprocess import anew, recount, rows
from analytics.store import db, unsettled

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
_LOCK_SPACE = 7008
MARGIN = dt.timedelta(minutes=10)
MARKS_AT_ONCE = 5_000
EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_INSTANT = dt.timedelta(microseconds=1)


@dataclass
class Settled:
    """What a run came to."""

    marks: int = 0
    changed: int = 0
    """Events that are in another visit now, and those that were in these visits before."""
    waiting: int = 0
    """Marks of visits that may still go on."""


@dataclass(frozen=True)
class _Page:
    """Marks of one site, within a day."""

    site_id: int
    marks: list[tuple[int, int, dt.datetime]]
    """(id, visitor, ts)"""

    @property
    def visitors(self) -> list[int]:
        return sorted({visitor for _, visitor, _ in self.marks})

    @property
    def span(self) -> rows.Span:
        return self.marks[0][2] - unsettled.AROUND, self.marks[-1][2] + unsettled.AROUND

    def of(self, visitors: set[int]) -> list[int]:
        """The ids of the marks of some visitors."""
        return [number for number, visitor, _ in self.marks if visitor in visitors]

    def hot(self) -> dict[UUID, anew.Place]:
        """Where the hot tier has the events, which may differ from the lake after a run that broke off."""
        with db.transaction() as cursor:
            cursor.execute(_SQL["hot"], [self.site_id, *self.span, self.visitors])
            return {hit_id: (visit, started_at) for hit_id, visit, started_at in cursor.fetchall()}


@dataclass(frozen=True)
class _Run:
    """What the pages of a run share."""

    upto: dt.datetime
    """What came before is written."""
    geo: Callable[[], Geo]
    done: Settled


def settle_due(now: dt.datetime, site_id: int | None = None) -> Settled:
    """Settle what can be settled, of one site or of all; one run at a time. Raises what the stores and the buffer
    raise, and recount.CannotRecount."""
    done = Settled()
    with db.transaction() as cursor:
        cursor.execute(_SQL["one_at_a_time"], [_LOCK_SPACE])
        if cursor.fetchall() != [(True,)]:
            return done
        cursor.execute(_SQL["orphans"])
        cursor.execute(_SQL["sites"])
        sites = [site for (site,) in cursor.fetchall() if site_id in (None, site)]
        run = _Run(_written_upto(now), functools.cache(recount.geo), done)
        for page in _in_turn([_pages(site) for site in sites]):
            _settle(page, run)
    return done


def _written_upto(now: dt.datetime) -> dt.datetime:
    """What came before this moment is written."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["oldest_overflow"])
        waiting: list[dt.datetime] = [pushed_at for (pushed_at,) in cursor.fetchall()]
        offsets = rebuild.offsets(cursor)
    for part in range(settings.BUFFER_PARTS):
        after = offsets[part].entry_id if part in offsets else place.START
        waiting += [hit.received_at for hit in [next(buffer.waiting(part, after), None)] if hit]
    return min([now, *waiting])


def _in_turn(sites: list[Iterator[_Page]]) -> Iterable[_Page]:
    """A page of each site, then the next of each: a large import of one does not keep the others waiting."""
    while sites:
        for pages in list(sites):
            if page := next(pages, None):
                yield page
            else:
                sites.remove(pages)


def _pages(site_id: int) -> Iterator[_Page]:
    after = (EARLIEST, 0)
    while True:
        with db.transaction() as cursor:
            cursor.execute(_SQL["marks"], [site_id, *after, MARKS_AT_ONCE])
            found = cursor.fetchall()
        if not found:
            return
        until = found[0][2] + recount.DAY
        page = [(number, visitor, ts) for number, visitor, ts in found if ts < until]
        after = (page[-1][2], page[-1][0])
        yield _Page(site_id, page)


def _settle(page: _Page, run: _Run) -> None:
    with tables.lock("events"):
        table = tables.load("events")
        reach = recount.Reach(rows.committed(), tables.watermark(table))
        stored = rows.events(page.site_id, page.span, reach.committed, page.visitors)
        versions = anew.Versions(page.site_id, stored, run.geo)
        over = run.upto - 2 * versions.longest_idle - MARGIN
        going_on = set(stored.filter(pc.field("ts") > pa.scalar(over))["visitor_id"].to_pylist())
        due = {visitor for visitor in page.visitors if visitor not in going_on}
        hours = anew.Hours(page.site_id, page.span, sorted(due), reach.committed)
        theirs = stored.filter(pc.field("visitor_id").isin(pa.array(hours.visitors, pa.int64())))
        replaced = anew.changed(hours, theirs, page.hot(), versions)
        _replace(page, table, reach, replaced, page.of(due))
    run.done.marks += len(page.of(due))
    run.done.waiting += len(page.marks) - len(page.of(due))
    run.done.changed += replaced.num_rows
    if replaced.num_rows:
        log.info("settled late events of site %s: %s events replaced", page.site_id, replaced.num_rows)


def _replace(page: _Page, table: Table, reach: recount.Reach, new: pa.Table, marks: list[int]) -> None:
    """Put rows in the place of those of the same hits, in both stores, and drop the marks."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["settled"], [marks])
        if new.num_rows:
            ids = [str(hit_id) for hit_id in new["hit_id"].to_pylist()]
            cursor.execute(_SQL["drop_hot"], [page.site_id, *page.span, ids])
            db.copy(cursor, "event", tables.columns("events"), recount.kept_hot(new, reach))
            # Before the commit of the hot rows: when the lake is away, neither store changes.
            _replace_in_lake(page.site_id, table, reach, recount.of_lake(new, reach))
            # Last, for writers change this row too.
            cursor.execute(_SQL["data_changed"], [page.site_id])


def _replace_in_lake(site_id: int, table: Table, reach: recount.Reach, new: pa.Table) -> None:
    """Day by day, for a file is of one day."""
    days = sorted({ts.astimezone(dt.UTC).date() for ts in new["ts"].to_pylist()})
    for day in days:
        start = dt.datetime.combine(day, dt.time(), dt.UTC)
        mine = new.filter((pc.field("ts") >= pa.scalar(start)) & (pc.field("ts") < pa.scalar(start + recount.DAY)))
        moments = mine["ts"].to_pylist()
        between = (min(moments), max(moments) + _INSTANT)
        kept = recount.of_lake(rows.events(site_id, between, reach.lake), reach)
        others = kept.filter(pc.invert(pc.is_in(_bare(kept["hit_id"]), _bare(mine["hit_id"]))))
        rows.replace_in_lake(table, site_id, between, pa.concat_tables([others, mine]), reach.lake)
        table.refresh()


def _bare(ids: pa.ChunkedArray) -> pa.Array:
    """UUIDs as the bytes that they are: Arrow cannot look one up otherwise."""
    return ids.combine_chunks().storage
