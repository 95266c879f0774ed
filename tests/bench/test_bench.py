"""The benchmarks run; their figures are for people, not for tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import processes

pytestmark = pytest.mark.flow


def run(bench: str, *arguments: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", f"tests.bench.{bench}", *arguments]
    done = subprocess.run(command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_door_can_be_measured_against_the_bare_limit(environment: dict[str, str]) -> None:
    said = run("ingest", "--rounds", "1", "--seconds", "0.5", "--connections", "8", environment=environment)
    rows = [line for line in said.splitlines() if line.startswith(("bare limit", "the door"))]
    assert [row.rpartition(" ")[2] for row in rows] == ["none"] * 3, said
    assert "median" in said


def test_writers_can_be_measured_against_a_raw_copy(environment: dict[str, str]) -> None:
    said = run("pipeline", "--rounds", "1", "--events", "4000", environment=environment)
    rows = [line.split()[0] for line in said.splitlines() if line.startswith(("writers", "raw"))]
    assert rows == ["writers:", "writers:", "raw", "raw"], said


def test_the_time_from_the_answer_to_the_visible_row_can_be_measured(environment: dict[str, str]) -> None:
    said = run("pipeline", "--fresh", "--seconds", "1", "--per-second", "100", environment=environment)
    assert "answers {202: " in said
    assert "p95" in said


def test_questions_can_be_measured(environment: dict[str, str]) -> None:
    sizes = ("--rounds", "1", "--events", "3000", "--days", "40")
    said = run("query", *sizes, "--beside", "clickhouse", "postgresql", environment=environment)
    assert len([line for line in said.splitlines() if line.startswith(("today", "30 days", "12 months"))]) == 24, said


def test_dashboards_can_be_measured_beside_ingest(environment: dict[str, str]) -> None:
    pace = ("--cached", "5", "--uncached", "1", "--per-second", "50", "--seconds", "2")
    said = run("dashboards", *pace, "--events", "3000", "--days", "10", environment=environment)
    rows = {line[:44].strip(): line.rpartition("   ")[2] for line in said.splitlines() if ": " in line[-12:]}
    assert rows["5 dashboards/s, cached"] == "200: 10", said
    assert rows["1 dashboards/s, uncached"] == "200: 2", said
    assert rows["5 dashboards/s, cached, beside new ones"] == "200: 10", said
    assert rows["ingest beside dashboards"] == "202: 10", said
