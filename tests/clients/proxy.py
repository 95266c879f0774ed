"""Something between a client and the pool that goes wrong on purpose: other statuses, answers that get lost."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_KEPT = ("content-type", "retry-after", "access-control-")
LOST = 0
"""The request reaches the pool, the answer never comes back."""


class Proxy(ThreadingHTTPServer):
    """Treats its first requests as `faults` say (an HTTP status, or LOST), and passes the others on."""

    daemon_threads = True

    def __init__(self, pool: str, faults: Sequence[int], headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pool = urlsplit(pool).netloc
        self.faults = list(faults)
        self.fault_headers = headers
        self.seen: list[int] = []
        """What each request got: a status, or LOST."""
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            # What a browser asks beforehand is no attempt.
            fault = self.server.faults.pop(0) if self.server.faults and self.command != "OPTIONS" else None
        if fault:
            self._answer(fault, b"", self.server.fault_headers)
            return
        upstream = http.client.HTTPConnection(self.server.pool, timeout=10)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        reply = upstream.getresponse()
        content = reply.read()
        upstream.close()
        if fault == LOST:
            self.server.seen.append(LOST)
            self.close_connection = True
            self.connection.close()
            return
        kept = {name: value for name, value in reply.getheaders() if name.lower().startswith(_KEPT)}
        self._answer(reply.status, content, kept)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.server.seen.append(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_OPTIONS = _pass

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextlib.contextmanager
def between(pool: str, faults: Sequence[int], **headers: str) -> Iterator[Proxy]:
    """A proxy in front of a pool, for the length of a block; `headers` (Retry_After=…) go with the faults."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    proxy = Proxy(pool, faults, named)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
