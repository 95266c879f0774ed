"""Between the door and the pipeline: durable, all or nothing, bounded, whatever Valkey does."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from psycopg_pool import PoolTimeout

from analytics import buffer
from analytics.buffer import counters, entries, server
from analytics.buffer.place import Place
from analytics.events import Hit
from analytics.pipeline import books
from analytics.pipeline import writer as pipeline_writer
from analytics.pipeline.writer import Writer
from analytics.sites import models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.database
NOW = dt.datetime(2026, 11, 20, 12, 34, 56, tzinfo=dt.UTC)
PROMPT_SECONDS = 2.0
"""Half a second for Valkey, and what a busy machine adds."""


def forget_connections() -> None:
    server._client.cache_clear()
    server._away_until = 0.0


def answers() -> bool:
    with contextlib.suppress(buffer.Fault):
        return bool(server.client().ping())
    return False


@pytest.fixture
def valkey(settings: Any, stores: None, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server of this test's own, the same program as the one in use, to be stopped, filled and killed."""
    program = str(server.client().info("server").get("executable", ""))
    if not os.access(program, os.X_OK):
        pytest.skip("Valkey does not run on this machine")
    port = processes.free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", "", "--appendonly", "no"]
    started = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    settings.BUFFER_URL = f"redis://127.0.0.1:{port}/0"
    forget_connections()
    processes.wait_until(answers, "the test's own Valkey answers")
    yield started
    started.kill()
    started.wait()
    forget_connections()


@contextlib.contextmanager
def nothing_listens(settings: Any) -> Iterator[None]:
    """Valkey is down: connections are refused."""
    address = settings.BUFFER_URL
    settings.BUFFER_URL = f"redis://127.0.0.1:{processes.free_port()}/0"
    forget_connections()
    yield
    settings.BUFFER_URL = address
    forget_connections()


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def in_streams() -> list[Hit]:
    return [hit for part in buffer.lengths() for hit in buffer.waiting(part, "0-0")]


def push(*hits: Hit, part: int = 0) -> dict[int, str]:
    return buffer.push({part: hits}, NOW)


def away(*hits: Hit) -> float:
    """How long it took to say that nothing can be stored."""
    began_at = time.monotonic()
    with pytest.raises(buffer.Away):
        push(*hits)
    return time.monotonic() - began_at


# --- Valkey is well ---


def test_hits_come_out_as_they_went_in_and_in_their_order(stores: None) -> None:
    hits = [builders.hit(visitor_id=n, event_id=uuid4(), previous_visitor_id=-(2**63)) for n in range(100)]
    for hit in hits:
        push(hit, part=3)
    assert buffer.take(3, Place(), 1000).hits == hits
    assert buffer.take(2, Place(), 1000).hits == []


def test_reading_goes_on_behind_an_entry(stores: None) -> None:
    ids = [push(builders.hit(visitor_id=n))[0] for n in range(3)]
    assert [hit.visitor_id for hit in buffer.waiting(0, ids[0])] == [1, 2]
    assert len(list(buffer.waiting(0, ids[1]))) == 1
    first = buffer.take(0, Place(), 1000)
    assert (len(first.hits), first.place.entry_id, first.place.entries) == (3, ids[2], 3)
    push(builders.hit(visitor_id=3))
    second = buffer.take(0, first.place, 1000)
    assert [hit.visitor_id for hit in second.hits] == [3]
    assert (second.place.epoch, second.place.entries) == (first.place.epoch, 4)


def test_every_hit_is_counted_with_its_outcome_in_the_minute_it_came(stores: None) -> None:
    buffer.push({0: [builders.hit(), builders.hit(refused="no_name")], 1: [builders.hit(site_id=2)]}, NOW)
    minute = int(NOW.timestamp()) // 60 * 60
    assert counters.begin_taking(0, 1) == {f"{minute}:1:accepted:": 1, f"{minute}:1:refused:no_name": 1}
    assert counters.begin_taking(1, 1) == {f"{minute}:2:accepted:": 1}


def test_counters_set_aside_are_read_again_after_a_crash_and_new_ones_wait(stores: None) -> None:
    push(builders.hit())
    first = counters.begin_taking(0, 1)
    push(builders.hit())
    assert counters.begin_taking(0, 1) == first
    counters.end_taking(0, 1)
    assert counters.begin_taking(0, 2) == first
    counters.end_taking(0, 2)
    assert counters.begin_taking(0, 3) == {}


def test_entries_of_a_newer_and_of_an_older_process_can_be_read(stores: None) -> None:
    hit = builders.hit()
    encoded = entries.encode([hit])
    # An array of one more field than we know, and one that ends before the last.
    (fields,) = msgspec.msgpack.decode(encoded)
    for changed in ([*fields, "new"], fields[:-1]):
        server.client().xadd(server.stream(0), {"h": msgspec.msgpack.encode([changed]), "n": 1})
    assert buffer.take(0, Place(), 10).hits == [hit, hit]


def test_a_visitor_has_one_part_and_visitors_are_spread(stores: None) -> None:
    parts = [buffer.part_of(1, f"203.0.113.{n} Firefox") for n in range(1000)]
    assert parts == [buffer.part_of(1, f"203.0.113.{n} Firefox") for n in range(1000)]
    assert all(150 < parts.count(part) < 350 for part in range(4))


# --- Valkey is away ---


def test_hits_overflow_into_postgresql_while_nothing_listens(settings: Any, site: models.Site) -> None:
    hits = [builders.hit(site_id=site.pk, visitor_id=n) for n in range(5)]
    with nothing_listens(settings):
        assert buffer.push({0: hits[:3], 1: hits[3:]}, NOW) == {}
        assert buffer.ready()
    assert rows("SELECT part, pushed_at FROM overflow ORDER BY part") == [(0, NOW), (1, NOW)]
    assert in_streams() == []
    push(builders.hit(site_id=site.pk, visitor_id=9))
    builders.drain()
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(6, 6)]
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    assert books.balance().holds


def test_valkey_is_left_alone_for_a_moment_after_it_was_away(settings: Any, site: models.Site) -> None:
    with nothing_listens(settings):
        push(builders.hit(site_id=site.pk))
        left_alone_until = server._away_until
    server._away_until = left_alone_until
    assert push(builders.hit(site_id=site.pk)) == {}
    server._away_until = time.monotonic()
    assert push(builders.hit(site_id=site.pk))
    assert rows("SELECT count(*) FROM overflow") == [(2,)]


def test_a_valkey_that_hangs_is_given_half_a_second_and_nothing_is_stored_twice(
    valkey: subprocess.Popen[bytes], site: models.Site
) -> None:
    push(builders.hit(site_id=site.pk, visitor_id=1))
    hanging = builders.hit(site_id=site.pk, visitor_id=2)
    valkey.send_signal(signal.SIGSTOP)
    try:
        assert server.TIMEOUT_SECONDS <= away(hanging) < PROMPT_SECONDS
        assert rows("SELECT count(*) FROM overflow") == [(0,)]
        # Meanwhile it is left alone.
        began_at = time.monotonic()
        assert push(builders.hit(site_id=site.pk, visitor_id=3)) == {}
        buffer.push({}, NOW, {(0, "bad_json"): 1})
        assert time.monotonic() - began_at < server.TIMEOUT_SECONDS
    finally:
        valkey.send_signal(signal.SIGCONT)
    server._away_until = 0.0
    assert push(builders.hit(site_id=site.pk, visitor_id=4))
    # Whether the one that was refused got through is not known; if so, then once.
    kept = [hit.visitor_id for hit in in_streams()]
    assert kept in ([1, 4], [1, 2, 4])
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(len(kept) + 1, len(kept) + 1)]
    assert books.balance().holds


def test_a_server_that_never_answers_is_given_half_a_second(settings: Any, stores: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.BUFFER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        forget_connections()
        assert away(builders.hit()) < PROMPT_SECONDS
        forget_connections()
        assert buffer.ready()
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    forget_connections()


def test_a_valkey_that_was_killed_is_replaced_by_the_overflow(
    valkey: subprocess.Popen[bytes], site: models.Site
) -> None:
    push(builders.hit(site_id=site.pk))
    valkey.kill()
    valkey.wait()
    assert push(builders.hit(site_id=site.pk)) == {}
    assert rows("SELECT count(*) FROM overflow") == [(1,)]


def test_a_full_valkey_takes_nothing_at_all_and_gives_what_it_has(
    valkey: subprocess.Popen[bytes], site: models.Site
) -> None:
    held = builders.hit(site_id=site.pk)
    push(held)
    server.client().config_set("maxmemory-policy", "noeviction")
    server.client().config_set("maxmemory", "1")
    with pytest.raises(buffer.Away):
        buffer.push({0: [builders.hit(site_id=site.pk)], 1: [builders.hit(site_id=site.pk)]}, NOW)
    buffer.push({}, NOW, {(0, "bad_json"): 1})
    assert in_streams() == [held]
    assert sum(counters.begin_taking(0, 1).values()) + sum(counters.begin_taking(1, 1).values()) == 1
    assert buffer.fullness() > 1
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    server.client().config_set("maxmemory", "0")
    # It was full, not away: it is asked again at once.
    assert push(builders.hit(site_id=site.pk))


def test_a_full_valkey_is_drained_and_takes_hits_again_by_itself(
    valkey: subprocess.Popen[bytes], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_writer, "TRIM_SECONDS", -1.0)
    server.client().config_set("maxmemory-policy", "noeviction")
    before = int(server.memory()[0]["used_memory"])
    hits = [builders.hit(site_id=site.pk, visitor_id=n, payload='{"name": "pageview", "url": "/"}') for n in range(500)]
    sent = 0
    server.client().config_set("maxmemory", before + (1 << 20))
    with contextlib.suppress(buffer.Away):
        while sent < 50_000:
            buffer.push({0: hits}, NOW)
            hits = [msgspec.structs.replace(hit, hit_id=uuid4()) for hit in hits]
            sent += 500
    away(*hits)
    assert sent
    builders.drain()
    assert push(builders.hit(site_id=site.pk))
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(sent + 1, sent + 1)]
    assert rows("SELECT lost_at FROM part_offset WHERE part = 0") == [(None,)]
    assert books.balance().holds


def test_when_both_are_away_nothing_was_accepted(settings: Any, stores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connection() -> None:
        raise PoolTimeout

    with nothing_listens(settings), monkeypatch.context() as patched:
        patched.setattr(db, "transaction", no_connection)
        away(builders.hit())
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    assert in_streams() == []


def test_the_overflow_takes_all_parts_or_none(settings: Any, stores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter([entries.encode, None])

    def encode(hits: Any) -> bytes:
        if next(calls) is None:
            raise PoolTimeout
        return real_encode(hits)

    real_encode: Callable[[Any], bytes] = entries.encode
    server._away_until = time.monotonic() + 10
    monkeypatch.setattr(entries, "encode", encode)
    with pytest.raises(buffer.Away):
        buffer.push({0: [builders.hit()], 1: [builders.hit()]}, NOW)
    assert rows("SELECT (SELECT count(*) FROM overflow), (SELECT count(*) FROM ledger)") == [(0, 0)]


def test_what_overflowed_is_written_while_valkey_is_still_away(settings: Any, site: models.Site) -> None:
    writer = Writer()
    writer.claim()
    with nothing_listens(settings):
        for part in range(4):
            push(builders.hit(site_id=site.pk, visitor_id=part), part=part)
        with pytest.raises(buffer.Fault):
            writer.drain_once()
    writer.let_go()
    assert rows("SELECT count(*) FROM event") == [(4,)]
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    assert books.balance().holds
