"""The ingest pool behind its load balancer, as deploy/haproxy/ingest.cfg sets it up."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from analytics.sites import models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.flow
EVENT = b'{"site":"example.com","events":[{"name":"pageview","url":"/"}]}'
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: example.com\r\nContent-Length: %d\r\n\r\n"
REQUEST_SECONDS = 1
SLOW = 60
"""More than all threads of the pool."""


@pytest.fixture
def balancer(site: models.Site, environment: dict[str, str], tmp_path: Path) -> Iterator[int]:
    """The port of the balancer before two small pools. Its time for a request is shortened, for the tests' sake."""
    if not processes.has_balancer():
        pytest.skip("haproxy is not installed")
    small = environment | {"INGEST_THREADS": "4", "TRUSTED_PROXIES": "127.0.0.1/32"}
    with (
        processes.pool("ingest", small) as one,
        processes.pool("ingest", small) as two,
        processes.balancer("ingest", {"ingest": (one, two)}, tmp_path, http_request=f"{REQUEST_SECONDS}s") as address,
    ):
        yield int(address.rpartition(":")[2])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def post(port: int) -> int:
    """The status of an honest request."""
    with connect(port) as client:
        client.sendall(HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") % len(EVENT) + EVENT)
        return int(client.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("part", [HEAD[:30], HEAD % 1000 + EVENT[:10]], ids=["head", "body"])
def test_slow_clients_hold_nobody_up_and_are_cut_off(balancer: int, part: bytes) -> None:
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(connect(balancer)) for _ in range(SLOW)]
        for client in slow:
            client.sendall(part)
        assert [post(balancer) for _ in range(20)] == [202] * 20
        deadline = time.monotonic() + REQUEST_SECONDS + 8
        answers = []
        for client in slow:
            client.settimeout(max(deadline - time.monotonic(), 0.1))
            answers.append(client.recv(100).partition(b"\r\n")[0])
        assert {answer.partition(b" ")[2] for answer in answers} == {b"408 Request Time-out"}
        assert post(balancer) == 202


class Counted(http.server.BaseHTTPRequestHandler):
    """Answers yes, and knows the connections that it was asked on."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[int]] = set()

    def do_GET(self) -> None:
        """The balancer's check."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.connections.add(self.client_address[1])
        self.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.skipif(not processes.has_balancer(), reason="haproxy is not installed")
def test_clients_that_come_once_share_connections_to_a_pool(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counted) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the balancer ends by hanging up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pools = {"ingest": [f"http://127.0.0.1:{server.server_port}"]}
        with processes.balancer("ingest", pools, tmp_path) as address:
            assert [post(int(address.rpartition(":")[2])) for _ in range(30)] == [202] * 30
        server.shutdown()
    assert len(Counted.connections) < 10


def test_an_address_that_a_client_claims_is_not_believed(balancer: int) -> None:
    with connect(balancer) as client:
        head = HEAD.replace(b"Host:", b"X-Forwarded-For: 6.6.6.6\r\nHost:")
        client.sendall(head % len(EVENT) + EVENT)
        assert client.recv(100).startswith(b"HTTP/1.1 202")
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT ip_prefix FROM hit")
        assert cursor.fetchall() == [("127.0.0.0/24",)]
