"""The body of a request: JSON whatever its content type says, and not too much of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MOST_BYTES = 256 << 10


class AnyJSON(BaseParser):
    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        given = stream.read(MOST_BYTES + 1)
        if len(given) > MOST_BYTES:
            raise ParseError(f"The body is larger than {MOST_BYTES} bytes.")
        try:
            found = json.loads(given, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise ParseError("The body is no JSON.") from None
        if not isinstance(found, dict):
            raise ParseError("The body must be a JSON object.")
        return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
