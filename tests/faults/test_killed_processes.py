"""Processes are killed while events come in: what was acknowledged is stored, once."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request
from uuid import UUID, uuid4

import pytest

from analytics.pipeline import books
from analytics.sites import models
from analytics.store import db
from tests import processes

pytestmark = pytest.mark.flow
MOST_EVENTS = 50_000
WRITER = ["manage.py", "write"]


class Sender(threading.Thread):
    """Sends one event after the other and notes which were acknowledged; sends again what was not."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.acknowledged: list[UUID] = []
        self.failures = 0
        self._enough = threading.Event()

    def finish(self) -> None:
        """Send no more."""
        self._enough.set()
        self.join()

    def run(self) -> None:
        while not self._enough.is_set() and len(self.acknowledged) < MOST_EVENTS:
            event_id = uuid4()
            number = len(self.acknowledged)
            event = {"name": "pageview", "url": f"/{number}", "event_id": str(event_id), "visitor_id": number % 7}
            while not self._send({"site": "example.com", "events": [event]}):
                self.failures += 1
                time.sleep(0.05)
            self.acknowledged.append(event_id)

    def _send(self, body: object) -> bool:
        request = urllib.request.Request(f"{self.address}/v1/events", json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return bool(json.load(response)["accepted"] == 1)
        except (OSError, http.client.HTTPException):
            return False


def stored() -> list[UUID]:
    with db.transaction() as cursor:
        cursor.execute("SELECT event_id FROM event ORDER BY event_id")
        return [event_id for (event_id,) in cursor.fetchall()]


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_a_writer_that_is_killed_again_and_again_loses_and_doubles_nothing(
    site: models.Site, environment: dict[str, str]
) -> None:
    moments = random.Random(20261123)
    with processes.pool("ingest", environment) as address:
        sender = Sender(address)
        sender.start()
        for _ in range(4):
            with processes.running(WRITER, environment) as writer:
                before = len(stored())
                processes.wait_until(lambda seen=before: len(stored()) > seen, "the writer writes")  # type: ignore[misc]
                sender.join(moments.uniform(0.0, 0.3))
                writer.kill()
        sender.finish()
        with processes.running(WRITER, environment):
            processes.wait_until(lambda: len(stored()) >= len(sender.acknowledged), "everything acknowledged is stored")
    assert stored() == sorted(sender.acknowledged)
    assert sender.failures == 0
    assert books.balance().holds


def test_workers_of_the_ingest_pool_that_are_killed_lose_nothing_acknowledged(
    site: models.Site, environment: dict[str, str]
) -> None:
    port = processes.free_port()
    command = ["-m", "gunicorn", "-c", "config/gunicorn_ingest.py", "config.wsgi_ingest"]
    address = f"http://127.0.0.1:{port}"
    with (
        processes.running(command, {**environment, "INGEST_PORT": str(port)}) as master,
        processes.running(WRITER, environment),
    ):
        processes.wait_until(lambda: processes.status(f"{address}/health/ready") == 200, "the pool answers")
        sender = Sender(address)
        sender.start()
        for _ in range(4):
            acknowledged = len(sender.acknowledged)
            processes.wait_until(lambda seen=acknowledged: len(sender.acknowledged) > seen + 10, "the pool accepts")  # type: ignore[misc]
            os.kill(children(master.pid)[0], signal.SIGKILL)
        sender.finish()
        processes.wait_until(lambda: set(sender.acknowledged) <= set(stored()), "everything acknowledged is stored")
    assert len(stored()) == len(set(stored()))
    assert books.balance().holds


def test_a_writer_ends_within_seconds_when_told_and_leaves_nothing_half_done(
    site: models.Site, environment: dict[str, str]
) -> None:
    with processes.pool("ingest", environment) as address, processes.running(WRITER, environment) as writer:
        sender = Sender(address)
        sender.start()
        processes.wait_until(lambda: len(stored()) > 20, "the writer writes")
        writer.send_signal(signal.SIGTERM)
        assert writer.wait(timeout=10) == 0
        sender.finish()
        assert books.balance().holds
