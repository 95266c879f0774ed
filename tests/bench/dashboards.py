"""How dashboards bear load while events come in.

    bin/bench dashboards [--cached 50] [--uncached 5] [--per-second 1000] [--seconds 20] [--events 1000000]

A large site among fifty others (`history.py`) is in the lake, its last days in TimescaleDB too. Whole dashboards (one
page with all of its tiles, chart and cards) are asked for at a steady pace over HTTP: some that the cache has, some of
which every question is new, by a filter of their own. Meanwhile the ingest pool takes events for another site, and a
writer stores them. Rounds: ingest alone; with cached dashboards; with new ones too; alone again.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import os
import statistics
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from analytics.reports import cache
from analytics.sites import create
from analytics.sites.models import Membership, Organisation, Site
from tests import processes
from tests.bench import history
from tests.bench.ingest import say
from tests.bench.load import AGENT, EVENT
from tests.bench.questions import QUESTIONS
from tests.bench.steady import Steady

PER_REQUEST = 10
"""Events in one request of ingest."""
PERIODS = ("day", "7d", "30d")
RESULTS = 200
"""Answers of the cache that are timed."""


def reader() -> str:
    """A member of the large site's organisation, as the cookie of a session."""
    organisation = Organisation.objects.create(name="Bench")
    Site.objects.create(pk=history.LARGE_SITE, organisation=organisation, domain="large.example")
    user = User.objects.create_user("bench")
    Membership.objects.create(organisation=organisation, user=user)
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


def page(address: str, cookie: str, number: int, *, new: bool) -> urllib.request.Request:
    """A whole dashboard; `new`: with a filter that nobody used before, and that leaves everything in."""
    period = PERIODS[number % len(PERIODS)]
    own = f"&f={quote(f'visit:city:is_not:nowhere {time.time_ns()}')}" if new else ""
    return urllib.request.Request(
        f"{address}/large.example?whole=1&period={period}{own}", headers={"Cookie": f"sessionid={cookie}"}
    )


def events(address: str, number: int) -> urllib.request.Request:
    """Ten events of now, with ids of their own."""
    run = f"{os.getpid():08x}-0000-7000-8000-"
    listed = ",".join(EVENT.replace("%s", f"{run}{time.time_ns() % 2**48:012x}") for _ in range(PER_REQUEST))
    body = f'{{"site":"bench0.example","events":[{listed}]}}'.encode()
    return urllib.request.Request(f"{address}/v1/events", body, {"User-Agent": AGENT})


@contextlib.contextmanager
def pools() -> Iterator[tuple[str, str]]:
    """The addresses of both pools, with a writer."""
    with (
        processes.pool("ingest", os.environ) as door,
        processes.pool("dashboard", os.environ) as dashboard,
        processes.running(["manage.py", "write"], os.environ),
    ):
        yield door, dashboard


@dataclass(frozen=True, slots=True)
class Reading:
    """Of dashboards: where, and by whom."""

    address: str
    cookie: str

    def at(self, name: str, per_second: float, *, new: bool) -> Steady:
        """That many whole dashboards a second."""
        named = f"{per_second:g} dashboards/s, {name}"
        return Steady(named, per_second, lambda n: page(self.address, self.cookie, n, new=new), threads=32)


def paces(options: argparse.Namespace, door: str, reading: Reading) -> list[list[Steady]]:
    """One round after the other, each of what runs at the same time."""

    def ingest(name: str) -> Steady:
        return Steady(f"ingest {name}", options.per_second / PER_REQUEST, lambda number: events(door, number))

    return [
        [ingest("alone")],
        [ingest("beside cached dashboards"), reading.at("cached", options.cached, new=False)],
        [
            ingest("beside dashboards"),
            reading.at("cached, beside new ones", options.cached, new=False),
            reading.at("uncached", options.uncached, new=True),
        ],
        [ingest("alone again")],
    ]


def run(together: list[Steady], seconds: float) -> None:
    """Keep them up at the same time."""
    for thread in [thread for pace in together for thread in pace.start(seconds)]:
        thread.join()


def of_the_cache(now: dt.datetime) -> str:
    """What a cached answer costs in the process that serves it."""
    query = next(one for one in QUESTIONS if one.days == 30 and one.dimensions).query(history.LARGE_SITE, now)
    cache.answer(query, 1, now)
    took = []
    for _ in range(RESULTS):
        began_at = time.perf_counter()
        assert cache.answer(query, 1, now).cached
        took.append(time.perf_counter() - began_at)
    p95 = sorted(took)[int(len(took) * 0.95)]
    return f"one cached answer, in the process: median {statistics.median(took) * 1000:.2f} ms, p95 {p95 * 1000:.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench dashboards", description="How dashboards bear load.")
    parser.add_argument("--cached", type=float, default=50, help="dashboards a second")
    parser.add_argument("--uncached", type=float, default=5, help="dashboards a second")
    parser.add_argument("--per-second", type=float, default=1000, help="events")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the large site, over a year")
    parser.add_argument("--days", type=int, default=history.DAYS)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    cookie = reader()
    create.site("bench0.example", organisation="Ingest")
    rows = history.load(history.Year(options.events, now, options.days), now - dt.timedelta(days=4))
    say(f"{rows:,} events in the lake; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    with pools() as (door, dashboard):
        for period in range(len(PERIODS)):
            with urllib.request.urlopen(page(dashboard, cookie, period, new=False)) as warm:
                assert b"large.example" in warm.read()
        rounds = paces(options, door, Reading(dashboard, cookie))
        for together in rounds:
            run(together, options.seconds)
    say(f"{'milliseconds':44}{'median':>8}{'p95':>8}{'p99':>8}{'longest':>9}   answers")
    for pace in itertools.chain(*rounds):
        say(pace.line())
    say(of_the_cache(now))


if __name__ == "__main__":
    main()
