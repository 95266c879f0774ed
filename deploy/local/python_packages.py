"""The virtual environment: made once, filled again only when the requirements change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import PYTHON, ROOT, SERVICES, VENV
from deploy.local.terminal import Problem, last_lines, say

RUN = "requirements.txt"
DEVELOP = "requirements-dev.txt"
LOG = SERVICES / "pip.log"


@dataclass
class Installation:
    """A pip that is at work, or nothing to do."""

    process: subprocess.Popen[bytes] | None
    requirements: str
    began_at: float

    def finish(self) -> None:
        if self.process is None:
            return
        try:
            failed = self.process.wait() != 0
        finally:
            self.abandon()
        if failed:
            raise Problem(
                f"The Python packages of {self.requirements} could not be installed; "
                f"check the network and run the command again. The end of {LOG}:\n{last_lines(LOG)}"
            )
        _stamp(self.requirements).write_text(_fingerprint(self.requirements))
        say(f"  Python packages: {time.monotonic() - self.began_at:.1f} s")

    def abandon(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def begin_install(requirements: str) -> Installation:
    """Start pip in the background when the environment is not what `requirements` asks for."""
    if _is_current(requirements):
        return Installation(None, requirements, time.monotonic())
    SERVICES.mkdir(exist_ok=True)
    if not _works():
        _make_venv()
    say(f"  Installing the Python packages of {requirements} (a minute or two the first time) …")
    began_at = time.monotonic()
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-r", ROOT / requirements],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
    return Installation(process, requirements, began_at)


def install(requirements: str) -> None:
    begin_install(requirements).finish()


def _make_venv() -> None:
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(
            f"{sys.executable} cannot make a virtual environment; install its venv and pip modules "
            f"(on Debian: the package python3-venv). It said: {(done.stderr or done.stdout).strip()}"
        )


def _works() -> bool:
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _is_current(requirements: str) -> bool:
    stamp = _stamp(requirements)
    return os.access(PYTHON, os.X_OK) and stamp.exists() and stamp.read_text() == _fingerprint(requirements)


def _stamp(requirements: str) -> Path:
    return VENV / f".installed-{requirements}"


def _fingerprint(requirements: str) -> str:
    names = [RUN] if requirements == RUN else [RUN, DEVELOP]
    texts = [(ROOT / name).read_bytes() for name in names]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()
