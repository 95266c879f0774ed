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


def run(*arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "tests.bench.pipeline", *arguments]
    done = subprocess.run(command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_writers_can_be_measured_against_a_raw_copy(environment: dict[str, str]) -> None:
    said = run("--rounds", "1", "--events", "4000", environment=environment)
    rows = [line.split()[0] for line in said.splitlines() if line.startswith(("writers", "raw"))]
    assert rows == ["writers:", "writers:", "raw", "raw"], said


def test_the_time_from_the_answer_to_the_visible_row_can_be_measured(environment: dict[str, str]) -> None:
    said = run("--fresh", "--seconds", "1", "--per-second", "100", environment=environment)
    assert "answers {202: " in said
    assert "p95" in said
