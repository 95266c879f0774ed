"""`bin/chaos`: faults on purpose, on an instance of its own that nothing else uses."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from deploy.local import instance, layout, python_packages
from deploy.local.instance import Instance
from deploy.local.layout import PYTHON, ROOT, Home
from deploy.local.programs import die_with_parent
from deploy.local.terminal import say
from deploy.local.test import remove
from deploy.local.up import fetch


def chaos(arguments: list[str]) -> int:
    """`bin/chaos [NAME…] [--quick]`: runs tests/chaos, which starts, breaks and ends every process itself."""
    home = layout.home().path / "chaos"
    _clear_away_the_dead(home)
    # The caller's addresses are not adopted: what is broken here must be our own.
    known = Instance(Home(home / str(os.getpid())), {})
    for variable in ("INGEST_PORT", "DASHBOARD_PORT"):
        known.values[variable] = str(instance.free_port())
    known.complete()
    fetch(known, python_packages.DEVELOP)
    try:
        known.home.path.mkdir(parents=True)
        known.save()
        environment = known.environment() | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [*die_with_parent("TERM"), str(PYTHON), "-m", "tests.chaos", *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code:
            _keep_logs(known, home / "logs")
        return code
    finally:
        _remove(known.home)


def _keep_logs(known: Instance, kept: Path) -> None:
    """What the processes said, of the last run that failed."""
    if known.home.logs.exists():
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(known.home.logs, kept)
        say(f"Logs: {kept}")


def _clear_away_the_dead(home: Path) -> None:
    """Remove what a run that was killed has left; its processes ended with it."""
    for left in home.glob("*"):
        if left.name.isdecimal() and not Path("/proc", left.name).exists():
            _remove(Home(left))


def _remove(home: Home) -> None:
    """Everything of an instance that is over, small disks that an interrupted scenario left mounted included."""
    data = str(home.service_data())
    for line in Path("/proc/mounts").read_text().splitlines():
        if (place := line.split()[1]).startswith(f"{data}/"):
            subprocess.run(["umount", "--lazy", place], check=False)
    remove(home)
