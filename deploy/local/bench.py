"""`bin/bench`: a benchmark on services of its own, whose disks are written as in production."""

from __future__ import annotations

import argparse
import os
import subprocess

from deploy.local import instance, layout, python_packages, supervisor
from deploy.local.instance import Instance
from deploy.local.layout import PYTHON, ROOT, Home
from deploy.local.programs import die_with_parent
from deploy.local.terminal import Problem
from deploy.local.test import remove
from deploy.local.up import fetch, start_services

BENCHES = ("ingest", "pipeline", "query", "dashboards")


def bench(arguments: list[str]) -> int:
    """`bin/bench NAME …`: runs tests/bench/NAME.py, which gets the other arguments."""
    if not arguments or arguments[0] not in BENCHES:
        raise Problem(f"Say which: bin/bench {' | '.join(BENCHES)}. Each explains itself with --help.")
    known = Instance(Home(layout.home().path / "bench" / str(os.getpid())), {})
    known.adopt_environment()
    for variable in ("INGEST_PORT", "DASHBOARD_PORT"):
        known.values[variable] = str(instance.free_port())
    known.complete()
    fetch(known, python_packages.DEVELOP)
    process = None
    try:
        process = start_services(known, argparse.Namespace(services_only=True, detach=False))
        command = [*die_with_parent("TERM"), str(PYTHON), "-m", f"tests.bench.{arguments[0]}", *arguments[1:]]
        return subprocess.run(command, cwd=ROOT, env=known.environment(), check=False).returncode
    finally:
        if process:
            supervisor.stop(known, process)
        remove(known.home)
