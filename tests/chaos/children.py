"""Processes that a scenario starts, breaks and starts again; all of them end with this one, whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.programs import die_with_parent

_ALL: list[Child] = []


@dataclass
class Child:
    """One process at a time, in a session of its own. `start` it again after it ended."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of Popen."""
    process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> Child:
        """Start it, with further variables in its environment."""
        assert not self.alive(), f"{self.name} runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*die_with_parent("KILL"), *self.command],
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.options,
            )
        _ALL.append(self)
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} was never started"
        return self.process.pid

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """A signal to this process alone."""
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, seconds: float = 15.0, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and end it when it does not."""
        self.send(number)
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it, and whatever it started in its session."""
        if self.process is None:
            return
        ended = [pid for pid in descendants(self.pid) if pid != self.pid]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        # Backends of PostgreSQL have sessions of their own.
        for pid in ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def wait_for_end(self, seconds: float) -> int:
        """Its exit code. Raises AssertionError when it goes on."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:.0f} s") from None


def children(pid: int) -> list[int]:
    """The processes that a process has started, of those that still run."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """A process and everything below it."""
    return [pid, *(below for child in children(pid) for below in descendants(child))]


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 when it is gone."""
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    return 0.0


def end_all() -> None:
    """End everything that was started, the last first."""
    while _ALL:
        _ALL.pop().kill()
