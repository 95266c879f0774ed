"""A buffer that lost something: it is noticed, nothing is skipped, and nothing is stored twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.core.management import call_command

from analytics import buffer, protocols
from analytics.buffer import entries, server
from analytics.events import Hit
from analytics.pipeline import books, quarantine, steps, writer
from analytics.pipeline.writer import Writer
from analytics.sites import models
from analytics.store import db
from tests import builders

pytestmark = pytest.mark.database


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def execute(statement: str) -> None:
    with db.transaction() as cursor:
        cursor.execute(statement)


def sent(site: models.Site, *visitors: int) -> list[Hit]:
    """One entry of part 0 for each visitor."""
    hits = [builders.hit(site_id=site.pk, visitor_id=visitor) for visitor in visitors]
    for hit in hits:
        buffer.push({0: [hit]}, builders.NOW)
    return hits


def with_id(site: models.Site, visitor: int, entry_id: str) -> None:
    """An entry of part 0 as the door makes it under a clock that says so."""
    hit = builders.hit(site_id=site.pk, visitor_id=visitor)
    server.client().xadd(server.stream(0), {"h": entries.encode([hit]), "n": 1}, id=entry_id)


def visitors() -> list[int]:
    return [visitor for (visitor,) in rows("SELECT visitor_id FROM event ORDER BY visitor_id")]


def lost() -> list[tuple[Any, ...]]:
    """(how many entries, whether it is known when) of part 0."""
    return rows("SELECT lost, lost_at IS NOT NULL FROM part_offset WHERE part = 0")


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of part 0 as an error."""
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    return [text for text in told if "part 0" in text]


def kept_state() -> tuple[bytes, bytes | None]:
    """What Valkey holds of part 0, to come back to."""
    stream, epoch = server.reader().dump(server.stream(0)), server.reader().dump(server.epoch(0))
    return stream, epoch


def come_back(state: tuple[bytes, bytes | None]) -> None:
    for key, dumped in zip((server.stream(0), server.epoch(0)), state, strict=True):
        if dumped:
            server.reader().restore(key, 0, dumped, replace=True)


# --- no loss ---


def test_a_new_installation_and_a_restart_are_no_alarm(site: models.Site, caplog: pytest.LogCaptureFixture) -> None:
    sent(site, 1, 2)
    builders.drain()
    builders.drain()
    sent(site, 3)
    builders.drain()
    assert visitors() == [1, 2, 3]
    assert rows("SELECT entries, epoch <> '' FROM part_offset WHERE part = 0") == [(3, True)]
    assert lost() == [(0, False)]
    assert alarms(caplog) == []


def test_an_upgrade_takes_the_stream_for_what_it_is(site: models.Site, caplog: pytest.LogCaptureFixture) -> None:
    sent(site, 1, 2, 3)
    builders.drain()
    server.client().xtrim(server.stream(0), maxlen=1, approximate=False)
    sent(site, 4, 5)
    execute("UPDATE part_offset SET epoch = '', entries = 0")
    server.client().delete(server.epoch(0))
    builders.drain()
    assert visitors() == [1, 2, 3, 4, 5]
    assert rows("SELECT entries FROM part_offset WHERE part = 0") == [(5,)]
    assert alarms(caplog) == []
    assert books.balance().holds


def test_entries_trimmed_by_the_writer_are_no_loss(
    site: models.Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "TRIM_SECONDS", -1.0)
    for visitor in range(300):
        sent(site, visitor)
    builders.drain()
    assert buffer.lengths()[0] < 300
    sent(site, 300)
    builders.drain()
    assert len(visitors()) == 301
    assert alarms(caplog) == []


# --- losses ---


def test_a_buffer_that_was_emptied_is_noticed_and_read_from_its_start(
    site: models.Site, caplog: pytest.LogCaptureFixture
) -> None:
    sent(site, 1)
    builders.drain()
    server.client().flushdb()
    # Its clock has gone back, so what comes now stands before what was committed.
    with_id(site, 2, "5-1")
    with_id(site, 3, "5-2")
    builders.drain()
    assert visitors() == [1, 2, 3]
    assert lost() == [(0, True)]
    (alarm,) = alarms(caplog)
    assert "part 0: the buffer came back empty or as another one" in alarm
    assert rows("SELECT entry_id, entries FROM part_offset WHERE part = 0") == [("5-2", 2)]
    builders.drain()
    assert len(alarms(caplog)) == 1


def test_unread_entries_that_are_gone_are_noticed_by_a_writer_that_had_seen_them(
    site: models.Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_HITS", 1)
    monkeypatch.setattr(buffer, "FIRST_PAGE", 2)
    sent(site, 1, 2, 3)
    state = kept_state()
    sent(site, 4, 5, 6)
    running = Writer()
    running.claim()
    running.drain_once()
    come_back(state)
    while running.drain_once():
        pass
    running.let_go()
    assert visitors() == [1, 2, 3]
    assert lost() == [(4, True)]
    (alarm,) = alarms(caplog)
    assert "older than it was, by 3 entries" in alarm


def test_a_running_writer_knows_how_much_it_had_seen(site: models.Site) -> None:
    running = Writer()
    running.claim()
    sent(site, 1)
    running.drain_once()
    running.parts[0].added += 4  # seen, as it would while it was behind, and not read
    server.client().flushdb()
    running.drain_once()
    running.let_go()
    assert lost() == [(4, True)]


def test_entries_that_somebody_trimmed_are_counted_and_can_be_written_off(
    site: models.Site, caplog: pytest.LogCaptureFixture
) -> None:
    sent(site, 1)
    builders.drain()
    sent(site, 2, 3, 4)
    server.client().xtrim(server.stream(0), maxlen=0, approximate=False)
    sent(site, 5)
    builders.drain()
    assert visitors() == [1, 5]
    assert lost() == [(3, True)]
    (alarm,) = alarms(caplog)
    assert "3 entries or more are lost" in alarm
    assert books.balance().sites[0].difference == 3
    call_command("balance", write_off="trimmed by hand")
    found = books.balance()
    assert found.holds
    assert found.sites[0].written_off == 3


def test_a_stream_that_was_deleted_is_read_from_its_start(site: models.Site, caplog: pytest.LogCaptureFixture) -> None:
    sent(site, 1, 2)
    builders.drain()
    server.client().delete(server.stream(0))
    with_id(site, 3, "5-1")
    builders.drain()
    assert visitors() == [1, 2, 3]
    assert len(alarms(caplog)) == 1


def test_a_buffer_that_came_back_older_is_read_again_and_nothing_is_stored_twice(
    site: models.Site, caplog: pytest.LogCaptureFixture
) -> None:
    event_id = uuid4()
    hits = [
        builders.hit(site_id=site.pk, visitor_id=1, event_id=event_id),
        builders.hit(site_id=site.pk, visitor_id=2, refused="no_name"),
        builders.hit(site_id=site.pk, payload="{"),
        builders.hit(site_id=site.pk, visitor_id=3, event_id=event_id),
        builders.hit(site_id=site.pk, visitor_id=4),
    ]
    buffer.push({0: hits}, builders.NOW)
    builders.drain()
    state = kept_state()
    sent(site, 5)
    builders.drain()
    before = books.balance()
    come_back(state)
    with_id(site, 6, "*")
    server.client().hincrby(server.door(0), f"{int(builders.NOW.timestamp())}:{site.pk}:accepted:", 1)
    builders.drain()
    assert visitors() == [1, 4, 5, 6]
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM hit") == [(5, 5)]
    assert rows("SELECT sum(attempts) FROM quarantine") == [(1,)]
    (alarm,) = alarms(caplog)
    assert "older than what is committed" in alarm
    after = books.balance()
    assert before.holds
    assert after.holds
    assert after.sites[0].duplicate == 1
    assert rows("SELECT entries FROM part_offset WHERE part = 0") == [(2,)]


def test_a_writer_that_dies_while_it_reads_again_is_replaced_by_one_that_goes_on_with_it(
    site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_HITS", 1)
    monkeypatch.setattr(buffer, "FIRST_PAGE", 2)
    sent(site, *range(6))
    builders.drain()
    state = kept_state()
    sent(site, 6)
    builders.drain()
    come_back(state)
    first = Writer()
    first.claim()
    first.drain_once()
    first.let_go()
    assert rows("SELECT entries FROM part_offset WHERE part = 0") == [(-1,)]
    assert books.balance().holds
    sent(site, 7)
    builders.drain()
    assert visitors() == [*range(8)]
    assert rows("SELECT entries FROM part_offset WHERE part = 0") == [(7,)]
    assert books.balance().holds


def test_a_hit_on_its_way_out_of_quarantine_is_written_once(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: Any) -> None:
        raise ValueError("a bug that will be mended")

    buffer.push({0: [builders.hit(site_id=site.pk, visitor_id=1)]}, builders.NOW)
    with monkeypatch.context() as patched:
        patched.setattr(protocols, "read", unreadable)
        builders.drain()
    assert quarantine.give_back(quarantine.Wanted(), builders.NOW).hits == 1
    execute("UPDATE part_offset SET entries = 7")  # it is read again, for all that the writer knows
    builders.drain()
    builders.drain()
    assert visitors() == [1]
    assert books.balance().holds


# --- what stands in a stream ---


@pytest.mark.parametrize("fields", [{"x": "1"}, {"h": b"\xc1"}, {"h": b"\x93\x01\x02\x03"}, {"h": b""}])
def test_an_entry_that_is_none_of_ours_is_passed_over(
    site: models.Site, caplog: pytest.LogCaptureFixture, fields: dict[Any, Any]
) -> None:
    sent(site, 1)
    server.client().xadd(server.stream(0), fields)
    sent(site, 2)
    server.client().xadd(server.stream(0), fields)
    assert [hit.visitor_id for hit in buffer.waiting(0, "0-0")] == [1, 2]
    caplog.clear()
    builders.drain()
    server.client().xadd(server.stream(0), fields)
    builders.drain()
    assert visitors() == [1, 2]
    assert len(alarms(caplog)) == 3
    assert rows("SELECT entries FROM part_offset WHERE part = 0") == [(5,)]
    assert lost() == [(3, True)]


def test_the_sound_hits_beside_a_garbled_one_are_kept(site: models.Site) -> None:
    (sound,) = msgspec.msgpack.decode(entries.encode([builders.hit(site_id=site.pk, visitor_id=1)]))
    encoded = msgspec.msgpack.encode([sound, [*sound[:3], "no time", *sound[4:]], sound[:2]])
    server.client().xadd(server.stream(0), {"h": encoded, "n": 3})
    builders.drain()
    assert visitors() == [1]


def test_hits_of_a_newer_and_of_an_older_version_become_events(site: models.Site) -> None:
    for visitor, change in ((1, lambda fields: [*fields, "new", {"more": 1}]), (2, lambda fields: fields[:-2])):
        (fields,) = msgspec.msgpack.decode(entries.encode([builders.hit(site_id=site.pk, visitor_id=visitor)]))
        server.client().xadd(server.stream(0), {"h": msgspec.msgpack.encode([change(fields)]), "n": 1})
    builders.drain()
    assert visitors() == [1, 2]


# --- two writers ---


def test_a_batch_of_a_writer_that_was_overtaken_is_not_kept(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Writer()
    slow.claim()
    sent(site, 1)

    def overtaken(*given: Any) -> Any:
        execute("INSERT INTO part_offset (part, batch) VALUES (0, 1) ON CONFLICT (part) DO UPDATE SET batch = 1")
        return real(*given)

    real: Callable[..., Any] = steps.run
    monkeypatch.setattr(steps, "run", overtaken)
    with pytest.raises(Exception, match="part 0 is not at batch 0 any more"):
        slow.drain_once()
    slow.let_go()
    assert visitors() == []
