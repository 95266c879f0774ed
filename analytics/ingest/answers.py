"""Why something is refused → the status it is answered with when the whole request is concerned."""

from __future__ import annotations

from analytics.events import Refusal
from analytics.protocols import wire

STATUS: dict[Refusal, int] = {
    Refusal.BAD_JSON: 400,
    Refusal.BAD_ENCODING: 415,
    Refusal.TOO_LARGE: 413,
    Refusal.TOO_MANY_EVENTS: 413,
    Refusal.NO_EVENTS: 400,
    Refusal.NO_SITE: 400,
    Refusal.UNKNOWN_SITE: 400,
    Refusal.BAD_KEY: 401,
    Refusal.NO_NAME: 400,
    Refusal.BAD_NAME: 400,
    Refusal.BAD_URL: 400,
    Refusal.BAD_FIELD: 400,
    Refusal.BAD_TIMESTAMP: 400,
    Refusal.BAD_EVENT_ID: 400,
    Refusal.BAD_PROPS: 400,
    Refusal.BAD_REVENUE: 400,
}

TRY_LATER = wire.Reply(
    503,
    b'{"error": {"code": "try_later", "message": "The event could not be stored now; send it again."}}',
    headers={"Retry-After": "2"},
)
