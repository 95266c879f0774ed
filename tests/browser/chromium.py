"""Where the browser is, and how it is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Every name is this machine.
    "--host-resolver-rules=MAP * 127.0.0.1, EXCLUDE localhost",
]


def program() -> Path:
    """Debian's Chromium, or the one that CHROMIUM names. Skips the test when there is none."""
    found = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    if not found.exists():
        pytest.skip(f"no browser at {found}; set CHROMIUM")
    return found
