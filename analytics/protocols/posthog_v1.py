"""PostHog's newer capture API: POST /i/v1/analytics/events, answered event by event.

`{"created_at", "batch": [{event, uuid, distinct_id, timestamp, options, properties}]}`; the key is a bearer token, the
client's clock and the SDK's name are headers. Source: posthog rust/capture/src/v1/analytics.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from analytics.events import Refused
from analytics.protocols import lenient, posthog, posthog_body, wire

NAME = posthog.NAME
IDS = posthog.IDS
METHODS = ("POST",)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)

read = posthog.read


def split(request: wire.Request) -> wire.Batch:
    """Raises Refused."""
    body: dict[str, msgspec.Raw] = wire.decode(posthog_body.text(request, {}), dict[str, msgspec.Raw])
    batch = wire.decode(bytes(body["batch"]).decode(), list[msgspec.Raw]) if "batch" in body else []
    items = wire.few(batch, posthog.EVENTS_PER_REQUEST)
    # Where the older API has the library among the properties, here it is said once, in a header.
    library = lenient.text(request.headers.get("posthog-sdk-info"), 200).partition("/")[0]
    payloads = [wire.together(item, {"$lib": library}) if library else bytes(item).decode() for item in items]
    said = [lenient.readable(bytes(item).decode()) for item in items]
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    outer = {"sent_at": request.headers.get("posthog-request-timestamp")}
    return posthog.addressed(
        payloads, said, outer | ({"api_key": key.strip()} if scheme.lower() == "bearer" else {}), {}
    )


def answer(request: wire.Request, batch: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """200 with `ok` or `drop` for each uuid; an error only when the request's key is to blame."""
    why = lenient.all_refused(outcomes)
    if why and why.code in posthog.OF_THE_REQUEST:
        return refuse(request, why, posthog.OF_THE_REQUEST[why.code])
    results = {
        batch.events[outcome.index].name: {"result": "ok"}
        if outcome.refused is None
        else {"result": "drop", "details": outcome.refused.value}
        for outcome in outcomes
    }
    results.pop("", None)
    return wire.Reply(200, msgspec.json.encode({"results": results}), headers=_echoed(request))


def refuse(request: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused, in JSON."""
    body: dict[str, Any] = {"error": refused.code.value, "error_description": refused.message}
    status = posthog.OF_THE_REQUEST.get(refused.code, status)
    return wire.Reply(status, msgspec.json.encode(body), headers=_echoed(request))


def _echoed(request: wire.Request) -> dict[str, str]:
    """The request's own id, as PostHog sends it back."""
    given = request.headers.get("posthog-request-id", "")
    return {"PostHog-Request-Id": given} if _REQUEST_ID.fullmatch(given) else {}
