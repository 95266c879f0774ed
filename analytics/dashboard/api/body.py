"""The body of a request: JSON whatever its content type says, and not too much of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MOST_BYTES = 256 << 10
MOST_LEVELS = 64
"""Of lists and objects in each other: whatever walks through a body may do so by recursion."""


class AnyJSON(BaseParser):
    """Strict: halves of characters (`"\\ud800"`), which nothing behind it could store, are no JSON."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        given = stream.read(MOST_BYTES + 1)
        if len(given) > MOST_BYTES:
            raise ParseError(f"The body is larger than {MOST_BYTES} bytes.")
        try:
            found = msgspec.json.decode(given)
        except (ValueError, RecursionError):
            raise ParseError("The body is no JSON.") from None
        if not isinstance(found, dict):
            raise ParseError("The body must be a JSON object.")
        if levels(found) > MOST_LEVELS:
            raise ParseError(f"The body is nested deeper than {MOST_LEVELS} levels.")
        return found


def levels(found: Any) -> int:
    """How deep lists and objects lie in each other; no more than one beyond MOST_LEVELS is looked for."""
    depth, inner = 0, [found] if isinstance(found, list | dict) else []
    while inner and depth <= MOST_LEVELS:
        depth += 1
        inner = [part for holder in inner for part in _parts(holder) if isinstance(part, list | dict)]
    return depth


def _parts(holder: Any) -> Iterable[Any]:
    return holder.values() if isinstance(holder, dict) else holder
