"""What PostgreSQL can store of an event: text that goes through UTF-8 and has no NUL."""

from __future__ import annotations

import msgspec

from analytics.events import ClientEvent


def check(event: ClientEvent) -> None:
    """Raises AssertionError, or UnicodeEncodeError, when a text of the event cannot be stored."""
    said = msgspec.structs.asdict(event)
    for text in (*said.values(), *event.props, *event.props.values()):
        if isinstance(text, str):
            assert b"\x00" not in text.encode()
