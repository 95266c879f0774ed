"""DRF views of the door: translate HTTP, call `accept` once, translate back."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import buffer
from analytics.events import Limits
from analytics.ingest import accept, answers, hits, tracker, visitor
from analytics.protocols import wire
from analytics.sites import lookup

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[\x21-\x7e]{1,300}", re.IGNORECASE)
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,2000}", re.ASCII)


class Unasked(BaseContentNegotiation):
    """The protocol says what the answer looks like, whatever `Accept` or `?format=` ask for."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> None:
        """None: the raw body is read."""
        return

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """For what DRF itself answers, such as 405."""
        return JSONRenderer(), JSONRenderer.media_type


class Collect(APIView):
    """Receives events in one wire format, from any origin, whatever the content type."""

    protocol: ModuleType = None  # type: ignore[assignment]  # given by the table in urls.py
    content_negotiation_class = Unasked

    def post(self, request: Request, **_: Any) -> HttpResponse:
        """One request, one reply of the protocol."""
        received = _received(request._request)
        if received.method not in self.protocol.METHODS:
            return self.http_method_not_allowed(request)
        address = visitor.address(received.headers, request.META.get("REMOTE_ADDR", ""))
        reply = accept.request(self.protocol, received, hits.caller(received.headers, address), dt.datetime.now(dt.UTC))
        return _response(reply)

    get = post

    @property
    def allowed_methods(self) -> list[str]:
        """What 405 answers."""
        return [*self.protocol.METHODS, "OPTIONS"]

    def options(self, request: Request, *_: Any, **__: Any) -> HttpResponse:  # type: ignore[override]
        """A browser asks before it sends: yes."""
        return HttpResponse(status=204)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Whatever is answered, the page that asked may read it."""
        final = super().finalize_response(request, response, *args, **kwargs)
        _from_anywhere(request, final, self.allowed_methods)
        return final


class Aside(Collect):
    """What clients of a protocol also ask for, and is no event: a validation, a configuration, a site's address."""

    reply: Callable[[wire.Request, Callable[[str], str | None]], wire.Reply] = None  # type: ignore[assignment]

    def post(self, request: Request, **_: Any) -> HttpResponse:
        """One request, one reply; it is told the domain of a site by any of its ids."""
        return _response(type(self).reply(_received(request._request), self._domain))

    get = post

    def _domain(self, reference: str) -> str | None:
        site = lookup.site(reference, self.protocol.IDS)
        return site.domain if site else None


def _response(reply: wire.Reply) -> HttpResponse:
    return HttpResponse(reply.body, reply.content_type, reply.status, headers=dict(reply.headers))


def _received(request: HttpRequest) -> wire.Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body, complete = _body(request)
    return wire.Request(
        request.method or "", request.path, request.META.get("QUERY_STRING", ""), headers, body, complete
    )


def _body(request: HttpRequest) -> tuple[bytes, bool]:
    """(the body, True) or (what came of it, False). Of one that is too large only as much as shows it."""
    most = Limits.BODY_BYTES + 1
    chunked = "HTTP_TRANSFER_ENCODING" in request.META
    # Django takes a body without a length for an empty one; gunicorn knows where a chunked one ends.
    source = request.META["wsgi.input"] if chunked else request
    body = bytearray()
    try:
        while len(body) < most and (more := source.read(most - len(body))):
            body += more
    except Exception:  # Whatever the server raises, it could not make sense of what the client sends.
        return bytes(body), False
    announced = request.META.get("CONTENT_LENGTH") or "0"
    length = int(announced) if announced.isdecimal() else 0
    return bytes(body), chunked or len(body) >= min(length, most)


def _from_anywhere(request: Request, response: HttpResponse, methods: list[str]) -> None:
    origin = request.headers.get("Origin", "")
    if _ORIGIN.fullmatch(origin):
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
    else:
        response["Access-Control-Allow-Origin"] = "*"
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    response["Access-Control-Allow-Headers"] = wanted if _HEADER_NAMES.fullmatch(wanted) else "Content-Type"
    response["Access-Control-Allow-Methods"] = ", ".join(methods)
    response["Access-Control-Expose-Headers"] = f"{answers.RECEIPT}, Retry-After"
    response["Access-Control-Max-Age"] = "86400"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    patch_vary_headers(response, ["Origin"])


@require_safe
def script(request: HttpRequest) -> HttpResponse:
    """The tracker."""
    # A proxy that compresses makes the tag a weak one.
    known = {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    if tracker.ETAG in known or "*" in known:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(tracker.SOURCE, "text/javascript; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    response["ETag"] = tracker.ETAG
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def nothing(_: HttpRequest) -> HttpResponse:
    """Plain, where Django would look for the dashboard's page."""
    return HttpResponse("There is nothing here.\n", "text/plain", 404)


def live(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", "text/plain")


def ready(_: HttpRequest) -> HttpResponse:
    """Events can be made durable."""
    if buffer.ready():
        return HttpResponse("ok\n", "text/plain")
    return HttpResponse("neither the buffer nor the overflow table answers\n", "text/plain", 503)
