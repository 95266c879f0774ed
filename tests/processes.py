"""The product's own processes, started for one test and ended by their process ids."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30.0
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin")


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


def has_balancer() -> bool:
    """Whether haproxy is installed."""
    return HAPROXY is not None


@contextlib.contextmanager
def balancer(name: str, pools: Mapping[str, Sequence[str]], folder: Path, **timeouts: str) -> Iterator[str]:
    """The load balancer of deploy/haproxy/NAME.cfg before pools, whose addresses stand under the names of its backends;
    gives its own. `http_request="1s"` replaces a timeout. Needs haproxy, see `has_balancer`."""
    assert HAPROXY is not None
    port = free_port()
    config = (ROOT / "deploy" / "haproxy" / f"{name}.cfg").read_text()
    config = re.sub(r"resolvers docker\n(    .*\n)+", "", config).replace(" resolvers docker init-addr libc,none", "")
    for backend, addresses in pools.items():
        servers = (f"    server {backend}{n} {at.removeprefix('http://')}" for n, at in enumerate(addresses))
        config = re.sub(rf"    server-template {backend} .*", "\n".join(servers), config)
    for timeout, value in timeouts.items():
        said = f"timeout {timeout.replace('_', '-')}"
        config = re.sub(rf"{said} .*", f"{said} {value}", config)
    (folder / f"{name}.cfg").write_text(re.sub(r"bind :\d+", f"bind 127.0.0.1:{port}", config))
    process = subprocess.Popen([HAPROXY, "-db", "-q", "-f", folder / f"{name}.cfg"])
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: status(f"{address}/health/ready") == 200, "the balancer passes requests on")
        yield address
    finally:
        process.terminate()
        process.wait()


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
