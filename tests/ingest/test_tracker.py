"""The tracker's script, as it is served. tests/browser runs it."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analytics.ingest import tracker


def test_is_small() -> None:
    assert len(gzip.compress(tracker.SOURCE)) < 1500


def test_is_served_without_comments() -> None:
    assert not re.search(rb"^\s*//", tracker.SOURCE, re.MULTILINE)


def test_keeps_nothing_in_the_browser() -> None:
    assert not re.search(rb"cookie|localStorage|sessionStorage|indexedDB", tracker.SOURCE)


def test_has_an_etag_in_quotes() -> None:
    assert re.fullmatch(r'"[0-9a-f]{24}"', tracker.ETAG)


def test_is_valid_javascript(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    script = tmp_path / "tracker.js"
    script.write_bytes(tracker.SOURCE)
    subprocess.run([node, "--check", str(script)], check=True)
