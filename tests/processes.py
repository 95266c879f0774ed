"""The product's own processes, started for one test and ended by their process ids."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30.0


def free_port() -> int:
    """A port of the loopback that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone, with its children, when the block ends. `log` gets what it says on standard error."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def pool(name: str, environment: Mapping[str, str], log: IO[bytes] | None = None, **given: str) -> Iterator[str]:
    """The pool `ingest` or `dashboard`; gives its address."""
    port = free_port()
    variables = {f"{name.upper()}_PORT": str(port), f"{name.upper()}_WORKERS": "2", **given}
    command = ["-m", "gunicorn", "-c", f"config/gunicorn_{name}.py", f"config.wsgi_{name}"]
    with running(command, {**environment, **variables}, log):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: status(f"{address}/health/ready") == 200, f"the {name} pool answers")
        yield address


def status(url: str) -> int:
    """The HTTP status of an address; 0 when nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait for something to become true. Raises AssertionError when it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
