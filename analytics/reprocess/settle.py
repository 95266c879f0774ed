"""Late events find their visits: the hours around them are derived again, of just the visitors they are of.

The writer places an event as it comes and marks those that came late (`unsettled`). Here the visitor's events around a
mark are placed in order of time, and where that gives other visits their hits are derived again, under the rules that
the events were made with, and the rows replaced in both stores, each at its place (part, batch). The marks go in the
transaction that makes the hot rows right: a run that broke off is simply run again.

A visit that still goes on is left alone, for the writer holds it in memory under its old id: its marks wait.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table import Table

from analytics.events import Event, Ruleset, VisitAttributes
from analytics.lake import tables
from analytics.pipeline import derive
from analytics.pipeline.visits import PLACED_AS_COUNTED
from analytics.reprocess import recount, rows
from analytics.sites import create, lookup
from analytics.store import db, unsettled

log = logging.getLogger(__name__)

_SQL = db.statements(__file__)
_LOCK_SPACE = 7008
MARGIN = dt.timedelta(minutes=10)
MARKS_AT_ONCE = 2_000
EARLIEST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)

_Place = tuple[int, dt.datetime]
"""(visit id, when it started)"""


@dataclass
class Settled:
    """What a run came to."""

    marks: int = 0
    changed: int = 0
    """Events that are in another visit now, and those that were in these visits before."""
    waiting: int = 0
    """Marks of visits that still go on."""


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

    def hot(self) -> dict[UUID, _Place]:
        """Where the hot tier has the events, which may differ from the lake after a run that broke off."""
        with db.transaction() as cursor:
            cursor.execute(_SQL["hot"], [self.site_id, *self.span, self.visitors])
            return {hit_id: (visit, started_at) for hit_id, visit, started_at in cursor.fetchall()}


class _Moment(msgspec.Struct, frozen=True):
    """What placing an event in a visit takes."""

    site_id: int
    visitor_id: int
    ts: dt.datetime
    hit_id: UUID

    @property
    def received_at(self) -> dt.datetime:
        return self.ts

    @property
    def previous_visitor_id(self) -> None:
        return None


def settle_due(now: dt.datetime, site_id: int | None = None) -> Settled:
    """Settle what can be settled, of one site or of all. Raises what the stores raise, and recount.CannotRecount."""
    done = Settled()
    with db.transaction() as cursor:
        cursor.execute(_SQL["one_at_a_time"], [_LOCK_SPACE])
        if cursor.fetchall() != [(True,)]:
            return done
        cursor.execute(_SQL["orphans"])
        cursor.execute(_SQL["sites"])
        for site in [site for (site,) in cursor.fetchall() if site_id in (None, site)]:
            before = done.changed
            for page in _pages(site):
                _settle(page, now, done)
            if done.changed > before:
                create.data_changed(site)
                log.info("settled late events of site %s: %s events replaced", site, done.changed - before)
    return done


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


def _settle(page: _Page, now: dt.datetime, done: Settled) -> None:
    with tables.lock("events"):
        table = tables.load("events")
        reach = recount.Reach(rows.committed(), tables.watermark(table))
        stored = rows.events(page.site_id, page.span, reach.committed, page.visitors)
        idle = lookup.longest_idle() + MARGIN
        going_on = set(stored.filter(pc.field("ts") > pa.scalar(now - idle))["visitor_id"].to_pylist())
        due = {visitor for visitor in page.visitors if visitor not in going_on}
        theirs = stored.filter(pc.field("visitor_id").isin(pa.array(sorted(due), pa.int64())))
        replaced = _anew(page, reach, theirs)
        _replace(page, table, reach, replaced, page.of(due))
    done.marks += len(page.of(due))
    done.waiting += len(page.marks) - len(page.of(due))
    done.changed += replaced.num_rows


def _anew(page: _Page, reach: recount.Reach, stored: pa.Table) -> pa.Table:
    """The events of the visits that some store has otherwise, as they should be, as rows of the lake."""
    hot = page.hot()
    anew: list[Event] = []
    sources: list[rows.PlacedHit] = []
    for version, events in _by_rules(stored):
        rules = derive.Rules(of_site=_always(lookup.load_ruleset(page.site_id, version)), geo=recount.geo())
        misplaced = _misplaced(page, events, hot, derive.SiteRules.of(rules.of_site(page.site_id)).idle)
        if not misplaced:
            continue
        hits = rows.hits(page.site_id, page.span, reach.committed, misplaced)
        derived = derive.derive(hits, rules, rows.open_visits(page.site_id, page.span[0], misplaced))
        if derived.failures:
            raise recount.CannotRecount(
                f"{len(derived.failures)} hits cannot be derived again; the first is {derived.failures[0].hit.hit_id}"
            )
        moved = _moved(derived.events, _places(events)) | _moved(derived.events, hot)
        anew += [event for event in derived.events if event.visit_id in moved]
        sources += hits
    return rows.as_arrow(anew, sources)


def _by_rules(stored: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(version, events of the visitors whose newest event was made with it)"""
    newest: dict[int, int] = {}
    for visitor, version in zip(stored["visitor_id"].to_pylist(), stored["ruleset"].to_pylist(), strict=True):
        newest[visitor] = max(version, newest.get(visitor, 0))
    for version in sorted(set(newest.values())):
        yield (
            version,
            stored.filter(pc.field("visitor_id").isin([who for who, own in newest.items() if own == version])),
        )


def _misplaced(page: _Page, events: pa.Table, hot: dict[UUID, _Place], idle: dt.timedelta) -> list[int]:
    """The visitors of whom some event is in another visit than its place in time says."""
    open_visits = rows.open_visits(page.site_id, page.span[0], page.visitors)
    found = set()
    names = ("visitor_id", "ts", "hit_id", "category", "visit_id", "visit_started_at")
    columns = (events[name].to_pylist() for name in names)
    for visitor, ts, hit_id, category, *at in sorted(zip(*columns, strict=True), key=lambda row: (row[1], row[2].int)):
        moment = _Moment(page.site_id, visitor, ts, hit_id)
        visit = open_visits.place(moment, idle, category in PLACED_AS_COUNTED, _nothing_known)
        place = (visit.id, visit.started_at)
        if place != tuple(at) or hot.get(hit_id, place) != place:
            found.add(visitor)
    return sorted(found)


def _nothing_known() -> VisitAttributes:
    return VisitAttributes(**dict.fromkeys(rows.ATTRIBUTES, ""))


def _moved(events: list[Event], known: dict[UUID, _Place]) -> set[int]:
    """The visits of which some event is known elsewhere."""
    places = ((event.hit_id, (event.visit_id, event.visit_started_at)) for event in events)
    return {place[0] for hit_id, place in places if known.get(hit_id, place) != place}


def _places(events: pa.Table) -> dict[UUID, _Place]:
    columns = (events[name].to_pylist() for name in ("hit_id", "visit_id", "visit_started_at"))
    return {hit_id: (visit, started_at) for hit_id, visit, started_at in zip(*columns, strict=True)}


def _always(ruleset: Ruleset) -> Callable[[int], Ruleset]:
    return lambda _: ruleset


def _replace(page: _Page, table: Table, reach: recount.Reach, new: pa.Table, marks: list[int]) -> None:
    """Put rows in the place of those of the same hits, in both stores, and drop the marks."""
    with db.transaction() as cursor:
        if new.num_rows:
            ids = [str(hit_id) for hit_id in new["hit_id"].to_pylist()]
            cursor.execute(_SQL["drop_hot"], [page.site_id, *page.span, ids])
            db.copy(cursor, "event", tables.columns("events"), recount.kept_hot(new, reach))
        cursor.execute(_SQL["settled"], [marks])
        # Before the commit of the hot rows: when the lake is away, neither store changes.
        _replace_in_lake(page.site_id, table, reach, recount.of_lake(new, reach))


def _replace_in_lake(site_id: int, table: Table, reach: recount.Reach, new: pa.Table) -> None:
    """Day by day, for a file is of one day."""
    days = sorted({ts.astimezone(dt.UTC).date() for ts in new["ts"].to_pylist()})
    for day in days:
        start = dt.datetime.combine(day, dt.time(), dt.UTC)
        between = (start, start + recount.DAY)
        kept = recount.of_lake(rows.events(site_id, between, reach.lake), reach)
        mine = new.filter((pc.field("ts") >= pa.scalar(start)) & (pc.field("ts") < pa.scalar(between[1])))
        others = kept.filter(pc.invert(pc.is_in(_bare(kept["hit_id"]), _bare(mine["hit_id"]))))
        rows.replace_in_lake(table, site_id, between, pa.concat_tables([others, mine]), reach.lake)
        table.refresh()


def _bare(ids: pa.ChunkedArray) -> pa.Array:
    """UUIDs as the bytes that they are: Arrow cannot look one up otherwise."""
    return ids.combine_chunks().storage
