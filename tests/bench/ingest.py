"""What the door takes in a second, against the bare limit measured in the same run.

    bin/bench ingest [--rounds 5] [--seconds 5] [--connections 64] [--million]

The bare limit is `bare.py`: an empty DRF view with one durable XADD. Both pools run as in production (gunicorn, its
processes and threads, `appendfsync always`) and are loaded turn about by a process of their own (`load.py`); nobody
drains the buffer, which is emptied between turns. With `--million` a million events go through one pool, and the memory
of its processes is read before and after. Everything stays on the loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings
from django.core.management import call_command

from analytics.buffer import server
from analytics.sites import create, lookup
from tests import processes

THREADS = "16"
TICKS = os.sysconf("SC_CLK_TCK")
BATCH = 100
MEMORY_TURN_SECONDS = 4.0


@dataclass(frozen=True)
class Turn:
    """One pool under load for some seconds."""

    events: int
    requests: int
    seconds: float
    pool_cpu: float
    buffer_cpu: float
    load_cpu: float
    latencies_ms: dict[str, float]
    errors: dict[str, int]


@dataclass(frozen=True)
class Pool:
    port: int
    pid: int

    def processes(self) -> list[int]:
        """gunicorn's main process and its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]


@contextmanager
def pool(app: str) -> Iterator[Pool]:
    """A gunicorn with the settings of the ingest pool."""
    port = processes.free_port()
    environment = {**os.environ, "INGEST_PORT": str(port), "INGEST_WORKERS": "2", "INGEST_THREADS": THREADS}
    with processes.running(["-m", "gunicorn", "-c", "config/gunicorn_ingest.py", app], environment) as process:
        address = f"http://127.0.0.1:{port}/health/ready"
        processes.wait_until(lambda: processes.status(address) == 200, f"{app} answers")
        yield Pool(port, process.pid)


def turn(target: Pool, events: int, connections: int, seconds: float) -> Turn:
    """Load a pool; the buffer is empty before and after."""
    empty_buffer()
    buffer_pid = [int(_info("server")["process_id"])]
    cpu, buffer_cpu = cpu_seconds(target.processes()), cpu_seconds(buffer_pid)
    command = [sys.executable, "-m", "tests.bench.load", *map(str, (target.port, connections, seconds, events))]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=processes.ROOT).stdout)
    cpu, buffer_cpu = cpu_seconds(target.processes()) - cpu, cpu_seconds(buffer_pid) - buffer_cpu
    empty_buffer()
    requests = found["statuses"].get("202", 0)
    errors = {status: n for status, n in found["statuses"].items() if status != "202"}
    return Turn(
        events=requests * events,
        requests=requests,
        seconds=found["seconds"],
        pool_cpu=cpu,
        buffer_cpu=buffer_cpu,
        load_cpu=found["cpu_seconds"],
        latencies_ms=found["latencies_ms"],
        errors=errors,
    )


def empty_buffer() -> None:
    """Drop what nobody drains, without keeping Valkey from its work."""
    server.client().unlink("bare", *(server.stream(part) for part in range(settings.BUFFER_PARTS)))


def _info(section: str) -> dict[str, Any]:
    found: Any = server.client().info(section)
    return dict(found)


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes on this machine; 0 for those that run elsewhere."""
    total = 0
    for pid in pids:
        path = Path(f"/proc/{pid}/stat")
        if path.exists():
            fields = path.read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_mb(pids: Iterable[int]) -> float:
    """Resident memory of processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def median(turns: list[Turn], what: str) -> float:
    """A figure of a list of turns."""
    values: dict[str, Callable[[Turn], float]] = {
        "requests/s": lambda one: one.requests / one.seconds,
        "events/s": lambda one: one.events / one.seconds,
        "p50 ms": lambda one: one.latencies_ms["p50"],
        "p99 ms": lambda one: one.latencies_ms["p99"],
        "pool µs": lambda one: one.pool_cpu / max(one.events, 1) * 1e6,
        "buffer µs": lambda one: one.buffer_cpu / max(one.events, 1) * 1e6,
        "load µs": lambda one: one.load_cpu / max(one.events, 1) * 1e6,
    }
    return statistics.median(values[what](one) for one in turns)


FIGURES = ("requests/s", "events/s", "p50 ms", "p99 ms", "pool µs", "buffer µs", "load µs")


def table(rows: dict[str, list[Turn]]) -> None:
    """Medians; CPU is per event."""
    say(f"{'':34}" + "".join(f"{name:>12}" for name in FIGURES) + "   other answers")
    for name, turns in rows.items():
        figures = (median(turns, what) for what in FIGURES)
        errors: dict[str, int] = {}
        for one in turns:
            for status, n in one.errors.items():
                errors[status] = errors.get(status, 0) + n
        say(f"{name:34}" + "".join(f"{figure:12,.1f}" for figure in figures) + f"   {errors or 'none'}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def throughput(options: argparse.Namespace) -> None:
    """Single events and batches, the two pools turn about."""
    bare, single, batches = (
        "bare limit (DRF view, one XADD)",
        "the door, single events",
        f"the door, batches of {BATCH}",
    )
    rows: dict[str, list[Turn]] = {bare: [], single: [], batches: []}
    with ExitStack() as running:
        empty = running.enter_context(pool("tests.bench.bare"))
        door = running.enter_context(pool("config.wsgi_ingest"))
        for target in (empty, door):
            turn(target, 1, options.connections, 1)
        for _ in range(options.rounds):
            rows[bare].append(turn(empty, 1, options.connections, options.seconds))
            rows[single].append(turn(door, 1, options.connections, options.seconds))
            rows[batches].append(turn(door, BATCH, 16, options.seconds))
    table(rows)
    ratios = [one.requests / two.requests for one, two in zip(rows[single], rows[bare], strict=True)]
    say(f"\nsingle events / bare limit, by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    say(f"median {statistics.median(ratios):.2f} (wanted: at least 0.60)")


def memory(options: argparse.Namespace) -> None:
    """A million events through one pool: what its processes hold before and after."""
    with pool("config.wsgi_ingest") as door:
        turn(door, BATCH, 16, 2)
        turn(door, 1, options.connections, 2)
        before, sent = resident_mb(door.processes()), 0
        while sent < options.events:
            sent += turn(door, BATCH, 16, MEMORY_TURN_SECONDS).events
            sent += turn(door, 1, options.connections, 1).events
            say(f"{sent:12,} events   {resident_mb(door.processes()):8.1f} MB resident")
        after = resident_mb(door.processes())
        say(f"memory of the pool: {before:.1f} MB, after {sent:,} events {after:.1f} MB ({after / before - 1:+.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench ingest", description="What the door takes in a second.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--million", action="store_true", help="memory over a million events instead")
    parser.add_argument("--events", type=int, default=1_000_000, help="how many, with --million")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    if lookup.site("bench.example") is None:
        create.site("bench.example")
    durable: Any = server.client().config_get("appendfsync")
    say(
        f"Ingest on {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; gunicorn, 2 processes of {THREADS} threads;"
        f" appendfsync {durable['appendfsync']}; medians; CPU per event."
    )
    (memory if options.million else throughput)(options)


if __name__ == "__main__":
    main()
