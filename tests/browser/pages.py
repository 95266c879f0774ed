"""Pages of a site, served on an origin of their own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>{title}</title>
{head}
<body>{body}</body></html>"""


class Pages(ThreadingHTTPServer):
    """Answers each path with its document, whatever the host and the query."""

    daemon_threads = True
    # The browser keeps its connections.
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        """Sent with every document."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def _answer(self) -> None:
        document = self.server.documents.get(self.path.partition("?")[0])
        content = (document or "There is nothing here.").encode()
        self.send_response(404 if document is None else 200)
        kind = "text/javascript" if self.path.endswith(".js") else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextlib.contextmanager
def served() -> Iterator[Pages]:
    """A server of pages, for the length of a block."""
    pages = Pages()
    thread = threading.Thread(target=pages.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield pages
    finally:
        pages.shutdown()
        thread.join()
        pages.server_close()
