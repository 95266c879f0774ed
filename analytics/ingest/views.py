"""DRF views of the door: translate HTTP, call `accept` once, translate back."""

from __future__ import annotations

import datetime as dt
from types import ModuleType
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics import buffer
from analytics.ingest import accept, tracker, visitor
from analytics.protocols import wire


class Collect(APIView):
    """Receives events in one wire format, from any origin, whatever the content type."""

    protocol: ModuleType = None  # type: ignore[assignment]  # given by the table in urls.py

    def post(self, request: Request, **_: Any) -> HttpResponse:
        """One request, one reply of the protocol."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        address = visitor.address(headers, request.META.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES)
        query = request.META.get("QUERY_STRING", "")
        received = wire.Request("POST", request.path, query, headers, request._request.body)
        now = dt.datetime.now(dt.UTC)
        reply = accept.request(self.protocol, received, accept.caller(headers, address), now)
        response = HttpResponse(reply.body, reply.content_type, reply.status, headers=dict(reply.headers))
        return _from_anywhere(request, response)

    def options(self, request: Request, *_: Any, **__: Any) -> HttpResponse:  # type: ignore[override]
        """A browser asks before it sends: yes."""
        return _from_anywhere(request, HttpResponse(status=204))


def _from_anywhere(request: Request, response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response["Vary"] = "Origin"
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "Content-Type")
    if "Origin" in request.headers:
        response["Access-Control-Allow-Credentials"] = "true"
    response["Access-Control-Max-Age"] = "86400"
    response["Cache-Control"] = "no-store"
    return response


def script(request: HttpRequest) -> HttpResponse:
    """The tracker."""
    response = HttpResponse(tracker.SOURCE, "text/javascript; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    response["ETag"] = tracker.ETAG
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return HttpResponse(status=304) if request.headers.get("If-None-Match") == tracker.ETAG else response


def live(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", "text/plain")


def ready(_: HttpRequest) -> HttpResponse:
    """Events can be made durable."""
    if buffer.ready():
        return HttpResponse("ok\n", "text/plain")
    return HttpResponse("the buffer does not answer\n", "text/plain", 503)
