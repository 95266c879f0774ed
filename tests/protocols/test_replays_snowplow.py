"""Recordings of the real Snowplow client, byte for byte through the view and a writer."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

TRUE_TIME = dt.datetime(2026, 11, 22, 23, 26, 40, tzinfo=dt.UTC)
EVENTS = [
    ("pageview", "/", "Hellö", {}, True),
    ("buy", "", "", {"category": "shop", "label": "l", "property": "p", "value": "2.5"}, True),
    ("x", "", "", {"a": "1"}, True),
    ("engagement", "/", "x", {}, False),
    ("pageview", "/Main", "", {"id": "s1", "name": "Main"}, True),
]


@pytest.fixture(autouse=True)
def _sites(stores: None) -> None:
    site = create.site("example.com").site
    models.Alias.objects.create(site=site, protocol="snowplow", identifier="app1", trusted=True)


def check(ids: list[str]) -> None:
    """The five events of a recording are there once each, under their own ids."""
    assert stored("name, path, title, props, interactive") == EVENTS
    assert [event_id for (event_id,) in stored("event.event_id")] == [UUID(eid) for eid in ids]
    assert (
        stored("host, ip_prefix, user_agent, screen, event.language, event.cookieless")
        == [("example.com", "203.0.113.0/24", "Mozilla/5.0 X", "1920x1080", "et", False)] * 5
    )
    assert len(set(stored("event.visitor_id"))) == 1
    assert books.balance().holds


def data(request: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(request["body"])["data"]
    return found


@pytest.mark.parametrize("recording", ["snowplow-py-post.json", "snowplow-py-400.json"])
def test_the_python_client(door: Client, recording: str) -> None:
    (request,), (answer,) = replays.requests(recording), replays.replay(door, recording)
    assert (answer.status_code, answer.content, answer.cookies) == (200, b"ok", {})
    check([event["eid"] for event in data(request)])
    # The clock needs no correction where a true time is told.
    made = [dt.datetime.fromtimestamp(int(event["dtm"]) / 1000, dt.UTC) for event in data(request)]
    made[1] = TRUE_TIME
    assert [ts for (ts,) in stored("hit.ts")] == made


def test_the_python_client_with_get(door: Client) -> None:
    requests, answers = replays.requests("snowplow-py-get.json"), replays.replay(door, "snowplow-py-get.json")
    assert [(answer.status_code, len(answer.content)) for answer in answers] == [(200, 43)] * 5
    check([parse_qs(request["path"])["eid"][0] for request in requests])
    for index, (ts, received) in enumerate(stored("hit.ts, received_at")):
        # Its clock was cut to the second when it sent; what it had made before counts as made when it came.
        assert ts == (TRUE_TIME if index == 1 else received)


def test_the_python_client_after_an_answer_that_made_it_try_again(door: Client) -> None:
    requests, answers = replays.requests("snowplow-py-retry500.json"), replays.replay(door, "snowplow-py-retry500.json")
    assert [answer.content for answer in answers] == [b"ok"] * 3
    assert len({request["body"] for request in requests}) > 1
    check([event["eid"] for event in data(requests[0])])


def test_the_payloads_are_kept_as_they_came_but_for_the_address(door: Client) -> None:
    (request,) = replays.requests("snowplow-py-post.json")
    replays.replay(door, "snowplow-py-post.json")
    payloads = [payload for (payload,) in stored("payload")]
    assert f"[{', '.join(payloads)}]" in request["body"].replace('"203.0.113.9"', '"203.0.113.0"')
