"""Disks that are full, fail or are slow: T24 to T26, T46."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from deploy.local.instance import BUFFER, POSTGRES
from tests import processes
from tests.chaos import sender
from tests.chaos.children import Child
from tests.chaos.faults.buffer import recovers
from tests.chaos.oracle import Sent
from tests.chaos.servers import NotPermitted, mount_small, program, unmount
from tests.chaos.trial import Trial

SEGMENT_BYTES = 16 << 20
SLOW_MS = 5_000.0
"""Each of the pool's 32 threads waits for one or two syncs of 200 ms, so that the load of the trial just fits."""


@contextlib.contextmanager
def small_disk(trial: Trial, child: Child, folder: Path, spare_bytes: int) -> Iterator[Path]:
    """A server's folder moves to a small disk and back; gives the file to fill the disk with."""
    servers = trial.world.servers
    child.stop(30, signal.SIGINT)
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    try:
        mount_small(folder, (_bytes(aside) + spare_bytes) // (1 << 20) + 1)
    except NotPermitted:
        folder.rmdir()
        aside.rename(folder)
        raise
    _copy(aside, folder)
    try:
        servers.ensure()
        yield folder / "ballast"
    finally:
        (folder / "ballast").unlink(missing_ok=True)
        child.stop(30, signal.SIGINT)
        shutil.rmtree(aside)
        aside.mkdir()
        _copy(folder, aside)
        unmount(folder)
        folder.rmdir()
        aside.rename(folder)
        servers.ensure()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _copy(source: Path, target: Path) -> None:
    """Everything in a folder, with its owner and rights and those of the folder itself."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


def fill(ballast: Path, spare: int) -> None:
    """Leave so many bytes of the disk free."""
    free = shutil.disk_usage(ballast.parent).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - spare))


def fill_disk(trial: Trial) -> None:
    """T24: it ends rather than say what is not so; with room again nothing acknowledged is missing."""
    buffer = trial.world.servers.buffer
    with small_disk(trial, buffer, trial.world.servers.folder(BUFFER), 4 << 20) as ballast:
        trial.pause(1, 3)
        fill(ballast, trial.moments.randrange(4096, 65536))
        processes.wait_until(lambda: not buffer.alive(), "a full disk ends the buffer")
        trial.pause(0.5, 3)
        ballast.unlink()
        buffer.start()
        trial.world.servers.wait_until_ready(buffer, BUFFER)
        trial.pause(1, 3)


@contextlib.contextmanager
def _injected(child: Child, fault: str) -> Iterator[None]:
    """The disk answers a server's fdatasync so, by strace. Raises NotPermitted."""
    command = [program("strace"), "-qq", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e"]
    process = subprocess.Popen([*command, f"inject=fdatasync:{fault}", "-p", str(child.pid)], start_new_session=True)
    status = Path(f"/proc/{child.pid}/status")
    try:
        processes.wait_until(lambda: not child.alive() or "TracerPid:\t0\n" not in status.read_text(), "strace works")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def fail_sync(trial: Trial) -> None:
    """T25: the disk says EIO; the same as a full one."""
    buffer = trial.world.servers.buffer
    with _injected(buffer, "error=EIO"):
        processes.wait_until(lambda: not buffer.alive(), "a failing disk ends the buffer")
    trial.pause(0.5, 3)
    buffer.start()
    trial.world.servers.wait_until_ready(buffer, BUFFER)
    recovers(trial)


def slow_sync(trial: Trial) -> None:
    """T26: every sync takes 200 ms; 2xx stays true, and the answers stay bounded."""
    with _injected(trial.world.servers.buffer, "delay_enter=200000"):
        began_at = time.time()
        time.sleep(1)
        trial.pause(4, 8)
        ended_at = time.time()

    def check(sent: Sent) -> None:
        during = [one for one in sent.requests if began_at + 0.5 < one.at < ended_at - 0.2]
        middle, p99 = sender.slowest(during, 0.5), sender.slowest(during)
        trial.note = f"median {middle:.0f} ms, p99 {p99:.0f} ms"
        assert middle > 100, "no sync was slow"
        assert p99 < SLOW_MS, f"p99 {p99:.0f} ms"

    trial.expect(check)


def fill_wal(trial: Trial) -> None:
    """T46: the disk of the WAL is full: PostgreSQL ends itself, and batches wait until it is back."""
    postgres = trial.world.servers.postgres
    folder = trial.world.servers.folder(POSTGRES) / "pg_wal"
    with small_disk(trial, postgres, folder, 2 * SEGMENT_BYTES) as ballast:
        fill(ballast, 4096)
        log = trial.world.known.home.logs / "postgres.log"
        seen = log.stat().st_size
        deadline = time.monotonic() + 30
        while b"No space left on device" not in log.read_bytes()[seen:]:
            assert time.monotonic() < deadline, "a full disk went unnoticed"
            _use_up_wal(trial)
        trial.pause(2, 8)
        ballast.unlink()
        trial.world.servers.ensure()
        trial.pause(1, 3)


def _use_up_wal(trial: Trial) -> None:
    with contextlib.suppress(psycopg.Error), trial.world.servers.sql() as session:
        session.execute("SELECT pg_logical_emit_message(false, 'chaos', 'x'), pg_switch_wal()")
    time.sleep(0.05)
