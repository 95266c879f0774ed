"""Corpora that lie next to the checkout, too large and too foreign to be part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).resolve().parents[1].parent / "shared"


def path(name: str) -> Path:
    """`shared/<name>`, a file or a folder. Skips the test when it is not there."""
    found = _FOLDER / name
    if not found.exists():
        pytest.skip(f"no ../shared/{name} next to the checkout")
    return found


def read_json(name: str) -> Any:
    return json.loads(path(name).read_text(encoding="utf-8"))


def read_yaml(name: str) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.load(path(name).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
