"""The documentation names what can be asked for: all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from analytics.dashboard.api.ga4 import names

_DOCS = Path(__file__).resolve().parents[4] / "docs" / "apis" / "ga4.md"
_EITHER = {"customEvent:KEY", "customUser:KEY", "minutesAgo"}
"""Names with a part that is the caller's, and of realtime alone."""


def listed(table: str) -> set[str]:
    """The names of a table of the documentation; of sources each also as `session…`."""
    _, _, rest = _DOCS.read_text(encoding="utf-8").partition(f"| {table} | |\n")
    rows = rest.partition("\n\n")[0].splitlines()
    found: set[str] = set()
    for row in rows:
        words = set(re.findall(r"`(\w[\w:]*)`", row))
        if row.startswith("| source |"):
            words |= {f"session{word[0].upper()}{word[1:]}" for word in words}
        found |= words
    return found


def test_every_dimension_is_documented_and_every_documented_one_is_there() -> None:
    assert listed("dimensions") - _EITHER == set(names.DIMENSIONS)


def test_every_metric_is_documented_and_every_documented_one_is_there() -> None:
    assert listed("metrics") == set(names.METRICS)
