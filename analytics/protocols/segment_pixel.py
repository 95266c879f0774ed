"""Segment's messages as an image's address: GET /v1/pixel/track (Segment), GET /pixel/v1/track (RudderStack).

The message is JSON in `data`, as base64 or plain, or lies in parameters with dotted names (`properties.plan=pro`).
Every answer is 200 and a GIF. Also RudderStack's GET /sourceConfig, which its browser SDK asks for before it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import flat, lenient, segment, wire

NAME = segment.NAME
IDS = segment.IDS
METHODS = ("GET",)
_MOST_DOTS = 4

read = segment.read


def split(request: wire.Request) -> wire.Batch:
    """One message. Raises Refused."""
    parameters = wire.parameters(flat.asked(request))
    text = _packed(parameters["data"]) if parameters.get("data") else _nested(parameters)
    envelope: dict[str, msgspec.Raw] = wire.decode(text, dict[str, msgspec.Raw])
    said = wire.decode(text, dict[str, Any])
    payload = segment.of_kind(text, envelope, request.path.rstrip("/").rpartition("/")[2])
    key = parameters.get("writeKey") or lenient.text(said.get("writeKey"), Limits.ID_CHARS)
    return segment.addressed([payload], key, sent_at=said.get("sentAt"))


def _packed(data: str) -> str:
    """JSON, as it is or as base64."""
    if data.lstrip().startswith("{"):
        return data
    try:
        return (lenient.unpacked(data) or b"").decode()
    except UnicodeDecodeError:
        raise Refused(Refusal.BAD_JSON, "data is not the base64 of JSON.") from None


def _nested(parameters: dict[str, str]) -> str:
    """`a.b=c` as `{"a": {"b": "c"}}`. Of names that contradict each other the first counts."""
    message: dict[str, Any] = {}
    for name, value in parameters.items():
        *outer, last = name.split(".", _MOST_DOTS)
        place: Any = message
        for key in outer:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(last, value)
    if isinstance(quoted := message.get("anonymousId"), str):
        message["anonymousId"] = quoted.strip('"')  # as AMP pages send it
    return msgspec.json.encode(message).decode()


def answer(_: wire.Request, __: wire.Batch, ___: Sequence[wire.Outcome]) -> wire.Reply:
    """A GIF, whatever became of it."""
    return wire.pixel()


def refuse(_: wire.Request, __: Refused, ___: int) -> wire.Reply:
    """A GIF: an image has nobody to tell."""
    return wire.pixel()


def source_config(request: wire.Request, domain_of: Callable[[str], str | None]) -> wire.Reply:
    """What RudderStack's control plane says of a write key: a source without destinations.

    It has the key's own name: whose it is must not be learned by counting through the integer ids of sites.
    """
    key = wire.parameters(request.query).get("writeKey") or segment.basic_user(request)
    if not key or domain_of(key) is None:
        body: dict[str, Any] = {"success": False, "code": "unknown_site", "message": "Invalid Write Key"}
        return wire.Reply(401, msgspec.json.encode(body))
    source = {
        "id": key,
        "name": key,
        "writeKey": key,
        "enabled": True,
        "config": {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}},
        "sourceDefinition": {"name": "Javascript", "displayName": "Javascript", "category": None},
        "destinations": [],
        "workspaceId": key,
    }
    return wire.Reply(200, msgspec.json.encode({"source": source}))
