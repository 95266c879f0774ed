"""Starting, asking and stopping supervisord, which keeps the programs of an instance running."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.instance import Instance
from deploy.local.layout import PYTHON
from deploy.local.programs import die_with_parent
from deploy.local.terminal import Problem, last_lines

STOP_SECONDS = 150
READY_SECONDS = 90
STEADY_SECONDS = 5
START_ATTEMPTS = 4
UNREACHABLE = (OSError, xmlrpc.client.Error, http.client.HTTPException)


def start(instance: Instance, *, with_us: bool) -> subprocess.Popen[bytes]:
    """supervisord in a session of its own; `with_us` has it stop everything should this process be killed."""
    log = instance.home.logs / "supervisord.out"
    command = [str(PYTHON), "-m", "supervisor.supervisord", "--nodaemon", "-c", "supervisord.conf"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*(die_with_parent("TERM") if with_us else []), *command],
            cwd=instance.home.path,
            env=instance.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 20
    while not is_running(instance):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise Problem(f"supervisord did not start. The end of {log}:\n{last_lines(log)}")
        time.sleep(0.05)
    return process


def is_running(instance: Instance) -> bool:
    return pid(instance) is not None


def pid(instance: Instance) -> int | None:
    """The process id of the instance's supervisord, or None when it does not run."""
    if "SUPERVISOR_PORT" not in instance.values:
        return None
    try:
        answer: int = _remote(instance).getPID()
    except UNREACHABLE:
        return None
    return answer


def start_app(instance: Instance) -> None:
    _remote(instance).startProcessGroup("app", False)


def programs(instance: Instance) -> dict[str, dict[str, Any]]:
    """Program name → what supervisor knows of it: statename, pid, start, now, …"""
    try:
        return {info["name"]: info for info in _remote(instance).getAllProcessInfo()}
    except UNREACHABLE as error:
        raise Problem("supervisord went away while the programs were starting; try again.") from error


def keeps_running(instance: Instance, program: str) -> bool:
    """Whether the program runs for longer than one that fails to start takes to fail."""
    info = programs(instance)[program]
    return bool(info["statename"] == "RUNNING" and info["now"] - info["start"] >= STEADY_SECONDS)


def wait_until(ready: Callable[[], bool], instance: Instance, program: str) -> None:
    """Wait for one program's readiness; when it keeps failing, show the end of its log."""
    deadline = time.monotonic() + READY_SECONDS
    seen = set()
    while not ready():
        seen.add(programs(instance)[program]["pid"] or None)
        if len(seen - {None}) > START_ATTEMPTS or time.monotonic() > deadline:
            log = instance.home.logs / f"{program}.log"
            raise Problem(f"{program} did not become ready. The end of {log}:\n{last_lines(log, 15)}")
        time.sleep(0.1)


def stop(instance: Instance, process: subprocess.Popen[bytes] | None = None) -> None:
    """Stop every program, the application before its services, and wait until all have ended."""
    number = process.pid if process else pid(instance)
    if number is None or not _is_alive(number, process):
        return
    os.kill(number, 15)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_alive(number, process):
        if time.monotonic() > deadline:
            os.kill(number, 9)
            raise Problem(f"The programs did not stop within {STOP_SECONDS} s and were killed.")
        time.sleep(0.1)


def _is_alive(number: int, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None:
        return process.poll() is None
    try:
        # The state follows the name in brackets; Z is a process that has ended and waits for its parent.
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class _Transport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = 10
        return connection


def _remote(instance: Instance) -> Any:
    password, port = instance.values["SUPERVISOR_PASSWORD"], instance.values["SUPERVISOR_PORT"]
    address = f"http://recount:{password}@127.0.0.1:{port}/RPC2"
    return xmlrpc.client.ServerProxy(address, transport=_Transport()).supervisor
