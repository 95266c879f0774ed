"""From the buffer to rows: what a writer leaves behind, whatever happens to it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from analytics import buffer
from analytics.buffer import server
from analytics.events import Hit
from analytics.pipeline import books, derive, steps, write
from analytics.pipeline.writer import Writer
from analytics.sites import lookup, models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.database


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def sent(site: models.Site, *hits: Hit) -> None:
    buffer.push({0: [*hits]}, builders.NOW)


def test_a_hit_becomes_one_hit_row_and_one_event_row(record: Callable[..., list[Hit]]) -> None:
    (hit,) = record([{"url": "https://www.example.com/a?utm_source=nl", "title": "A", "props": {"k": 1}}])
    assert rows("SELECT hit_id, payload::json ->> 'title', refused FROM hit") == [(hit.hit_id, "A", "")]
    assert rows("SELECT hit_id, host, path, utm_source, props, category FROM event") == [
        (hit.hit_id, "example.com", "/a", "nl", {"k": "1"}, "")
    ]


def test_the_full_address_is_in_no_row(record: Callable[..., list[Hit]]) -> None:
    record([{"ip": "203.0.113.77"}])
    everything = str(rows("SELECT hit.*, event.* FROM hit JOIN event USING (hit_id)"))
    assert "203.0.113.0/24" in everything
    assert "203.0.113.77" not in everything


def test_the_same_event_id_counts_once_within_a_batch_and_across_batches(record: Callable[..., list[Hit]]) -> None:
    record([{"event_id": "order-1"}, {"event_id": "order-1"}, {"event_id": "order-2"}])
    record([{"event_id": "order-1"}])
    assert rows("SELECT count(*) FROM event") == [(2,)]
    assert rows("SELECT sum(n) FROM ledger WHERE outcome = 'duplicate'") == [(2,)]
    assert books.balance().holds


def test_one_hit_that_cannot_be_read_is_quarantined_alone(site: models.Site) -> None:
    hits = [builders.hit(site_id=site.pk, visitor_id=n) for n in range(1000)]
    hits[500] = builders.hit(site_id=site.pk, payload='{"name": ')
    sent(site, *hits)
    builders.drain()
    assert rows("SELECT count(*) FROM event") == [(999,)]
    assert rows("SELECT hit_id, reason FROM quarantine") == [(hits[500].hit_id, "bad_json")]
    assert books.balance().holds


@pytest.mark.parametrize("place", [0, 77, 99])
def test_a_hit_that_postgresql_cannot_keep_is_quarantined_alone(site: models.Site, place: int) -> None:
    hits = [builders.hit(site_id=site.pk, visitor_id=n) for n in range(100)]
    hits[place] = builders.hit(site_id=site.pk, visitor_id=2**63)
    sent(site, *hits)
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(99, 99)]
    assert rows("SELECT hit_id, reason FROM quarantine") == [(hits[place].hit_id, "unstorable")]
    assert books.balance().holds


def test_a_part_that_fails_does_not_hold_up_the_others(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(cursor: Any, batch: write.Batch, *given: Any) -> Any:
        if batch.part == 0:
            cursor.execute("SELECT 1 / 0 FROM nowhere")
        return real(cursor, batch, *given)

    real = steps.run
    monkeypatch.setattr(steps, "run", failing)
    for part in range(4):
        buffer.push({part: [builders.hit(site_id=site.pk, visitor_id=part)]}, builders.NOW)
    writer = Writer()
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        processes.wait_until(lambda: rows("SELECT count(*) FROM event") == [(3,)], "the other parts are written")
    finally:
        writer.stop()
        thread.join()


def test_a_writer_goes_on_after_postgresql_has_ended_all_of_its_connections(site: models.Site) -> None:
    sent(site, builders.hit(site_id=site.pk))
    writer = Writer()
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        processes.wait_until(lambda: rows("SELECT count(*) FROM event") == [(1,)], "the first hit is written")
        rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = ''"
        )
        connection.close()
        lookup.forget()
        sent(site, builders.hit(site_id=site.pk))
        processes.wait_until(lambda: rows("SELECT count(*) FROM event") == [(2,)], "the second hit is written")
    finally:
        writer.stop()
        thread.join()
    assert rows("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_hit_of_a_site_that_is_gone_is_quarantined(site: models.Site) -> None:
    sent(site, builders.hit(site_id=site.pk + 1), builders.hit(site_id=site.pk))
    builders.drain()
    assert rows("SELECT site_id, reason FROM quarantine") == [(site.pk + 1, "error")]
    assert rows("SELECT site_id FROM event") == [(site.pk,)]


def test_what_the_door_refused_is_kept_with_its_reason_and_has_no_event(site: models.Site) -> None:
    sent(site, builders.hit(site_id=site.pk, refused="no_name", visitor_id=0))
    builders.drain()
    assert rows("SELECT refused FROM hit") == [("no_name",)]
    assert rows("SELECT count(*) FROM event") == [(0,)]
    assert books.balance().holds


@pytest.mark.parametrize("where", ["derive", "write", "commit"])
def test_a_batch_that_breaks_off_is_taken_again_and_counted_once(
    site: models.Site, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Crash(Exception):
        pass

    def crash(*given: Any) -> None:
        if where == "commit":
            real(*given)
        raise Crash

    sent(site, *(builders.hit(site_id=site.pk, visitor_id=n % 3) for n in range(50)))
    place, name = {"derive": (derive, "derive"), "write": (write, "rows"), "commit": (steps, "run")}[where]
    real = getattr(place, name)
    writer = Writer()
    writer.claim()
    with monkeypatch.context() as patched:
        patched.setattr(place, name, crash)
        with pytest.raises(Crash):
            writer.drain_once()
    assert rows("SELECT count(*) FROM event") == [(0,)]
    writer.let_go()
    builders.drain()
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id), count(DISTINCT visit_id) FROM event") == [(50, 50, 3)]
    assert books.balance().holds


def test_a_part_has_one_writer_and_another_takes_it_when_that_one_is_gone(site: models.Site) -> None:
    first, second = Writer(), Writer()
    first.claim()
    second.claim()
    assert sorted(first.parts) == [0, 1, 2, 3]
    assert not second.parts
    first.let_go()
    for _ in range(50):
        second.claim()
        if len(second.parts) == 4:
            break
    assert sorted(second.parts) == [0, 1, 2, 3]
    second.let_go()


def test_a_visit_goes_on_when_another_writer_takes_over(record: Callable[..., list[Hit]]) -> None:
    minute = dt.timedelta(minutes=1)
    record([{"at": builders.NOW, "url": "/a?utm_source=nl"}], now=builders.NOW)
    record([{"at": builders.NOW + 10 * minute, "url": "/b"}], now=builders.NOW + 10 * minute)
    assert rows("SELECT count(DISTINCT visit_id), min(utm_source), min(entry_path) FROM event") == [(1, "nl", "/a")]


def test_a_visit_across_midnight_is_one_visit_of_one_visitor(record: Callable[..., list[Hit]]) -> None:
    midnight = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)
    record([{"at": midnight - minute}, {"at": midnight + minute}, {"at": midnight + 300 * minute}])
    assert rows("SELECT count(DISTINCT visit_id), count(DISTINCT visitor_id) FROM event") == [(2, 2)]
    assert rows("SELECT count(*) FROM event JOIN hit USING (hit_id, visitor_id)") == [(3,)]


def test_entries_are_trimmed_only_below_what_is_committed(site: models.Site) -> None:
    for n in range(3):
        sent(site, builders.hit(site_id=site.pk, visitor_id=n))
    builders.drain()
    sent(site, builders.hit(site_id=site.pk, visitor_id=9))
    ((offset,),) = rows("SELECT entry_id FROM part_offset WHERE part = 0")
    server.client().xtrim(server.stream(0), minid=offset, approximate=False)
    assert len(list(buffer.waiting(0, offset))) == 1
    builders.drain()
    assert rows("SELECT count(*) FROM event") == [(4,)]
