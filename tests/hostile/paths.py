"""An address of every format that the ingest pool speaks."""

from __future__ import annotations

from types import ModuleType

from analytics.ingest import openapi
from analytics.ingest.urls import PROTOCOLS

ALL: list[tuple[str, ModuleType]] = [
    (path.format(**openapi.EXAMPLES), module) for pattern, module in PROTOCOLS for path in openapi.paths(pattern)
]
"""(path, protocol): each spelling of the table in `urls.py`."""
EVERY: list[tuple[str, ModuleType]] = list({id(module): (path, module) for path, module in reversed(ALL)}.values())[
    ::-1
]
"""One path of each protocol."""
