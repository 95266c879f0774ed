"""Which stored events are in another visit than their place in time says, and what they are in the right one.

Placing is arithmetic on a few columns of the stored events. Only visitors who have a misplaced event are derived again
from their hits, each under the version of the rules that its event was made with: settling publishes no new rules.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
import pyarrow as pa

from analytics.enrich.geo import Geo
from analytics.events import Event, VisitAttributes
from analytics.pipeline import derive
from analytics.pipeline.visits import PLACED_AS_COUNTED, OpenVisits
from analytics.reprocess import rows
from analytics.rules import Ruleset
from analytics.sites import lookup, models

log = logging.getLogger(__name__)

Place = tuple[int, dt.datetime]
"""(visit id, when it started)"""


@dataclass(frozen=True, slots=True)
class Hours:
    """Some visitors of a site within a span, and the batches that are looked at."""

    site_id: int
    span: rows.Span
    visitors: list[int]
    committed: Mapping[int, int]


class Versions:
    """The rules that each of some stored events was made with; those in force for what nobody knows.

    `geo` gives the address database, which is not loaded before it is needed.
    """

    def __init__(self, site_id: int, stored: pa.Table, geo: Callable[[], Geo]) -> None:
        self._geo = geo
        self._in_force = lookup.load_ruleset(site_id)
        self._of_hit: dict[UUID, int] = dict(
            zip(stored["hit_id"].to_pylist(), stored["ruleset"].to_pylist(), strict=True)
        )
        self._rules = {version: self._load(site_id, version) for version in set(self._of_hit.values())}

    def _load(self, site_id: int, version: int) -> Ruleset:
        try:
            return lookup.load_ruleset(site_id, version)
        except (models.Ruleset.DoesNotExist, models.BrokenRules):
            return self._in_force

    def of(self, hit_id: UUID) -> Ruleset:
        """The rules of the event of a hit."""
        version = self._of_hit.get(hit_id)
        return self._in_force if version is None else self._rules[version]

    def derive(self, hits: list[rows.PlacedHit], open_visits: OpenVisits) -> derive.Derived:
        """The events of hits of one version."""
        ruleset = self.of(hits[0].hit_id)
        return derive.derive(hits, derive.Rules(of_site=lambda _: ruleset, geo=self._geo()), open_visits)

    def idle(self, hit_id: UUID) -> dt.timedelta:
        """For how long a visit may be idle before this event."""
        return _idle(self.of(hit_id))

    @property
    def longest_idle(self) -> dt.timedelta:
        return max(map(_idle, (self._in_force, *self._rules.values())))


def _idle(ruleset: Ruleset) -> dt.timedelta:
    return dt.timedelta(seconds=ruleset.visit_timeout_seconds)


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


def changed(hours: Hours, stored: pa.Table, hot: Mapping[UUID, Place], versions: Versions) -> pa.Table:
    """The events of the visits that some store has otherwise, as they should be, as rows of the lake.

    `stored` are the events of the hours; `hot` says where the hot tier has them, which differs after a run that broke
    off between the stores. Raises recount.CannotRecount, lake.read.LakeAway.
    """
    misplaced = _misplaced(hours, stored, hot, versions)
    if not misplaced:
        return rows.as_arrow([], [])
    hits = rows.hits(hours.site_id, hours.span, hours.committed, misplaced)
    known = _places(stored)
    derived = [event for event in _derived(hours, hits, versions) if event.hit_id in known]
    moved = _moved(derived, known) | _moved(derived, hot)
    return rows.as_arrow([event for event in derived if event.visit_id in moved], hits)


def _misplaced(hours: Hours, stored: pa.Table, hot: Mapping[UUID, Place], versions: Versions) -> list[int]:
    """The visitors of whom some event is in another visit than its place in time says."""
    open_visits = rows.open_visits(hours.site_id, hours.span[0], hours.visitors)
    found = set()
    names = ("visitor_id", "ts", "hit_id", "category", "visit_id", "visit_started_at")
    columns = (stored[name].to_pylist() for name in names)
    for visitor, ts, hit_id, category, *at in sorted(zip(*columns, strict=True), key=lambda row: (row[1], row[2].int)):
        moment = _Moment(hours.site_id, visitor, ts, hit_id)
        visit = open_visits.place(moment, versions.idle(hit_id), category in PLACED_AS_COUNTED, _nothing_known)
        place = (visit.id, visit.started_at)
        if place != tuple(at) or hot.get(hit_id, place) != place:
            found.add(visitor)
    return sorted(found)


def _nothing_known() -> VisitAttributes:
    return VisitAttributes(**dict.fromkeys(rows.ATTRIBUTES, ""))


def _derived(hours: Hours, hits: Iterable[rows.PlacedHit], versions: Versions) -> Iterator[Event]:
    """The events of the hits, visitor by visitor; none of a visitor who has a hit that cannot be derived any more."""
    ordered = sorted(hits, key=lambda hit: (hit.visitor_id, hit.ts, hit.hit_id.int))
    visitors = list({hit.visitor_id for hit in ordered})
    open_visits = rows.open_visits(hours.site_id, hours.span[0], visitors)
    for _, theirs in itertools.groupby(ordered, key=lambda hit: hit.visitor_id):
        events: list[Event] = []
        # One after the other in order of time, so that the visits go on from one version to the next.
        for _, some in itertools.groupby(theirs, key=lambda hit: versions.of(hit.hit_id).version):
            derived = versions.derive(list(some), open_visits)
            if derived.failures:
                # Nothing that waits would mend it: these visits stay as they are, until their days are recounted.
                failed = derived.failures[0]
                log.error("late events cannot be settled: hit %s: %s", failed.hit.hit_id, failed.detail)
                break
            events += derived.events
        else:
            yield from events


def _moved(events: Iterable[Event], known: Mapping[UUID, Place]) -> set[int]:
    """The visits of which some event is known elsewhere."""
    places = ((event.hit_id, (event.visit_id, event.visit_started_at)) for event in events)
    return {place[0] for hit_id, place in places if known.get(hit_id, place) != place}


def _places(events: pa.Table) -> dict[UUID, Place]:
    columns = (events[name].to_pylist() for name in ("hit_id", "visit_id", "visit_started_at"))
    return {hit_id: (visit, started_at) for hit_id, visit, started_at in zip(*columns, strict=True)}
