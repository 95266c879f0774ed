"""Whatever the order of arrival: where a writer's visits are not those of the definition, there is a mark."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import VisitAttributes
from analytics.pipeline import rebuild, visits
from analytics.reprocess import rows
from analytics.store import unsettled
from tests import builders

MINUTE = dt.timedelta(minutes=1)
IDLE, LONGEST = 30 * MINUTE, dt.timedelta(hours=24)
ATTRIBUTES = VisitAttributes(**dict.fromkeys(rows.ATTRIBUTES, ""))


class Arrival(NamedTuple):
    """An event of one of two visitors, in minutes after the start."""

    visitor: int
    received: int
    delay: int
    waited: int
    """In quarantine or in the overflow table, before it was written."""
    restart: bool
    """Another writer takes over before it is written."""

    @property
    def ts(self) -> dt.datetime:
        return builders.NOW + (self.received - self.delay) * MINUTE

    @property
    def at(self) -> tuple[int, dt.datetime]:
        return self.visitor, self.ts

    @property
    def received_at(self) -> dt.datetime:
        return builders.NOW + self.received * MINUTE


DELAYS = st.sampled_from((*[0] * 8, 2, 12, 24, 24, 29, 31, 55, 200, 1500, *range(2900, 4320, 240)))
WAITS = st.sampled_from((0, 0, 0, 0, 40, 300))
ARRIVAL = st.builds(Arrival, st.sampled_from((1, 1, 2)), st.integers(0, 150), DELAYS, WAITS, st.booleans())
Written = dict[tuple[int, dt.datetime], visits.Visit]


def starts(moments: list[dt.datetime]) -> dict[dt.datetime, dt.datetime]:
    """When an event happened → when its visit began, by the definition."""
    found = {}
    started = last = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    for ts in sorted(moments):
        if ts - last > IDLE or ts - started >= LONGEST:
            started = ts
        found[ts] = started
        last = ts
    return found


def taken_over(written: Written, received_upto: dt.datetime) -> visits.OpenVisits:
    """What a new writer knows of what was written, by the rule of rebuild.open_visits."""
    known = visits.OpenVisits(received_upto)
    since = received_upto - 2 * IDLE - rebuild.MARGIN
    latest = {visit.id: (ts, visit) for (_, ts), visit in sorted(written.items(), key=lambda one: one[0]) if ts > since}
    for ts, visit in sorted(latest.values(), key=lambda one: one[0]):
        known.open(1, visits.Visit(visit.id, visit.visitor_id, visit.started_at, ts, True, ATTRIBUTES))
    return known


@settings(max_examples=1000, deadline=None)
@given(st.lists(ARRIVAL, min_size=2, max_size=16, unique_by=lambda one: one.at))
def test_where_visits_are_not_those_of_the_definition_there_is_a_mark(came: list[Arrival]) -> None:
    writer, received_upto = visits.OpenVisits(), visits.EARLIEST
    written: Written = {}
    marked = []
    for one in sorted(came, key=lambda one: (one.received + one.waited, one.ts)):
        if one.restart and written:
            writer = taken_over(written, received_upto)
        hit = builders.hit(ts=one.ts, received_at=one.received_at, visitor_id=one.visitor)
        written[one.at] = writer.place(hit, IDLE, True, lambda: ATTRIBUTES)
        received_upto = max(received_upto, one.received_at)
        if writer.placed_late:
            marked.append(one.at)
    for visitor in (1, 2):
        for ts, started in starts([ts for who, ts in written if who == visitor]).items():
            if written[visitor, ts].started_at != started:
                assert any(who == visitor and abs(ts - mark) < unsettled.AROUND for who, mark in marked), ts


def test_history_that_comes_at_once_leaves_the_present_visit_open() -> None:
    writer = visits.OpenVisits()

    def placed(ts: dt.datetime, received_at: dt.datetime) -> visits.Visit:
        return writer.place(builders.hit(ts=ts, received_at=received_at), IDLE, True, lambda: ATTRIBUTES)

    present = placed(builders.NOW, builders.NOW)
    for hours in range(60, 66):
        assert placed(builders.NOW - hours * 60 * MINUTE, builders.NOW + MINUTE).id != present.id
    later = builders.NOW + 5 * MINUTE
    assert placed(later, later).id == present.id
