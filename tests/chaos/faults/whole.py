"""Faults of everything at once, of size and of time: T34, T57, T100."""

from __future__ import annotations

import datetime as dt
import time

from django.conf import settings

from analytics.store import db
from tests import processes
from tests.chaos import children, oracle
from tests.chaos.faults import stream
from tests.chaos.trial import Trial

FIRST_COMMIT_SECONDS = 10.0
MOST_MB = 700.0
FULL_BACKLOG, BACKLOG = 5_000_000, 200_000
ENTRY_HITS = 500


def power_cut(trial: Trial) -> None:
    """T100: everything is killed at once, and started again in any order."""
    world = trial.world
    victims = [world.pool, *world.writers, world.servers.postgres, world.servers.buffer, world.servers.cache]
    trial.moments.shuffle(victims)
    for one in victims:
        one.kill()
    trial.pause(0.5, 2)
    applications = [world.pool, *world.writers]
    if trial.moments.random() < 0.5:  # what needs the servers may come up before they do
        for one in applications:
            one.start()
    world.servers.ensure()


def backlog(trial: Trial) -> None:
    """T34: a cold start on a long backlog: memory stays, the first commit comes soon."""
    hits = FULL_BACKLOG if trial.world.full_backlog else BACKLOG
    world = trial.world
    world.stop_writers()
    with world.servers.valkey() as valkey:
        limit = valkey.config_get("maxmemory")["maxmemory"]
        valkey.config_set("maxmemory", 0)
        for number in range(hits // ENTRY_HITS):
            stream.push(trial, number % settings.BUFFER_PARTS, [stream.hit(trial) for _ in range(ENTRY_HITS)])
        those, began_at = oracle.waiting(), time.monotonic()
        world.writers[0].start()
        before = _committed(trial)
        processes.wait_until(lambda: _committed(trial) > before, "the first commit")
        first = time.monotonic() - began_at
        most = 0.0
        while not those.is_written():
            most = max(most, children.resident_mb(world.writers[0].pid))
            assert time.monotonic() < began_at + hits / 1_000, "the backlog does not go"
            time.sleep(0.2)
        took = time.monotonic() - began_at
        valkey.config_set("maxmemory", limit)
    trial.note = f"{hits:,} hits: first commit after {first:.1f} s, drained in {took:.0f} s, at most {most:.0f} MB"
    assert first < FIRST_COMMIT_SECONDS, trial.note
    assert most < MOST_MB, trial.note


def _committed(trial: Trial) -> int:
    with trial.world.servers.sql() as session:
        found = session.execute("SELECT coalesce(sum(batch), 0)::bigint FROM part_offset").fetchone()
    return int(found[0]) if found else 0


EDGES = (
    "2026-10-24T23:59:59.999999+00:00",  # the day on which Europe's clocks go back begins
    "2026-10-25T00:00:00+00:00",
    "2026-10-25T00:59:59.999999+00:00",
    "2026-10-25T01:00:00+00:00",
    "2026-11-01T05:59:59.999999+00:00",  # the same in America
    "2026-11-01T06:00:00+00:00",
    "2024-02-29T23:59:59.999999+00:00",
    "2024-03-01T00:00:00+00:00",
    "1999-12-31T23:59:59.999999+00:00",
    "2000-01-01T00:00:00+00:00",
)


def edges_of_time(trial: Trial) -> None:
    """T57: events on both sides of midnight, of changed clocks and of leap days keep their microsecond."""
    made = [stream.hit(trial, ts=dt.datetime.fromisoformat(text)) for text in EDGES]
    now = dt.datetime.now(dt.UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for ts in (midnight, midnight - dt.timedelta(microseconds=1)):
        made.append(stream.hit(trial, ts=ts, received_at=ts))
    for one in trial.moments.sample(made, len(made)):
        stream.push(trial, trial.moments.randrange(settings.BUFFER_PARTS), [one])
    oracle.drain()
    with db.transaction() as cursor:
        cursor.execute(
            "SELECT hit_id, ts FROM event WHERE site_id = $1 AND hit_id = ANY ($2)",
            [trial.site.pk, [one.hit_id for one in made]],
        )
        kept = dict(cursor.fetchall())
    assert kept == {one.hit_id: one.ts for one in made}
    _send_leap_second(trial)


def _send_leap_second(trial: Trial) -> None:
    """A time with a leap second is taken as some time, or refused; it is no error."""
    last = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).date()
    said = {trial.send_event({"name": "pageview", "timestamp": f"{last}T23:59:60{end}"}) for end in ("Z", ".999999Z")}
    assert said <= {"accepted", "bad_timestamp"}, f"a leap second was answered {said}"
    trial.note = f"leap second: {', '.join(said)}"
