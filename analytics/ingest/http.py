"""HTTP ⇄ the door: a Django request as the protocols see it, and who may read the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from analytics.events import Limits
from analytics.ingest import answers
from analytics.protocols import wire

LATER = "recount.later"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[\x21-\x7e]{1,300}", re.IGNORECASE)
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,2000}", re.ASCII)
_ALWAYS = {
    "Access-Control-Expose-Headers": f"{answers.RECEIPT}, Retry-After",
    "Cache-Control": "no-store",
    # Pages that are isolated from other origins show a pixel of one only with its consent.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Origin",
}


def received(request: HttpRequest) -> wire.Request:
    """What came, its body read as far as it may reach."""
    meta = request.META
    # Cheaper than Django's own mapping, of which a few names are asked for.
    headers = {name[5:].replace("_", "-").lower(): value for name, value in meta.items() if name.startswith("HTTP_")}
    if kind := meta.get("CONTENT_TYPE"):
        headers["content-type"] = kind
    body, complete = _body(request)
    # WSGI hands bytes on as Latin-1; clients that do not escape mean UTF-8.
    query = meta.get("QUERY_STRING", "").encode("latin-1", "replace").decode(errors="replace")
    return wire.Request(request.method or "", request.path, query, headers, body, complete)


def _body(request: HttpRequest) -> tuple[bytes, bool]:
    """(the body, True) or (what came of it, False). Of one that is too large only as much as shows it."""
    most = Limits.BODY_BYTES + 1
    chunked = "HTTP_TRANSFER_ENCODING" in request.META
    # Django takes a body without a length for an empty one; gunicorn knows where a chunked one ends.
    source = request.META["wsgi.input"] if chunked else request
    announced = request.META.get("CONTENT_LENGTH") or "0"
    length = min(int(announced), most) if announced.isdecimal() else 0
    pieces: list[bytes] = []
    read = 0
    try:
        while read < (most if chunked else length) and (more := source.read(most - read)):
            pieces.append(more)
            read += len(more)
    except Exception:  # Whatever the server raises, it could not make sense of what the client sends.
        return b"".join(pieces), False
    return b"".join(pieces), chunked or read >= length


def response(reply: wire.Reply) -> HttpResponse:
    """The answer of a protocol, of a known length."""
    return _filled(HttpResponse(), reply)


def _filled(response: HttpResponse, reply: wire.Reply) -> HttpResponse:
    response.status_code = reply.status
    response.content = reply.body
    response.headers["Content-Type"] = reply.content_type
    for name, value in reply.headers.items():
        response.headers[name] = value
    if reply.status != 204:
        response.headers["Content-Length"] = str(len(reply.body))
    return response


class Later(HttpResponse):
    """An answer that is known when its hits are durable. A server that begins several requests before it answers the
    first says so by LATER in the environment.
    """

    def __init__(self, reply: Callable[[], wire.Reply]) -> None:
        super().__init__()
        self._reply = reply

    def wait(self) -> None:
        """Return when the answer is known."""
        _filled(self, self._reply())


def open_to_all(meta: Mapping[str, Any], response: HttpResponse) -> None:
    """Let the page that asked read the answer, wherever it is from; none is kept by anybody on the way."""
    origin = meta.get("HTTP_ORIGIN", "")
    for name, value in _ALWAYS.items():
        response.headers[name] = value
    if _ORIGIN.fullmatch(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
    else:
        response.headers["Access-Control-Allow-Origin"] = "*"


def preflight(meta: Mapping[str, Any], methods: list[str]) -> HttpResponse:
    """A browser asks before it sends: yes, with whatever headers it wants."""
    wanted = meta.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    headers = {
        "Access-Control-Allow-Headers": wanted if _HEADER_NAMES.fullmatch(wanted) else "Content-Type",
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Max-Age": "86400",
    }
    return HttpResponse(status=204, headers=headers)
