"""gunicorn's threads for the ingest pool, which answer together what has come together.

To hand each request to a thread costs as much as the request itself. So those that have come whole on connections that
are kept alive are handed over as one lot: a thread begins with each, and then answers each, by when the hits of all
have made one trip to the disk. When a thread is held up (PostgreSQL or the buffer does not answer), another one takes
over what is left of its lot, and the next lot goes on beside them.

Requests that come piece by piece hold a thread each, as with gunicorn. They are kept away by the load balancer in
front, which passes requests on when they have come whole (`deploy/haproxy/ingest.cfg`).
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any, TypeVar

from gunicorn.http import errors, wsgi
from gunicorn.workers.gthread import TConn

from config.gunicorn_worker import PEEK_BYTES, Worker

T = TypeVar("T")

LOT_REQUESTS = 32
LOT_THREADS = 4
SLOW_SECONDS = 0.05
SEND_SECONDS = 0.5
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*(\d{1,6})[ \t]*(?=\r\n)", re.IGNORECASE)
_UNUSUAL = re.compile(
    rb"\r\n(?:(?:expect|transfer-encoding|upgrade)[ \t]*:|content-length[ \t]*:(?![ \t]*\d{1,6}[ \t]*\r\n))",
    re.IGNORECASE,
)
"""Of these requests gunicorn's own way of taking time over them is the right one."""


class _Outbox(list[bytes]):
    """What gunicorn would write piece by piece."""

    sendall = list.append


class _Lot:
    """Connections whose requests are answered together, and those that have been begun with."""

    def __init__(self, come: Iterable[TConn]) -> None:
        self.come = deque(come)
        self.begun: deque[tuple[TConn, Iterator[bool], bool]] = deque()


_Answered = list[tuple[TConn, bool]]


def _each_left(queue: deque[T]) -> Iterator[T]:
    """One by one, while another thread may take from the same."""
    while queue:
        with contextlib.suppress(IndexError):
            yield queue.popleft()


class LotWorker(Worker):
    """Answers together what has come together."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._come: list[TConn] = []

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """The next request of a connection begins to come, or is there already."""
        if self.cfg.is_ssl or not _has_come_whole(client):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._come.append(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One round of the main loop."""
        super().wait_for_and_dispatch_events(timeout)
        while self._come:
            lot = _Lot(self._come[:LOT_REQUESTS])
            del self._come[:LOT_REQUESTS]
            self._answer_together(lot)

    def _answer_together(self, lot: _Lot) -> None:
        """By one thread; when it is held up, by another one."""
        for _ in range(LOT_THREADS):
            answered = self.tpool.submit(self._answer, lot)
            futures.wait([answered], SLOW_SECONDS)
            if answered.done():
                self._finish(answered)
                break
            answered.add_done_callback(functools.partial(self.method_queue.defer, self._finish))
            if not answered.running():
                break  # no thread is free, and more of them would be none

    def _finish(self, answered: futures.Future[_Answered]) -> None:
        for conn, lives_on in answered.result():
            done: futures.Future[bool] = futures.Future()
            done.set_result(lives_on)
            self.finish_request(conn, done)

    def _answer(self, lot: _Lot) -> _Answered:
        """Begin with all, then answer all. Which connections live on."""
        for conn in _each_left(lot.come):
            exchange = self._exchange(conn)
            lot.begun.append((conn, exchange, next(exchange)))
        return [(conn, next(exchange, goes_on)) for conn, exchange, goes_on in _each_left(lot.begun)]

    def _exchange(self, conn: TConn) -> Iterator[bool]:
        """One request and its answer: gives True when it is under way, then whether the connection lives on."""
        request, outbox = None, _Outbox()
        try:
            request = next(conn.parser)
            response, environ = wsgi.create(request, outbox, conn.client, conn.server, self.cfg)
            environ["wsgi.multithread"] = True
            self.nr += 1
            if self.nr >= self.max_requests:
                self.alive = False
            if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
                response.force_close()
            body = self.wsgi(environ, response.start_response)
            yield True
            for piece in body:
                response.write(piece)
            response.close()
            conn.sock.settimeout(SEND_SECONDS)
            conn.sock.sendall(b"".join(outbox))
            yield not response.should_close() and conn.parser.finish_body()
        except (StopIteration, OSError, errors.NoMoreData):
            yield False  # The client has gone, or does not read what it is answered.
        except Exception as error:
            self.handle_error(request, conn.sock, conn.client, error)
            yield False


def _has_come_whole(client: socket.socket) -> bool:
    """Whether a whole request waits to be read, one whose end its head tells."""
    try:
        there = client.recv(PEEK_BYTES, socket.MSG_PEEK)
    except OSError:
        return False
    body_at = there.find(b"\r\n\r\n") + 4
    if body_at < 4 or _UNUSUAL.search(there, 0, body_at):
        return False
    length = _LENGTH.search(there, 0, body_at)
    return len(there) >= body_at + (int(length[1]) if length else 0)
