"""The data files in `data/`: CSV in UTF-8 with a header row."""

from __future__ import annotations

import csv
from pathlib import Path

_FOLDER = Path(__file__).parent / "data"


def rows(name: str) -> list[tuple[str, ...]]:
    """The rows of `data/<name>.csv` without the header. Raises OSError: a missing list is a broken build."""
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]
