"""gunicorn's threads, as both pools use them: no answer and no log shows what was sent, or who sent it, and no client
holds others up by keeping its end of a connection open."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import time
from concurrent import futures
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

PEEK_BYTES = 1 << 16
LINGER_SECONDS = 2.0
_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)
_STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's own, but for what it says of requests that are no HTTP, and for how a connection ends."""

    def finish_request(self, conn: TConn, done: futures.Future[bool]) -> None:
        """A connection goes on, or ends when the client has read its last answer.

        For that gunicorn would wait here, and every other client with it.
        """
        if done.cancelled() or done.exception() or done.result():
            super().finish_request(conn, done)
            return
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        conn.sock.setblocking(False)
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self._drain, conn))

    def _drain(self, conn: TConn, client: socket.socket) -> None:
        try:
            more = client.recv(PEEK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self.nr_conns -= 1
            conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Say what is wrong in few words. The log hears of our own faults alone, and not who asked for what."""
        if isinstance(exc, errors.ParseException) and not isinstance(exc, _OURS):
            status, reason = _STATUS.get(type(exc), (400, "Bad Request"))
        else:
            status, reason = 500, "Internal Server Error"
            self.log.error("A request could not be handled: %s", type(exc).__name__, exc_info=exc)
        head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        with contextlib.suppress(Exception):
            util.write_nonblock(client, f"{head}Content-Length: {len(reason) + 1}\r\n\r\n{reason}\n".encode())
