"""Which visit an event belongs to."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import msgspec
import pytest

from analytics.events import VisitAttributes
from analytics.pipeline import rebuild, visits
from analytics.sites import models
from analytics.store import db
from tests import builders

IDLE = dt.timedelta(minutes=30)
MINUTE = dt.timedelta(minutes=1)
EMPTY = VisitAttributes(**{field.name: "" for field in msgspec.structs.fields(VisitAttributes)})
MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def place(
    open_visits: visits.OpenVisits, at: dt.datetime, visitor: int = 1, previous: int | None = None, counted: bool = True
) -> visits.Visit:
    hit = builders.hit(ts=at, visitor_id=visitor, previous_visitor_id=previous)
    return open_visits.place(hit, IDLE, counted, lambda: EMPTY)


def test_what_reports_leave_out_neither_begins_nor_prolongs_a_counted_visit() -> None:
    open_visits = visits.OpenVisits()
    image = place(open_visits, builders.NOW, counted=False)
    page = place(open_visits, builders.NOW)
    place(open_visits, builders.NOW + 20 * MINUTE, counted=False)
    later = place(open_visits, builders.NOW + 40 * MINUTE)
    assert len({image.id, page.id, later.id}) == 3


def test_thirty_minutes_idle_end_a_visit_and_one_second_less_does_not() -> None:
    open_visits = visits.OpenVisits()
    first = place(open_visits, builders.NOW)
    assert place(open_visits, builders.NOW + IDLE).id == first.id
    assert place(open_visits, builders.NOW + 2 * IDLE + dt.timedelta(seconds=1)).id != first.id


def test_midnight_does_not_end_a_visit_although_the_visitor_id_changes() -> None:
    open_visits = visits.OpenVisits()
    before = place(open_visits, MIDNIGHT - MINUTE, visitor=10)
    after = place(open_visits, MIDNIGHT + MINUTE, visitor=20, previous=10)
    assert (after.id, after.visitor_id) == (before.id, 10)


def test_a_visitor_of_yesterday_who_comes_back_later_is_a_new_visitor() -> None:
    open_visits = visits.OpenVisits()
    place(open_visits, MIDNIGHT - MINUTE, visitor=10)
    assert place(open_visits, MIDNIGHT + 40 * MINUTE, visitor=20, previous=10).visitor_id == 20


def test_a_visit_lasts_twenty_four_hours_at_most() -> None:
    open_visits = visits.OpenVisits()
    ids = [place(open_visits, builders.NOW + n * 20 * MINUTE).id for n in range(24 * 3 + 1)]
    assert ids[0] == ids[71]
    assert ids[72] != ids[0]


def test_an_event_a_little_out_of_order_joins_the_visit() -> None:
    open_visits = visits.OpenVisits()
    first = place(open_visits, builders.NOW)
    early = place(open_visits, builders.NOW - MINUTE)
    assert (early.id, early.started_at, early.last_at) == (first.id, builders.NOW, builders.NOW)


def test_history_that_arrives_beside_the_present_leaves_the_present_visit_open() -> None:
    open_visits = visits.OpenVisits()
    present = place(open_visits, builders.NOW)
    year_ago = builders.NOW - dt.timedelta(days=365)
    past = place(open_visits, year_ago)
    assert place(open_visits, year_ago + MINUTE).id == past.id != present.id
    assert place(open_visits, builders.NOW + MINUTE).id == present.id


def test_the_same_site_visitor_and_instant_give_the_same_visit_id_in_every_process() -> None:
    program = (
        "import datetime as dt; from analytics.pipeline.visits import visit_id;"
        "print(visit_id(1, 2, dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(elsewhere.stdout) == visits.visit_id(1, 2, builders.NOW)
    assert visits.visit_id(1, 2, builders.NOW) != visits.visit_id(2, 2, builders.NOW)


def test_the_visitors_seen_longest_ago_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    open_visits = visits.OpenVisits()
    monkeypatch.setattr(visits, "MOST_VISITORS", 2)
    first = place(open_visits, builders.NOW, visitor=1)
    place(open_visits, builders.NOW, visitor=2)
    assert place(open_visits, builders.NOW + MINUTE, visitor=1).id == first.id
    place(open_visits, builders.NOW, visitor=3)
    assert place(open_visits, builders.NOW + 2 * MINUTE, visitor=1).id == first.id
    assert place(open_visits, builders.NOW + 2 * MINUTE, visitor=2).started_at == builders.NOW + 2 * MINUTE


@pytest.mark.database
def test_a_visit_goes_on_in_what_waited_while_no_writer_ran(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "RECENT_BATCHES", 0)
    first = builders.NOW
    for ts, written_at in ((first, first), (first + dt.timedelta(minutes=10), first + dt.timedelta(hours=5))):
        builders.push([(0, builders.hit(site_id=site.pk, ts=ts, received_at=ts))])
        builders.drain(written_at)
    with db.transaction() as cursor:
        cursor.execute("SELECT DISTINCT visit_started_at FROM event")
        assert cursor.fetchall() == [(first,)]
