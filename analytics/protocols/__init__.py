"""Wire formats, one module each: `split` a request into payloads, `read` one payload, `answer` in the protocol's words.

The door and every recount share the same `read` (docs/decisions/0001).
"""

from __future__ import annotations

from types import ModuleType

from analytics.events import ClientEvent, Hit
from analytics.protocols import log, plausible, recount

BY_NAME: dict[str, ModuleType] = {module.NAME: module for module in (recount, plausible, log)}


def read(hit: Hit) -> ClientEvent:
    """What the client said in this hit. Raises events.Refused when the payload cannot be read."""
    event: ClientEvent = BY_NAME[hit.protocol].read(hit.payload)
    return event
