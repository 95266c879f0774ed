"""DRF views of the door: translate HTTP, call `accept` once, translate back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import buffer
from analytics.events import Refused
from analytics.ingest import accept, answers, hits, http, tracker, visitor
from analytics.protocols import wire
from analytics.sites import lookup


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
    parser_classes = ()

    def initial(self, request: Request, *_: Any, **__: Any) -> None:
        """Nothing of what DRF asks first: no negotiation, version, user, permission or throttle decides here."""

    def post(self, request: Request, **_: Any) -> HttpResponse:
        """One request, one reply of the protocol."""
        received = http.received(request._request)
        if received.method not in self.protocol.METHODS:
            return self.http_method_not_allowed(request)
        reply = self.reply_to(received, request.META.get("REMOTE_ADDR", ""))
        return http.Later(reply) if http.LATER in request.META else http.response(reply())

    get = post

    def reply_to(self, received: wire.Request, peer: str) -> Callable[[], wire.Reply]:
        """What happens, and then what is answered."""
        who = hits.caller(received.headers, visitor.address(received.headers, peer))
        return accept.begin(self.protocol, received, who, dt.datetime.now(dt.UTC))

    @property
    def allowed_methods(self) -> list[str]:
        """What 405 and a preflight answer."""
        return [*self.protocol.METHODS, "OPTIONS"]

    def options(self, request: Request, *_: Any, **__: Any) -> HttpResponse:  # type: ignore[override]
        """A browser asks before it sends."""
        return http.preflight(request.META, self.allowed_methods)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Whatever is answered, the page that asked may read it."""
        if isinstance(response, Response):
            response = super().finalize_response(request, response, *args, **kwargs)
        http.open_to_all(request.META, response)
        return response  # type: ignore[no-any-return]


class Aside(Collect):
    """What clients of a protocol also ask for, and is no event: a validation, a configuration, a site's address."""

    reply: Callable[[wire.Request, Callable[[str], str | None]], wire.Reply] = None  # type: ignore[assignment]

    def reply_to(self, received: wire.Request, peer: str) -> Callable[[], wire.Reply]:
        """Nothing is to be made durable."""
        reply = self._replied(received)
        return lambda: reply

    def _replied(self, received: wire.Request) -> wire.Reply:
        """The function is told the domain of a site by any of its ids."""
        try:
            return self.reply(received, self._domain)
        except Refused as refused:
            reply: wire.Reply = self.protocol.refuse(received, refused, answers.STATUS[refused.code])
            return reply
        except lookup.LookupAway:
            return answers.TRY_LATER

    def _domain(self, reference: str) -> str | None:
        site = lookup.site(reference, self.protocol.IDS)
        return site.domain if site else None


@require_safe
def script(request: HttpRequest, content_hash: str = "") -> HttpResponse:
    """The tracker. Under its hash it never changes; another hash is an older or newer one's: this one stands in."""
    found = tracker.encoded(request.headers.get("Accept-Encoding", ""))
    # A proxy that compresses makes the tag a weak one.
    known = {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    if tracker.ETAG in known or "*" in known:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(found.body, "text/javascript; charset=utf-8")
        response["Content-Length"] = str(len(found.body))
        if found.encoding:
            response["Content-Encoding"] = found.encoding
    lasting = content_hash == tracker.HASH
    response["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "public, max-age=3600"
    response["ETag"] = found.etag
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    response["Vary"] = "Accept-Encoding"
    return response


def nothing(_: HttpRequest, exception: Exception | None = None) -> HttpResponse:
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
