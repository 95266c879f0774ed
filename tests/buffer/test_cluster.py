"""A Valkey Cluster for a buffer, by configuration alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from analytics import buffer
from analytics.buffer import server
from analytics.buffer.place import Place
from analytics.events import Hit
from analytics.pipeline import books
from analytics.sites import models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.database


def forget_connections() -> None:
    server._client.cache_clear()
    server._away_until = 0.0


def answers() -> bool:
    forget_connections()
    with contextlib.suppress(buffer.Fault):
        return bool(server.reader().xlen("any") == 0)
    return False


def start(folder: Path, port: int, program: str) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes"]
    options += ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"]
    return subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)


@pytest.fixture
def cluster(settings: Any, stores: None, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A cluster of one node, which obeys the rules of all."""
    program = str(server.client().info("server").get("executable", ""))
    if not os.access(program, os.X_OK):
        pytest.skip("Valkey does not run on this machine")
    port = processes.free_port()
    while port > 55_000:  # a node talks to others on a port 10 000 above its own
        port = processes.free_port()
    started = start(tmp_path, port, program)
    with redis.Redis(port=port) as node:

        def has_all_slots() -> bool:
            with contextlib.suppress(redis.RedisError):
                return bool(node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383))
            return False

        processes.wait_until(has_all_slots, "the node has all slots")
    settings.BUFFER_URL = f"redis+cluster://127.0.0.1:{port}/0"
    processes.wait_until(answers, "the cluster answers")
    yield started
    started.kill()
    started.wait()
    forget_connections()


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def hits(site: models.Site, *visitors: int) -> list[Hit]:
    return [builders.hit(site_id=site.pk, visitor_id=visitor) for visitor in visitors]


def test_hits_of_several_parts_are_taken_written_and_balanced(
    cluster: subprocess.Popen[bytes], site: models.Site
) -> None:
    parts = {0: hits(site, 1, 2), 1: hits(site, 3), 3: hits(site, 4)}
    ids = buffer.push(parts, builders.NOW, {(site.pk, "rate_limited"): 2})
    assert sorted(ids) == [0, 1, 3]
    assert books.balance().sites[0].buffered == 4
    builders.drain()
    buffer.push({2: hits(site, 5)}, builders.NOW)
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(5, 5)]
    found = books.balance()
    assert found.holds
    assert (found.sites[0].accepted, found.sites[0].turned_away) == (5, 2)
    assert buffer.ready()
    assert buffer.fullness() == 0.0
    assert rows("SELECT lost_at FROM part_offset WHERE lost_at IS NOT NULL") == []


def test_entries_of_a_cluster_are_trimmed_below_what_is_committed(
    cluster: subprocess.Popen[bytes], site: models.Site
) -> None:
    taken = buffer.take(0, Place(), 10)
    for visitor in range(300):
        buffer.push({0: hits(site, visitor)}, builders.NOW)
    taken = buffer.take(0, taken.place, 1000)
    assert len(taken.hits) == 300
    buffer.trim(0, taken.place)
    assert buffer.lengths()[0] < 300


def test_when_a_part_refuses_it_and_the_rest_overflow(cluster: subprocess.Popen[bytes], site: models.Site) -> None:
    node: Any = redis.Redis(port=server.reader().get_primaries()[0].port)
    slot = server.reader().keyslot(server.stream(1))
    node.execute_command("CLUSTER DELSLOTS", slot)
    ids = buffer.push({part: hits(site, part) for part in range(3)}, builders.NOW)
    assert sorted(ids) == [0]
    assert rows("SELECT part FROM overflow ORDER BY part") == [(1,), (2,)]
    node.execute_command("CLUSTER ADDSLOTS", slot)
    node.close()
    forget_connections()
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(3, 3)]
    assert books.balance().holds


def test_hits_overflow_while_the_cluster_is_away_and_what_may_be_stored_is_refused(
    cluster: subprocess.Popen[bytes], site: models.Site
) -> None:
    buffer.push({0: hits(site, 1)}, builders.NOW)
    cluster.send_signal(signal.SIGSTOP)
    with pytest.raises(buffer.Away):
        buffer.push({0: hits(site, 2)}, builders.NOW)
    cluster.kill()
    cluster.wait()
    server._away_until = 0.0
    # No connection can be made: certainly not stored.
    assert buffer.push({0: hits(site, 3), 1: hits(site, 4)}, builders.NOW) == {}
    assert rows("SELECT part FROM overflow ORDER BY part") == [(0,), (1,)]
