"""`bin/chaos --quick`: the faults that matter most, on an instance of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import processes

pytestmark = pytest.mark.flow


def test_nothing_acknowledged_is_lost_or_doubled_by_the_faults_that_matter_most(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "deploy.local", "chaos", "--quick"]
    done = subprocess.run(command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-2000:]}"
