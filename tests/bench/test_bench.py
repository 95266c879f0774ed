"""The benchmarks run; their figures are for people, not for tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import processes

pytestmark = pytest.mark.flow


def test_the_door_can_be_measured_against_the_bare_limit(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.bench.ingest", "--rounds", "1", "--seconds", "0.5", "--connections", "8"]
    done = subprocess.run(command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("bare limit", "the door"))]
    assert [row.rpartition(" ")[2] for row in rows] == ["none"] * 3, done.stdout
    assert "median" in done.stdout
