"""The demo: a model of visitors that repeats itself, a past that is made once, traffic that survives."""

from __future__ import annotations

import datetime as dt
import ipaddress
import threading
import time
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import maxminddb
import msgspec
import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import call_command

from analytics.enrich import bots
from analytics.events import Hit
from analytics.ingest.demo import history, setup, traffic, visitors, world
from analytics.pipeline import books
from analytics.protocols import recount
from analytics.sites import access, models
from analytics.store import db
from tests import builders, processes

UNTIL = dt.datetime(2026, 11, 20, 15, tzinfo=dt.UTC)


def some_visits(seed: int = 1, n: int = 2000) -> list[tuple[visitors.Person, list[visitors.Step]]]:
    model = visitors.Model(Random(seed))
    return [(person, model.visit(person)) for person in (model.person() for _ in range(n))]


def test_the_same_seed_gives_the_same_visits() -> None:
    assert some_visits(n=200) == some_visits(n=200)
    assert some_visits(n=200) != some_visits(seed=2, n=200)


def test_every_event_is_one_that_the_door_takes() -> None:
    for person, steps in some_visits(n=300):
        assert [step.after_seconds for step in steps] == sorted(step.after_seconds for step in steps)
        assert ipaddress.ip_address(person.address).is_global
        for step in steps:
            recount.read(msgspec.json.encode(step.event).decode())


def test_visits_look_like_those_of_a_real_site() -> None:
    seen = some_visits()
    people = [(person, steps) for person, steps in seen if person.device != "bot"]
    pages = [sum(step.event["name"] == "pageview" for step in steps) for _, steps in people]
    assert 0.05 < 1 - len(people) / len(seen) < 0.11
    assert 0.35 < pages.count(1) / len(pages) < 0.50
    assert max(pages) == visitors.MOST_PAGES
    assert 2.0 < sum(pages) / len(pages) < 3.5
    assert max(steps[-1].after_seconds for _, steps in people) < 3 * 3600
    names = {step.event["name"] for _, steps in people for step in steps}
    assert names == {
        "pageview", "engagement", "Purchase", "Signup", "404", "File Download", "Outbound Link: Click"
    }  # fmt: skip


def test_people_are_people_and_bots_are_bots() -> None:
    loaded = world.load()
    assert [agent for agent in loaded.bots.things if not bots.classify(agent.user_agent)] == []
    assert [agent for agent in loaded.agents.things if bots.classify(agent.user_agent)] == []


def test_every_way_leads_to_a_page() -> None:
    loaded = world.load()
    reached = {to for ways in loaded.ways.values() for to in ways.things}
    landed = {section for source in loaded.sources.things for section in source.landing.things}
    assert (reached | landed) - set(loaded.pages) == set()
    assert set(loaded.pages) - set(loaded.ways) == set()


def test_networks_lie_in_their_countries() -> None:
    if not settings.GEOIP_DB:
        pytest.skip("no GEOIP_DB")
    with maxminddb.open_database(settings.GEOIP_DB) as database:
        for network in world.load().networks.things:
            for prefix in network.prefixes:
                found: Any = database.get(f"{prefix}.100.100")
                assert found["country_code"] == network.country


def test_the_past_follows_the_hours_of_the_day_grows_and_has_a_launch() -> None:
    days: dict[dt.date, int] = {}
    hours = [0] * 24
    for began_at, person, _ in history.visits(visitors.Model(Random(3)), UNTIL, 30):
        days[began_at.date()] = days.get(began_at.date(), 0) + 1
        if person.utc_offset_hours == 1:
            hours[(began_at.hour + 1) % 24] += 1
    counted = [n for _, n in sorted(days.items())]
    assert len(counted) == 31
    assert counted.index(max(counted)) == int(30 * history.LAUNCH_AT)
    assert sum(counted[-10:-1]) > sum(counted[:9])
    assert hours[19] > 4 * hours[3]


@pytest.mark.database
def test_setup_makes_a_site_a_past_and_someone_who_can_sign_in() -> None:
    said = StringIO()
    for _ in range(2):
        said = StringIO()
        call_command("demo", "setup", "--days=3", stdout=said)
        builders.drain()
    name, _, password = said.getvalue().removeprefix("Sign-in").strip().partition(" / ")
    user: Any = authenticate(username=name, password=password)
    assert (user.is_staff, [site.domain for site in access.sites_of(user)]) == (True, ["demo.example"])
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) > 1500, count(DISTINCT ts::date), max(ts) < now() FROM event")
        assert cursor.fetchall() == [(True, 4, True)]
        cursor.execute("SELECT outcome, sum(n) FROM ledger WHERE outcome IN ('stored', 'duplicate') GROUP BY 1")
        outcomes = dict(cursor.fetchall())
        assert outcomes["stored"] == outcomes["duplicate"]
        cursor.execute("SELECT count(*) FROM quarantine")
        assert cursor.fetchall() == [(0,)]
    assert books.balance().holds


@pytest.mark.database
def test_the_past_is_made_of_hits_like_those_of_the_door(stores: None) -> None:
    site = setup.make().site
    made = [hit for _, hit in history.hits(site, 1, dt.datetime.now(dt.UTC))]
    assert all(isinstance(hit, Hit) and hit.ip_prefix.endswith(".0/24") and hit.event_id for hit in made)
    assert max(hit.ts for hit in made) < models.Site.objects.get().created_at


@pytest.mark.flow
def test_traffic_reaches_the_site_and_survives_a_door_that_is_away(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.make()
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0.05)
    trusting = environment | {"TRUSTED_PROXIES": "127.0.0.1/32"}
    ids = tmp_path / "ids.txt"
    said: list[str] = []
    with processes.pool("ingest", trusting) as address:
        wanted = traffic.Options(address, rate=100.0, ids_file=str(ids), seed=1)
        sender = traffic.Traffic(wanted, said.append)
        thread = threading.Thread(target=sender.run)
        thread.start()
        processes.wait_until(lambda: ids.exists() and len(ids.read_text().splitlines()) > 50, "fifty events are sent")
    processes.wait_until(lambda: bool(said), "the door is missed")
    port = address.rpartition(":")[2]
    monkeypatch.setattr(processes, "free_port", lambda: int(port))
    with processes.pool("ingest", trusting):
        processes.wait_until(lambda: "The door is back." in said, "the door is found again")
        began_at = time.monotonic()
        sender.stop()
        thread.join()
    assert time.monotonic() - began_at < 2
    builders.drain()
    sent = [line.split() for line in ids.read_text().splitlines()]
    accepted = {event_id for event_id, status in sent if status == "202" and event_id != "-"}
    with db.transaction() as cursor:
        cursor.execute("SELECT event_id::text FROM event WHERE event_id IS NOT NULL")
        assert accepted <= {event_id for (event_id,) in cursor.fetchall()}
        cursor.execute("SELECT count(DISTINCT country) > 3 FROM event")
        assert cursor.fetchall() == [(True,)]
