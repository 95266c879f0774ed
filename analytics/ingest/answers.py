"""Why something is refused → the status it is answered with when the whole request is concerned, and the receipts."""

from __future__ import annotations

from collections.abc import Mapping

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
    Refusal.SUSPENDED: 403,
    Refusal.RATE_LIMITED: 429,
    Refusal.OVER_QUOTA: 429,
    Refusal.OPTED_OUT: 403,
    Refusal.NO_NAME: 400,
    Refusal.BAD_NAME: 400,
    Refusal.BAD_URL: 400,
    Refusal.BAD_FIELD: 400,
    Refusal.BAD_TIMESTAMP: 400,
    Refusal.BAD_EVENT_ID: 400,
    Refusal.BAD_PROPS: 400,
    Refusal.BAD_REVENUE: 400,
}
_RETRY_SECONDS = {Refusal.RATE_LIMITED: 30, Refusal.OVER_QUOTA: 3600}
RECEIPT = "X-Recount-Dropped"

TRY_LATER = wire.Reply(
    503,
    b'{"error": {"code": "try_later", "message": "The event could not be stored now; send it again."}}',
    headers={"Retry-After": "2"},
)


def receipt(reasons: Mapping[Refusal, int]) -> dict[str, str]:
    """`X-Recount-Dropped: bad_url=2, no_name=1`: how many events of a request were not taken, and why."""
    return {RECEIPT: ", ".join(f"{reason.value}={n}" for reason, n in sorted(reasons.items()))}


def retry_after(reason: Refusal) -> dict[str, str]:
    """When to come again, in seconds, where that helps."""
    seconds = _RETRY_SECONDS.get(reason)
    return {} if seconds is None else {"Retry-After": str(seconds)}
