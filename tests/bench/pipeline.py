"""What writers drain in a second, against a raw COPY of the same rows measured in the same run.

    bin/bench pipeline [--rounds 3] [--events 200000] [--fresh]

The buffer is filled with traffic (`traffic.py`), then one writer process drains it, then, filled again, two. Every
round ends with the bare limit: the rows that were written, read back in PostgreSQL's binary form and copied into empty
tables with the same columns, indexes and chunks, over one connection and over two; and in the end what an event takes
where it is kept (`stored.py`). With `--fresh` the ingest pool takes 1 000 events a second instead, and the time from
the 202 to the visible row is measured (`fresh.py`). Everything stays on the loopback.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import psycopg
from django.conf import settings
from django.core.management import call_command

from analytics import buffer
from analytics.buffer import server
from analytics.events import Hit
from analytics.sites import create, lookup, models
from analytics.store import db
from tests import processes
from tests.bench import fresh, stored, traffic
from tests.bench.ingest import cpu_seconds, resident_mb, say

SITES = 20
AT_ONCE = 500
TABLES = {"hit": "received_at", "event": "ts"}
WAIT_SECONDS = 300


@dataclass(frozen=True)
class Drained:
    """How fast a filled buffer became rows."""

    events: int
    seconds: float
    writer_cpu: float
    postgres_cpu: float
    resident_mb: float
    wal_bytes: int
    buffer_bytes: float
    """Memory of Valkey for each hit that waited."""

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def fill(sites: list[models.Site], events: int) -> None:
    """Push traffic into the buffer as a door does; nobody drains meanwhile."""
    waiting: dict[int, list[Hit]] = defaultdict(list)
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)
    for number, (part, hit) in enumerate(traffic.of(sites, events, start, per_second=max(1, events // 500)), 1):
        waiting[part].append(hit)
        if number % AT_ONCE == 0 or number == events:
            buffer.push(waiting, hit.received_at)
            waiting.clear()


def drain(writers: int, events: int) -> Drained:
    """Start writers on a filled buffer; timed from the first committed row to the last."""
    before, postgres, wal, buffered = _count(), _postgres(), _wal(), _buffered()
    with ExitStack() as running:
        started = [running.enter_context(processes.running(["manage.py", "write"], os.environ)) for _ in range(writers)]
        pids = [process.pid for process in started]
        first = _wait(lambda: _count() > before)
        at_first, cpu, postgres_cpu = _count(), cpu_seconds(pids), cpu_seconds(postgres)
        last = _wait(lambda: _count() >= before + events)
        return Drained(
            events=_count() - at_first,
            seconds=last - first,
            writer_cpu=cpu_seconds(pids) - cpu,
            postgres_cpu=cpu_seconds(_postgres()) - postgres_cpu,
            resident_mb=max(resident_mb([pid]) for pid in pids),
            wal_bytes=_wal() - wal,
            buffer_bytes=buffered / events,
        )


def _wait(true: Callable[[], bool]) -> float:
    deadline = time.perf_counter() + WAIT_SECONDS
    while not true():
        if time.perf_counter() > deadline:
            raise SystemExit("the writers did not drain the buffer in time")
        time.sleep(0.02)
    return time.perf_counter()


def _count() -> int:
    """Events that the ledger knows as stored: cheap, and moved with the rows."""
    with db.transaction() as cursor:
        cursor.execute("SELECT coalesce(sum(n), 0) FROM ledger WHERE outcome = 'stored'")
        ((n,),) = cursor.fetchall()
    return int(n)


def _wal() -> int:
    """Bytes of WAL that PostgreSQL has ever written."""
    with db.transaction() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        ((position,),) = cursor.fetchall()
    return int(position)


def _buffered() -> int:
    """Bytes of Valkey's memory that the parts take."""
    sizes = (server.client().memory_usage(server.stream(part), samples=0) for part in range(settings.BUFFER_PARTS))
    return sum(size or 0 for size in sizes)


def _postgres() -> list[int]:
    """The processes of PostgreSQL, when it is on this machine."""
    with db.transaction() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        return [pid for (pid,) in cursor.fetchall()]


def bare(connections: int) -> float:
    """Events a second that a raw COPY stores: hit and event of each, the same rows, indexes and chunks."""
    rows = {table: _binary(table, connections) for table in TABLES}
    count = _rows("hit")
    for table, column in TABLES.items():
        _run(
            f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)",
            f"SELECT create_hypertable('bare_{table}', by_range('{column}', INTERVAL '1 day'),"
            " create_default_indexes => false)",
        )
    try:
        copies = [
            threading.Thread(target=_copy, args=([(table, rows[table][n]) for table in TABLES],))
            for n in range(connections)
        ]
        began_at = time.perf_counter()
        for copy in copies:
            copy.start()
        for copy in copies:
            copy.join()
        return count / (time.perf_counter() - began_at)
    finally:
        _run("DROP TABLE bare_hit", "DROP TABLE bare_event")


def _binary(table: str, shares: int) -> list[list[bytes]]:
    """The table in PostgreSQL's binary form, its parts shared out."""
    found = []
    for share in range(shares):
        with (
            db.transaction() as cursor,
            cursor.copy(
                f"COPY (SELECT * FROM {table} WHERE part % {shares} = {share} ORDER BY batch) TO STDOUT (FORMAT BINARY)"
            ) as copying,
        ):
            found.append([bytes(block) for block in copying])
    return found


def _copy(shares: list[tuple[str, list[bytes]]]) -> None:
    with psycopg.connect(db.conninfo()) as connection, connection.cursor() as cursor:
        for table, blocks in shares:
            with cursor.copy(f"COPY bare_{table} FROM STDIN (FORMAT BINARY)") as copying:
                for block in blocks:
                    copying.write(block)


def _rows(table: str) -> int:
    with db.transaction() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        ((n,),) = cursor.fetchall()
    return int(n)


def _run(*statements: str) -> None:
    with db.transaction() as cursor:
        for statement in statements:
            cursor.execute(statement)


def empty() -> None:
    """Nothing in the tables and in the buffer."""
    _run("TRUNCATE hit, event, part_offset, ledger, ledger_taken, overflow, unsettled, quarantine, seen_event")
    server.client().flushdb()


@dataclass(frozen=True)
class Round:
    """Writers, and the bare limit, by number of processes or connections."""

    drained: dict[int, Drained]
    bare: dict[int, float]


def turn(sites: list[models.Site], events: int) -> Round:
    drained = {}
    for writers in (1, 2):
        empty()
        fill(sites, events)
        drained[writers] = drain(writers, events)
    return Round(drained, {connections: bare(connections) for connections in (1, 2)})


def table(rounds: list[Round]) -> None:
    """Medians; CPU is per event."""
    say(f"{'':22}{'events/s':>12}{'writer µs':>12}{'postgres µs':>13}{'MB':>8}{'of the bare limit':>20}")
    for writers in (1, 2):
        runs = [one.drained[writers] for one in rounds]
        ratio = statistics.median(one.drained[writers].rate / one.bare[writers] for one in rounds)
        rate, mb = statistics.median(run.rate for run in runs), statistics.median(run.resident_mb for run in runs)
        own, servers = (
            statistics.median(spent / run.events * 1e6 for run, spent in zip(runs, spents, strict=True))
            for spents in ([run.writer_cpu for run in runs], [run.postgres_cpu for run in runs])
        )
        say(f"writers: {writers:<13}{rate:12,.0f}{own:12.1f}{servers:13.1f}{mb:8.0f}{ratio:20.2f}")
    for connections in (1, 2):
        rate = statistics.median(one.bare[connections] for one in rounds)
        say(f"raw COPY, connections: {connections:<2}{rate:9,.0f}")
    first = rounds[-1].drained[1]
    say(f"bytes of an event in the buffer: {first.buffer_bytes:.0f}; in the WAL: {first.wal_bytes / first.events:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench pipeline", description="What writers drain in a second.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--fresh", action="store_true", help="accept-to-visible at 1 000 events/s instead")
    parser.add_argument("--per-second", type=float, default=1_000, help="how many events, with --fresh")
    parser.add_argument("--seconds", type=float, default=20, help="how long, with --fresh")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    for number in range(SITES):
        if lookup.site(f"bench{number}.example") is None:
            create.site(f"bench{number}.example")
    sites = list(models.Site.objects.order_by("pk"))
    say(f"Pipeline on {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {settings.BUFFER_PARTS} parts; medians.")
    if options.fresh:
        empty()
        say(fresh.measure(options.per_second, options.seconds))
    else:
        table([turn(sites, options.events) for _ in range(options.rounds)])
        for line in stored.measure(options.events).lines():
            say(line)


if __name__ == "__main__":
    main()
