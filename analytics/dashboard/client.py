"""Whether the client of a request is still there, so that nothing is computed for nobody.

Under gunicorn a request carries its connection: when that can be read and nothing is to be read, the client (or the
load balancer that speaks for it) has hung up.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from analytics.reports import stop

HUNG_UP = 499
"""nginx's status for it; only logs see it."""


class Watch:
    """Middleware: questions of a request are stopped when its client is gone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection = request.META.get("gunicorn.socket")
        token = stop.caller.set(lambda: is_gone(connection))
        try:
            return self._get_response(request)
        finally:
            stop.caller.reset(token)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """An answer that nobody reads."""
        return (
            HttpResponse(status=HUNG_UP, reason="Client Closed Request")
            if isinstance(exception, stop.CallerGone)
            else None
        )


def is_gone(connection: socket.socket | None) -> bool:
    """Whether the other end has closed it. False when that cannot be known, as of encrypted ones."""
    if connection is None or isinstance(connection, ssl.SSLSocket):
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True
