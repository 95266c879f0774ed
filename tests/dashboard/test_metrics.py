"""`/metrics`: for who has the token, what is in the stores, whichever of them answers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from analytics import buffer
from analytics.buffer import server
from analytics.events import Hit
from analytics.pipeline import canary, quarantine, tasks
from analytics.sites import models
from analytics.store import db
from config import celery
from tests import builders, processes

pytestmark = pytest.mark.database
ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a long enough token"
Samples = dict[tuple[str, str], float]


@pytest.fixture
def scrape(stores: None, client: Client, settings: Any) -> Callable[[], Samples]:
    """Asks for the metrics: (name, value of the label) → number."""
    settings.METRICS_TOKEN = TOKEN

    def ask() -> Samples:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=")
        families = text_string_to_metric_families(answer.content.decode())
        return {
            (sample.name.removeprefix("recount_"), "".join(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return ask


def execute(statement: str) -> None:
    with db.transaction() as cursor:
        cursor.execute(statement)


def test_without_a_token_in_the_settings_there_is_no_such_page(stores: None, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer", "Bearer x"):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e9"])
def test_whoever_has_another_token_or_none_is_told_nothing(
    scrape: Callable[[], Samples], client: Client, given: str
) -> None:
    answer = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"recount_" not in answer.content


def test_an_empty_instance_answers(scrape: Callable[[], Samples]) -> None:
    found = scrape()
    assert (found["up", "timescaledb"], found["up", "buffer"]) == (1, 1)
    assert found["canary_waiting_seconds", ""] == 0
    assert ("canary_seconds", "") not in found


def test_the_numbers_are_those_of_the_stores(
    scrape: Callable[[], Samples], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = [builders.hit(site_id=site.pk, visitor_id=n) for n in range(3)]
    poison = [builders.hit(site_id=site.pk, payload="{}"), builders.hit(site_id=site.pk, payload='{"name": ')]
    builders.push((1, hit) for hit in [*hits, *poison])
    builders.drain()
    execute("UPDATE part_offset SET lost = 4, lost_at = '2026-11-20 12:00:00Z' WHERE part = 1")
    execute("INSERT INTO unsettled (site_id, visitor_id, ts, part, batch) VALUES (1, 1, now(), 1, 1)")
    quarantine.give_back(quarantine.Wanted(reason="no_name"), dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5))
    monkeypatch.setattr(quarantine, "FLOOD", 0)
    found = scrape()
    assert found["hits_last_hour", "stored"] == 3
    assert found["hits_last_hour", "quarantined"] == 1
    assert found["quarantined_hits", "bad_json"] == 1
    assert ("quarantined_hits", "no_name") not in found
    assert found["quarantine_flooded_sites", ""] == 1
    assert found["overflow_entries", ""] == 1
    assert 300 <= found["overflow_age_seconds", ""] < 360
    assert found["buffer_lost_entries_total", "1"] == 4
    assert found["buffer_lost_timestamp_seconds", "1"] == builders.NOW.timestamp()
    assert 0 <= found["part_commit_age_seconds", "1"] < 60
    assert found["unsettled_events", ""] == 1
    assert {found["buffer_entries", str(part)] for part in range(4)} == {0, 1}
    assert 0 <= found["buffer_fullness_ratio", ""] < 1


def test_the_canary_is_told(scrape: Callable[[], Samples]) -> None:
    execute(
        "INSERT INTO canary (event_id, sent_at, status, accepted_at, visible_at) VALUES"
        " (gen_random_uuid(), now() - INTERVAL '3 min', 202, now() - INTERVAL '3 min', now() - INTERVAL '177.5 s'),"
        " (gen_random_uuid(), now() - INTERVAL '2 min', 202, now() - INTERVAL '2 min', NULL),"
        " (gen_random_uuid(), now() - INTERVAL '1 min', 503, NULL, NULL),"
        " (gen_random_uuid(), now() - INTERVAL '2 days', 202, now() - INTERVAL '2 days', NULL),"
        " (gen_random_uuid(), now() - INTERVAL '2 hours', NULL, NULL, NULL)"
    )
    found = scrape()
    assert found["canary_seconds", ""] == 2.5
    assert 180 <= found["canary_age_seconds", ""] < 240
    assert 120 <= found["canary_waiting_seconds", ""] < 180
    assert found["canary_refused", ""] == 1


def test_tasks_that_succeed_and_the_balance_are_told(
    scrape: Callable[[], Samples], record: Callable[..., list[Hit]]
) -> None:
    record([{}, {}])
    execute("DELETE FROM event")
    assert celery.app.tasks[tasks.balance.name].apply().successful()
    found = scrape()
    assert found["balance_difference", ""] == 2
    assert 0 <= found["task_age_seconds", "analytics.pipeline.tasks.balance"] < 60


@pytest.fixture
def no_buffer(settings: Any) -> Iterator[None]:
    """Nothing listens where Valkey should be."""
    address = settings.BUFFER_URL
    settings.BUFFER_URL = f"redis://127.0.0.1:{processes.free_port()}/0"
    server._client.cache_clear()
    yield
    settings.BUFFER_URL = address
    server._client.cache_clear()


def test_without_the_buffer_the_rest_is_told(scrape: Callable[[], Samples], no_buffer: None) -> None:
    with pytest.raises(redis.ConnectionError):
        buffer.lengths()
    found = scrape()
    assert (found["up", "timescaledb"], found["up", "buffer"]) == (1, 0)
    assert found["overflow_entries", ""] == 0
    assert ("buffer_entries", "0") not in found


def test_without_timescaledb_the_rest_is_told(scrape: Callable[[], Samples], monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = f"host=127.0.0.1 port={processes.free_port()} dbname=none user=none"
    monkeypatch.setattr(db, "conninfo", lambda: elsewhere)
    found = scrape()
    db._pools.pop(elsewhere).close()
    assert (found["up", "timescaledb"], found["up", "buffer"]) == (0, 1)
    assert found["buffer_entries", "0"] == 0


def test_a_query_that_takes_too_long_is_given_up(scrape: Callable[[], Samples]) -> None:
    with db.transaction() as cursor:
        cursor.execute("LOCK TABLE unsettled")
        found = scrape()
    assert found["up", "timescaledb"] == 0
    assert found["overflow_entries", ""] == 0


def test_every_metric_is_in_the_documentation(scrape: Callable[[], Samples], site: models.Site) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    source = (ROOT / "analytics" / "dashboard" / "metrics.py").read_text()
    assert canary.DOMAIN in page
    for name, _ in scrape():
        assert f"`recount_{name}" in page, name
    # Alarms name no metric that does not exist.
    for name in re.findall(r"\brecount_(\w+)", page):
        assert f'"{name.removesuffix("_total")}"' in source.replace("recount_", ""), name
