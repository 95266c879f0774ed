"""The ingest pool."""

import os
from collections.abc import Iterator
from typing import Any

os.environ["POOL"] = "ingest"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase

django.setup(set_prefix=False)

from analytics.ingest import http


class Request(WSGIRequest):
    """What a client calls its content means nothing at the door, so nobody takes the time to read it."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    """A request has begun when this returns; its answer is known when it is read.

    Django's signals are not sent: at the door nobody listens but for what look-ups do themselves (sites/lookup.py).
    """

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:  # type: ignore[override]
        environ[http.LATER] = True
        return _read(self.get_response(Request(environ)), start_response)


def _read(response: HttpResponseBase, start_response: Any) -> Iterator[bytes]:
    if isinstance(response, http.Later):
        response.wait()
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    yield from response


application = Handler()
