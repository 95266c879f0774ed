"""Wire formats, one module each: `split` a request into payloads, `read` one payload, `answer` in the protocol's words.

The door and every recount share the same `read` (docs/decisions/0001).
"""

from __future__ import annotations

from types import ModuleType

from analytics.events import ClientEvent, Hit
from analytics.protocols import ga4, gtag, log, matomo, pixel, plausible, posthog, recount, segment, snowplow, umami

BY_NAME: dict[str, ModuleType] = {
    module.NAME: module
    for module in (recount, plausible, ga4, gtag, segment, posthog, umami, matomo, snowplow, pixel, log)
}


def read(hit: Hit) -> ClientEvent:
    """What the client said in this hit. Raises events.Refused when the payload cannot be read."""
    event: ClientEvent = BY_NAME[hit.protocol].read(hit.payload)
    return event
