"""Recordings of PostHog's Python client, byte for byte through the view and a writer."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

V0 = [
    "posthog-py-plain.json", "posthog-py-gzip.json", "posthog-py-hist.json", "posthog-py-retry-202_204.json",
    "posthog-py-retry-400.json", "posthog-py-retry-401.json", "posthog-py-retry-429.json",
    "posthog-py-retry-500_503.json",
]  # fmt: skip
COLUMNS = "name, host, path, props, interactive"
ROWS = [
    ("signup", "example.com", "/signup", {"plan": "pro"}, True),
    ("pageview", "example.com", "/", {}, True),
    ("$set", "example.com", "", {"tier": "gold"}, False),
    ("$groupidentify", "example.com", "", {"group_type": "company", "group_id": "acme", "name": "Acme"}, False),
    ("$create_alias", "example.com", "", {}, False),
]
"""What the script of the recordings did: capture, capture, set, group_identify, alias."""


@pytest.fixture(autouse=True)
def site(stores: None) -> models.Site:
    """The site whose project key is that of the recordings."""
    found = create.site("example.com").site
    models.Alias.objects.create(site=found, protocol="posthog", identifier="phc_test")
    return found


def ids(recording: str) -> list[str]:
    """The uuids of a recording, in the order of their first coming."""
    batches = [json.loads(request["body"])["batch"] for request in replays.requests(recording)]
    return list(dict.fromkeys(event["uuid"] for batch in batches for event in batch))


def test_posthogs_python_client_each_event_once(door: Client) -> None:
    for turn, recording in enumerate(V0, 1):
        answers = replays.replay(door, recording)
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"status":1}')}
        assert not any("X-Recount-Dropped" in answer for answer in answers)
        found = stored(f"event.event_id, {COLUMNS}")
        assert [row[1:] for row in found] == ROWS * turn, recording
        assert [str(row[0]) for row in found[-len(ROWS) :]] == ids(recording), recording
    assert books.balance().holds


def test_its_newer_protocol_is_answered_event_by_event(door: Client) -> None:
    (answer,) = replays.replay(door, "posthog-py-v1.json")
    recorded = ids("posthog-py-v1.json")
    assert answer.status_code == 200
    assert json.loads(answer.content) == {"results": {uuid: {"result": "ok"} for uuid in recorded}}
    assert answer["PostHog-Request-Id"] == "0882ada8-e620-4f40-b0fe-8fe5561cfae4"
    assert stored(COLUMNS) == ROWS
    assert [str(event_id) for (event_id,) in stored("event.event_id")] == recorded
    assert books.balance().holds


@pytest.mark.parametrize("recording", ["posthog-py-plain.json", "posthog-py-v1.json"])
def test_its_visitors_are_the_users_and_the_server_is_none(door: Client, recording: str) -> None:
    replays.replay(door, recording)
    rows = stored("event.visitor_id, event.cookieless, ip_prefix, browser, category")
    assert {row[2:] for row in rows} == {("", "", "")}
    assert len({row[0] for row in rows[:3]}) == 1
    # The group and the alias are nobody's visit.
    assert [row[1] for row in rows] == [False, False, False, True, True]


def test_its_times_are_corrected_by_its_clock(door: Client) -> None:
    replays.replay(door, "posthog-py-plain.json")
    replays.replay(door, "posthog-py-v1.json")
    ages = [age for (age,) in stored("hit.received_at - event.ts")]
    # sent_at 23:35:05.543908; signup 23:35:05.543273, page view on November 20 at 10:00.
    assert ages[:2] == [dt.timedelta(microseconds=635), dt.timedelta(days=2, hours=13, minutes=35, seconds=5.543908)]
    # PostHog-Request-Timestamp 23:35:06.181974; signup 23:35:06.181089.
    assert ages[5] == dt.timedelta(microseconds=885)
    assert {flags for (flags,) in stored("flags")} == {""}


def test_the_payloads_are_kept_as_they_came(door: Client) -> None:
    replays.replay(door, "posthog-py-plain.json")
    (recorded,) = replays.requests("posthog-py-plain.json")
    assert all(payload in recorded["body"] for (payload,) in stored("payload"))


# What posthog-js sends, in the forms that PROTOCOLS tells of.

PAGE: dict[str, Any] = {
    "event": "$pageview",
    "uuid": "0193569b-0000-7000-8000-000000000001",
    "properties": {
        "token": "phc_TEST", "distinct_id": "d-1", "$device_id": "d-1", "$is_identified": False, "$lib": "web",
        "$current_url": "https://example.com/x?utm_source=nl", "$screen_width": 390, "$screen_height": 844,
        "title": "Tere", "plan": "pro",
    },
}  # fmt: skip


def sent(door: Client, path: str, body: bytes, content_type: str = "text/plain") -> HttpResponse:
    headers = {"origin": "https://example.com", "user-agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/145.0"}
    response: Any = door.generic("POST", path, body, content_type, headers=headers)
    assert isinstance(response, HttpResponse)
    return response


def test_the_ways_of_the_browser_client_are_one_event(door: Client) -> None:
    text = json.dumps([PAGE]).encode()
    form = b"data=" + base64.b64encode(text).replace(b"+", b"%2B").replace(b"=", b"%3D")
    ways = [
        sent(door, "/e/?ip=0&_=1795390505877&ver=1.449.2", gzip.compress(text)),
        sent(door, "/i/v0/e/?compression=gzip-js", gzip.compress(text)),
        sent(door, "/e/?compression=base64", form, "application/x-www-form-urlencoded"),
        sent(door, "/capture", json.dumps(PAGE).encode(), "application/json"),
        sent(door, "/batch", json.dumps({"api_key": "phc_TEST", "batch": [PAGE]}).encode(), "application/json"),
    ]
    assert {(way.status_code, way.content) for way in ways} == {(200, b'{"status":1}')}
    seen = "name, host, path, title, props, screen, utm_source, source"
    assert stored(seen) == [("pageview", "example.com", "/x", "Tere", {"plan": "pro"}, "390x844", "nl", "nl")]
    assert books.balance().holds


def test_a_visitor_who_is_identified_is_still_in_the_visit(door: Client) -> None:
    identify = {
        "event": "$identify",
        "distinct_id": "u-42",
        "properties": PAGE["properties"] | {"distinct_id": "u-42", "$anon_distinct_id": "d-1"},
    }
    later = PAGE["properties"] | {"distinct_id": "u-42", "$user_id": "u-42", "$is_identified": True}
    for event in (PAGE, identify, {"event": "bought", "properties": later}):
        assert sent(door, "/e/", json.dumps(event).encode()).status_code == 200
    assert [name for (name,) in stored("name")] == ["pageview", "identify", "bought"]
    assert len(set(stored("event.visitor_id, visit_id"))) == 1


def test_an_unknown_key_is_told_so(door: Client) -> None:
    body = json.dumps({"api_key": "phc_other", "batch": [PAGE]}).encode()
    answer = sent(door, "/batch/", body)
    assert (answer.status_code, answer["Content-Type"]) == (401, "text/plain")
    newer: Any = door.post(
        "/i/v1/analytics/events", body, "application/json", headers={"authorization": "Bearer phc_other"}
    )
    assert (newer.status_code, newer.json()["error"]) == (401, "unknown_site")


def test_its_clients_find_flags_and_a_configuration(door: Client) -> None:
    flags: Any = door.post("/flags/?v=2", b"{}", "application/json")
    assert flags.json()["flags"] == {}
    config: Any = door.get("/array/phc_TEST/config")
    assert config.json()["token"] == "phc_TEST"
    assert door.get("/array/phc_TEST/config.js").status_code == 200
    assert door.get("/array/phc_other/config").status_code == 404
