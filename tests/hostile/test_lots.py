"""What has come together is answered together, and no client of a lot is another one's trouble."""

from __future__ import annotations

import contextlib
import socket
import time
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.hostile import exchange
from tests.hostile.exchange import Answer
from tests.hostile.running import Pool, batch

pytestmark = pytest.mark.flow
CLIENTS = 40
UNREAD_REQUESTS = 20_000


def request(body: bytes, *, closing: bool = True) -> bytes:
    close = b"Connection: close\r\n" if closing else b""
    return b"POST /v1/events HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s" % (close, len(body), body)


def event(mark: str, site: str = "example.com") -> bytes:
    return batch([{"name": "x", "url": mark}], site=site)


@contextlib.contextmanager
def clients(pool: Pool, n: int = CLIENTS) -> Iterator[list[socket.socket]]:
    """Connections whose next requests are answered in lots."""
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(exchange.kept_alive(pool.socket)) for _ in range(n)]


def answer(client: socket.socket) -> Answer:
    received = b""
    while piece := client.recv(1 << 16):
        received += piece
    (one,) = exchange.answers(received)
    return one


def test_each_client_gets_the_answer_to_its_own_request(pool: Pool) -> None:
    mark = f"/{uuid.uuid4()}"
    with clients(pool) as those:
        for n, client in enumerate(those):
            client.sendall(request(event(f"{mark}/{n}") if n % 3 else b"nonsense"))
        answers = [answer(client) for client in those]
    assert [one.status for one in answers] == [202 if n % 3 else 400 for n in range(CLIENTS)]
    assert len(pool.hits(mark)) == sum(1 for n in range(CLIENTS) if n % 3)


def test_what_is_no_http_spoils_nobody_elses_request(pool: Pool) -> None:
    mark = f"/{uuid.uuid4()}"
    with clients(pool) as those:
        for n, client in enumerate(those):
            client.sendall(request(event(mark)) if n % 2 else b"POST nowhere\r\n\r\n")
        answers = [answer(client) for client in those]
    assert [one.status for one in answers] == [202 if n % 2 else 400 for n in range(CLIENTS)]
    assert len(pool.hits(mark)) == CLIENTS // 2


def test_a_client_that_does_not_read_its_answers_is_hung_up_on(pool: Pool) -> None:
    body = request(event("/unread"), closing=False)
    with clients(pool, 2) as (silent, other):
        silent.settimeout(exchange.PATIENCE_SECONDS)
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(OSError):
            for _ in range(UNREAD_REQUESTS):
                silent.sendall(body)
        other.sendall(request(event("/read")))
        assert answer(other).status == 202


def test_a_request_that_waits_for_postgresql_keeps_no_other_waiting(pool: Pool) -> None:
    mark = f"/{uuid.uuid4()}"
    with clients(pool) as those, psycopg.connect(pool.environment["DATABASE_URL"]) as elsewhere:
        assert pool.send({"name": "x", "url": mark}).status == 202  # the pool knows the site now
        elsewhere.execute("LOCK TABLE sites_alias IN ACCESS EXCLUSIVE MODE")
        stuck, *others = those
        stuck.sendall(request(event(mark, site=f"{uuid.uuid4()}.example")))
        for client in others:
            client.sendall(request(event(mark)))
        assert [answer(client).status for client in others] == [202] * len(others)
        stuck.setblocking(False)
        with pytest.raises(BlockingIOError):
            stuck.recv(1)
        elsewhere.rollback()
        stuck.settimeout(exchange.PATIENCE_SECONDS)
        assert answer(stuck).status == 400


def test_a_body_of_almost_all_that_is_allowed_may_come_behind_another_request(pool: Pool) -> None:
    mark = f"/{uuid.uuid4()}"
    with clients(pool, 1) as (client,):
        whole = request(event(mark) + b" " * 1_000_000)
        client.sendall(whole[:2000])
        time.sleep(0.1)
        client.sendall(whole[2000:])
        assert answer(client).status == 202
    assert len(pool.hits(mark)) == 1
