"""The books: what came equals what is kept, and a difference is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics import buffer
from analytics.buffer import counters, server
from analytics.lake import export
from analytics.pipeline import books
from analytics.pipeline.writer import Writer
from analytics.sites import models
from analytics.store import db
from tests import builders

pytestmark = pytest.mark.database


def execute(statement: str) -> None:
    with db.transaction() as cursor:
        cursor.execute(statement)


def test_what_waits_in_the_buffer_is_in_the_balance(site: models.Site) -> None:
    buffer.push({1: [builders.hit(site_id=site.pk), builders.hit(site_id=site.pk, refused="no_name")]}, builders.NOW)
    found = books.balance()
    (line,) = found.sites
    assert (line.received, line.accepted, line.buffered, line.refusals_buffered) == (2, 1, 1, 1)
    assert found.holds


def test_the_balance_holds_before_and_after_the_doors_counters_are_entered(site: models.Site) -> None:
    for n in range(5):
        buffer.push({n % 4: [builders.hit(site_id=site.pk, visitor_id=n)]}, builders.NOW)
    builders.drain()
    assert books.balance().holds
    for part in range(4):
        books.enter_door_counters(part)
        books.enter_door_counters(part)
    found = books.balance()
    assert found.holds
    assert found.sites[0].accepted == 5


def test_counters_are_entered_once_when_the_process_dies_after_booking_them(
    site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
    taken = counters.begin_taking(0, 1)
    assert taken
    books.enter_door_counters(0)
    server.client().hset(server.door(0, 1), mapping=dict(taken.items()))
    books.enter_door_counters(0)
    found = books.balance()
    assert found.sites[0].accepted == 1
    assert found.holds


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM event",
        "DELETE FROM hit",
        "INSERT INTO event SELECT * FROM event",
        "DELETE FROM ledger WHERE outcome = 'stored'",
    ],
)
def test_a_row_that_is_missing_or_doubled_is_seen(record: Callable[..., Any], loss: str) -> None:
    record([{}, {}])
    execute(loss)
    assert not books.balance().holds
    with pytest.raises(CommandError, match="do not balance"):
        call_command("balance")


def test_a_stream_emptied_by_someone_is_seen(site: models.Site) -> None:
    buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
    server.client().delete(server.stream(0))
    assert books.balance().sites[0].difference == 1


def test_rows_are_found_in_the_lake_after_the_export(record: Callable[..., Any]) -> None:
    record([{}, {}, {}])
    export.export("hits")
    export.export("events")
    found = books.balance()
    assert found.holds
    assert [(line.kind, line.hot, line.lake) for line in found.stores[:2]] == [("hits", 0, 3), ("events", 0, 3)]


def test_what_was_lost_can_be_written_off_with_a_reason_and_stays_in_the_books(site: models.Site) -> None:
    hits = [builders.hit(site_id=site.pk), builders.hit(site_id=site.pk, refused="no_name")]
    buffer.push({0: hits, 1: [builders.hit(site_id=site.pk)]}, builders.NOW)
    server.client().delete(server.stream(0))
    call_command("balance", write_off="the disk of the buffer broke")
    found = books.balance()
    assert found.holds
    assert (found.sites[0].written_off, found.sites[0].refusals_written_off, found.sites[0].buffered) == (1, 1, 1)
    builders.drain()
    assert books.balance().holds
    with db.transaction() as cursor:
        cursor.execute("SELECT outcome, reason, n FROM ledger WHERE outcome LIKE '%written off' ORDER BY outcome")
        assert cursor.fetchall() == [
            ("refusal written off", "the disk of the buffer broke", 1),
            ("written off", "the disk of the buffer broke", 1),
        ]


def test_what_nobody_counted_at_the_door_can_be_written_off_too(site: models.Site) -> None:
    buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
    server.client().delete(server.door(0))
    builders.drain()
    assert books.write_off("its counters were lost", builders.NOW) == -1
    assert books.balance().holds


def test_nothing_is_written_off_without_a_difference_or_a_reason(site: models.Site) -> None:
    with pytest.raises(CommandError, match="no site's books miss anything"):
        call_command("balance", write_off="just in case")
    buffer.push({0: [builders.hit(site_id=site.pk)]}, builders.NOW)
    server.client().delete(server.stream(0))
    with pytest.raises(CommandError, match="give a reason"):
        call_command("balance", write_off=" ")
    assert books.balance().sites[0].difference == 1


def test_a_hit_of_a_site_that_cannot_be_is_booked_wherever_it_is(site: models.Site) -> None:
    builders.push([(0, builders.hit(site_id=2**40)), (0, builders.hit(site_id=site.pk))])
    assert books.balance().holds
    writer = Writer()
    while len(writer.parts) < len(buffer.lengths()):
        writer.claim()
    for part in writer.parts.values():
        part.booked_at = float("inf")  # the door's counters are booked later
    writer.drain_once()
    writer.let_go()
    assert books.balance().holds
    builders.drain()
    balance = books.balance()
    assert balance.holds
    assert [(line.site_id, line.quarantined) for line in balance.sites] == [(0, 1), (site.pk, 0)]
