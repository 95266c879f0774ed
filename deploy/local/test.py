"""`bin/test`: the checks of the code, and the tests on services of their own."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local import instance, layout, python_packages, supervisor
from deploy.local.instance import Instance
from deploy.local.layout import PYTHON, ROOT, Home
from deploy.local.programs import die_with_parent
from deploy.local.terminal import complain, say, step
from deploy.local.up import fetch, start_services

CHROMIUM = Path("/usr/bin/chromium")
PROGRAMS = {"chromium": CHROMIUM, "haproxy": Path("/usr/sbin/haproxy")}
"""Debian's package → its program: what some tests drive, and skip without."""
Checks = Sequence[tuple[str, list[str]]]
CHECKS: Checks = (
    ("Format", ["-m", "ruff", "format", "--check", "."]),
    ("Lint", ["-m", "ruff", "check", "."]),
    ("Types", ["-m", "mypy"]),
    ("Contracts", ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]),
)
APART = ("bench", "browser", "chaos", "clients", "dashboard", "faults", "flow", "portal")
"""Folders of tests that mostly wait for other processes: they run beside the rest, on services of their own."""


def test(arguments: list[str]) -> int:
    """Without arguments everything is checked; with arguments pytest alone runs, and gets them."""
    if arguments:
        return _on_own_services(arguments)
    _bring_programs()
    given = Instance(layout.home(), {})
    given.adopt_environment()
    if given.values:  # services that are there already are nobody's own
        return _on_own_services([], CHECKS)
    folders = [folder.name for folder in sorted((ROOT / "tests").iterdir()) if any(folder.glob("test_*.py"))]
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen(
            [*die_with_parent("TERM"), sys.executable, "-P", "-m", "deploy.local", "test", *_paths(APART)],
            cwd=ROOT, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code = _on_own_services(_paths(name for name in folders if name not in APART), CHECKS)
        beside_code = beside.wait()
        said.seek(0)
        say(f"\nBeside them: {', '.join(APART)}\n{said.read()}")
    return code or beside_code


def _paths(folders: Iterable[str]) -> list[str]:
    return [f"tests/{folder}" for folder in folders]


def _on_own_services(arguments: list[str], checks: Checks = ()) -> int:
    """The checks, and pytest with these arguments, on servers that are thrown away."""
    tests_home = layout.home().path / "test"
    _clear_away_the_dead(tests_home)
    known = Instance(Home(tests_home / str(os.getpid())), {})
    known.adopt_environment()
    for variable in ("INGEST_PORT", "DASHBOARD_PORT"):
        known.values[variable] = str(instance.free_port())
    known.complete()
    fetch(known, python_packages.DEVELOP)
    process = None
    try:
        process = start_services(known, argparse.Namespace(services_only=True, detach=False), throwaway=True)
        return _run(known, arguments, checks)
    finally:
        if process:
            supervisor.stop(known, process)
        remove(known.home)


def _run(known: Instance, arguments: list[str], checks: Checks) -> int:
    environment = known.environment()
    if CHROMIUM.exists():
        environment["CHROMIUM"] = str(CHROMIUM)
    failed = []
    for name, command in (*checks, ("Tests", ["-m", "pytest", *arguments])):
        say(f"\n{name}: {' '.join(command[1:])}" if command[0] == "-m" else f"\n{name}")
        began_at = time.monotonic()
        code = subprocess.run(
            [*die_with_parent("TERM"), str(PYTHON), *command], cwd=ROOT, env=environment, check=False
        ).returncode
        say(f"{name}: {'passed' if code == 0 else 'FAILED'} after {time.monotonic() - began_at:.1f} s")
        if code != 0:
            failed.append(name)
    if failed:
        complain(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def _bring_programs() -> None:
    """Install what some tests drive, as root and before a whole run; those tests are skipped otherwise."""
    wanted = [package for package, program in PROGRAMS.items() if not program.exists()]
    if not wanted or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    log = layout.SERVICES / "programs.log"
    # Debian would start a server that it installs.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with step(f"Installing {' and '.join(wanted)} for the tests"), log.open("wb") as out:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
            subprocess.run(
                ["apt-get", "-q", *command], stdout=out, stderr=subprocess.STDOUT, env=environment, check=False
            )
    for package in wanted:
        if not PROGRAMS[package].exists():
            complain(f"  {package} could not be installed (see {log}); the tests that need it are skipped.")


def _clear_away_the_dead(tests_home: Path) -> None:
    """Remove what a run that was killed has left."""
    for left in tests_home.glob("*"):
        if left.name.isdecimal() and not Path("/proc", left.name).exists():
            supervisor.stop(instance.load(Home(left)))
            remove(Home(left))


def remove(home: Home) -> None:
    """Everything of an instance that is over."""
    if home.path.exists():
        shutil.rmtree(home.service_data(), ignore_errors=True)
        shutil.rmtree(home.path, ignore_errors=True)
