"""gunicorn's threads for the ingest pool: no answer and no log shows what was sent, or who sent it.

Clients that take their time hold a thread each. They are kept away by the load balancer in front, which passes requests
on when they have come whole (`deploy/haproxy/ingest.cfg`).
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

_OURS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)
_STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's own, but for what it says of requests that are no HTTP."""

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
