"""Recordings of real clients, sent byte for byte through the view and a writer."""

from __future__ import annotations

import base64
import gzip
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from analytics.store import db
from tests import builders, shared

HOP_BY_HOP = {"content-length", "connection", "content-type", "host"}


def requests(recording: str) -> list[dict[str, Any]]:
    """The requests of `shared/captures/<recording>`."""
    found: list[dict[str, Any]] = shared.read_json(f"captures/{recording}")
    return found


def body(request: dict[str, Any]) -> bytes:
    """The body as it was sent: packed again where the recording unpacked it."""
    raw = base64.b64decode(request["body_b64"]) if "body_b64" in request else request.get("body", "").encode()
    return gzip.compress(raw) if request.get("body_was_gzip") else raw


def replay(client: Client, recording: str) -> list[HttpResponse]:
    """Send every request as it was recorded; the answers."""
    return [send(client, request) for request in requests(recording)]


def send(client: Client, request: dict[str, Any]) -> HttpResponse:
    headers = {name.lower(): value for name, value in request["headers"]}
    sent = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
    kind = headers.get("content-type", "")
    response: Any = client.generic(
        request["method"], request["path"], body(request), kind, headers=sent, REMOTE_ADDR="127.0.0.1"
    )
    return cast(HttpResponse, response)


def stored(columns: str) -> list[tuple[Any, ...]]:
    """Those columns of `event JOIN hit`, in the order of the hits, after a writer has written everything."""
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute(f"SELECT {columns} FROM event JOIN hit USING (hit_id) ORDER BY hit_id")
        return cursor.fetchall()
