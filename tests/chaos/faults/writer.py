"""Faults between the buffer and the tables: T40 to T48, T51, T53."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from deploy.local.instance import POSTGRES
from tests import processes
from tests.chaos import children
from tests.chaos.children import Child
from tests.chaos.faults import stream
from tests.chaos.servers import MOST_CONNECTIONS
from tests.chaos.trial import Trial

POINTS = ("after take", "mid copy", "before commit", "after commit")
TRIM_POINTS = ("before trim", "after trim")
TRIM_WAIT_SECONDS = 60.0
OURS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def kill_at(*points: str) -> Any:
    """T40: a writer is killed at each of the points; another one takes its parts over."""

    def fault(trial: Trial) -> None:
        for point in points:
            _failing_writer(trial, f"{point}:kill:{trial.moments.randint(1, 6)}")

    return fault


def kill_anywhere(trial: Trial) -> None:
    """T40, repeated: at one of the points, after so many batches."""
    _failing_writer(trial, f"{trial.moments.choice(POINTS)}:kill:{trial.moments.randint(1, 40)}")


def _failing_writer(trial: Trial, fail_point: str) -> None:
    """Only the writer that fails runs, until it does; then all run as they should."""
    world = trial.world
    world.stop_writers()
    one = trial.moments.choice(world.writers)
    one.start(FAIL_POINT=fail_point)
    assert one.wait_for_end(TRIM_WAIT_SECONDS) == -signal.SIGKILL, f"{one.name} was not killed {fail_point}"
    world.heal()


@contextlib.contextmanager
def stopped_at(trial: Trial, point: str) -> Iterator[Child]:
    """A writer stands still at a point, alone; the others are back when it goes on."""
    world = trial.world
    world.stop_writers()
    one = world.writers[0]
    one.start(FAIL_POINT=f"{point}:stop:{trial.moments.randint(1, 6)}")
    processes.wait_until(lambda: _state(one.pid) == "T", f"the writer stands still {point}")
    try:
        yield one
    finally:
        one.send(signal.SIGCONT)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def overtake(trial: Trial) -> None:
    """T41: a writer stands still before its commit, loses its connection and its parts, and goes on."""
    with stopped_at(trial, "before commit"):
        with trial.world.servers.sql() as session:
            session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7001"
            )
        trial.world.writers[1].start()
        processes.wait_until(
            lambda: "writing part" in trial.logged(trial.world.writers[1]), "the other writer takes the parts"
        )
        trial.pause(1, 4)


def stop_postgres(trial: Trial) -> None:
    """T42: PostgreSQL stops at once in the middle of a COPY and is away for a while."""
    postgres = trial.world.servers.postgres
    with stopped_at(trial, "mid copy"):
        postgres.send(signal.SIGQUIT)
        postgres.wait_for_end(20)
    trial.pause(2, 10)
    trial.world.servers.ensure()


def terminate_backends(trial: Trial) -> None:
    """T43: every session is ended, again and again."""
    deadline = time.monotonic() + (3 if trial.brief else 15)
    ended = 0
    with trial.world.servers.sql() as session:
        while time.monotonic() < deadline:
            ended += len(session.execute(f"SELECT pg_terminate_backend(pid) FROM ({OURS}) AS ours").fetchall())
            time.sleep(trial.moments.uniform(0.02, 0.6))
    trial.note = f"{ended} sessions ended"


def exhaust_connections(trial: Trial) -> None:
    """T44: all slots are taken, and those who had one lose it."""
    held: list[Any] = []
    try:
        with trial.world.servers.sql() as session:
            for _ in range(3):
                session.execute(f"SELECT pg_terminate_backend(pid) FROM ({OURS}) AS ours")
                _take_slots(trial, held)
        trial.note = f"{len(held)} of {MOST_CONNECTIONS} slots held"
        trial.pause(3, 8)
    finally:
        for connection in held:
            connection.close()


def _take_slots(trial: Trial, held: list[Any]) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        while len(held) < MOST_CONNECTIONS:
            held.append(psycopg.connect(trial.world.known.values[POSTGRES.variable], connect_timeout=5))


def read_only(trial: Trial) -> None:
    """T45: PostgreSQL takes no writes."""
    with trial.world.servers.sql() as session:
        session.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        session.execute("SELECT pg_reload_conf()")
        trial.pause(3, 8)


def lock_table(trial: Trial) -> None:
    """T47: somebody holds a table."""
    with trial.world.servers.sql() as session, session.transaction():
        session.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        trial.pause(3, 15)


def deadlock(trial: Trial) -> None:
    """T48: another session locks what the writer writes, in the other order; the writer is the one that must give way.

    The writer remembers the ids of a batch in their order. The other one has the last of two first, and wants the
    first when the writer waits for the last.
    """
    pair = sorted((stream.hit(trial) for _ in range(2)), key=lambda one: str(one.event_id))
    insert = "INSERT INTO seen_event (period, site_id, event_id) SELECT max(period), %s, %s FROM seen_period"
    with trial.world.servers.sql() as session, trial.world.servers.sql() as bystander:
        before = _deadlocks(bystander)
        session.execute("SET deadlock_timeout = '1min'")
        with contextlib.suppress(_Back), session.transaction():
            session.execute(insert, [trial.site.pk, pair[1].event_id])
            stream.push(trial, 0, pair)
            processes.wait_until(lambda: _blocks(bystander, session), "the writer waits for the other session")
            session.execute(insert, [trial.site.pk, pair[0].event_id])
            raise _Back
        processes.wait_until(lambda: _deadlocks(bystander) > before, "PostgreSQL reports a deadlock")


class _Back(Exception):
    """Undo the transaction."""


def _blocks(bystander: Any, session: Any) -> bool:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
    return bool(bystander.execute(blocked, [session.info.backend_pid]).fetchone()[0])


def _deadlocks(bystander: Any) -> int:
    found = bystander.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    return int(found[0])


def reset_mid_copy(trial: Trial) -> None:
    """T53: the network resets the connection in the middle of a COPY."""
    with stopped_at(trial, "mid copy"):
        trial.world.writer_db.reset()


def reset_at_commit(trial: Trial) -> None:
    """T53: the COMMIT arrives and its answer does not; or the COMMIT itself does not arrive."""
    proxy = trial.world.writer_db
    before = proxy.cuts
    proxy.set(cut_behind=b"COMMIT", cuts_left=3 if trial.brief else 10)
    processes.wait_until(lambda: proxy.cuts - before >= (2 if trial.brief else 5), "answers to COMMIT were cut off")
    proxy.heal()
    trial.note = f"{proxy.cuts - before} answers to COMMIT cut off"
    proxy.set(reset_behind=b"COMMIT")
    trial.pause(1, 3)
    proxy.heal()


def kill_backend(trial: Trial) -> None:
    """T42: kill -9 of one backend, upon which PostgreSQL recovers all of itself."""
    with trial.world.servers.sql() as session:
        victims = [pid for (pid,) in session.execute(OURS).fetchall()]
    victims = sorted(set(victims) & set(children.children(trial.world.servers.postgres.pid)))
    os.kill(trial.moments.choice(victims), signal.SIGKILL)
    trial.pause(2, 5)
