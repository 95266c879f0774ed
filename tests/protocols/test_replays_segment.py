"""Recordings of Segment's and RudderStack's clients, byte for byte through the view and a writer."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, keys, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def site(stores: None) -> models.Site:
    """The site whose write key is that of the recordings."""
    found = create.site("example.com").site
    models.Alias.objects.create(site=found, protocol="segment", identifier="wk123")
    return found


def replay(client: Client, recording: str) -> list[HttpResponse]:
    """The answers to what is no preflight; nothing was dropped."""
    answers = replays.replay(client, recording)
    assert not any("X-Recount-Dropped" in answer for answer in answers)
    taken = [answer for answer in answers if answer.status_code != 204]
    assert {(answer.status_code, answer.content) for answer in taken} == {(200, b'{"success":true}')}
    return taken


def ids(recording: str) -> list[str]:
    """The message ids of a recording, in the order of their first coming."""
    sent = [json.loads(request["body"]) for request in replays.requests(recording) if request["method"] == "POST"]
    messages = [message for body in sent for message in body.get("batch", [body])]
    return list(dict.fromkeys(message["messageId"] for message in messages))


def post(door: Client, path: str, body: Any, **headers: str) -> HttpResponse:
    named = {"authorization": "Basic V0sxMjM6"} | headers
    response: Any = door.generic("POST", path, json.dumps(body), "text/plain", headers=named)
    assert isinstance(response, HttpResponse)
    return response


PYTHON = [
    ("identify", "", "", {"email": "a@b.c", "createdAt": "2024-01-01T00:00:00"}, False, None, ""),
    ("purchase", "", "", {"ë": "ü"}, True, Decimal("12.5000"), "EUR"),
    ("pageview", "/docs", "Docs", {"name": "Home", "category": "Docs"}, True, None, ""),
    ("pageview", "/Main", "", {"name": "Main", "category": "Cat", "a": "1"}, True, None, ""),
    ("group", "", "", {"group_id": "g1", "name": "Acme"}, False, None, ""),
    ("alias", "", "", {}, False, None, ""),
]
"""What the script of the recordings did: identify, track, page, screen, group, alias."""
COLUMNS = "name, path, title, props, interactive, revenue, currency"


SEGMENT = [
    "segment-py-plain.json", "segment-py-gzip.json", "segment-py-sync.json", "segment-py-retry-400.json",
    "segment-py-retry-401.json", "segment-py-retry-413.json", "segment-py-retryafter.json",
    "segment-py-retry-500_502_429.json", "segment-py-retry-429_429_429_429_429.json",
]  # fmt: skip


def test_segments_python_client_each_message_once(door: Client) -> None:
    each_once(door, SEGMENT, PYTHON)


def each_once(door: Client, recordings: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Of each recording its messages are found, once each, under their own ids."""
    for turn, recording in enumerate(recordings, 1):
        replay(door, recording)
        found = stored(f"event.event_id, {COLUMNS}")
        assert [row[1:] for row in found] == rows * turn, recording
        assert [str(row[0]) for row in found[-len(rows) :]] == ids(recording), recording
    assert books.balance().holds


def test_its_user_is_one_visitor_whose_own_the_server_is_not(door: Client) -> None:
    replay(door, "segment-py-plain.json")
    assert len(set(stored("event.visitor_id"))) == 1
    assert set(stored("event.cookieless, ip_prefix, browser, category")) == {(False, "", "", "")}
    # The order was two days ago.
    assert [len(set(stored("visit_id"))), len(set(stored("visit_id")[2:]))] == [2, 1]


def test_its_times_are_corrected_by_its_clock(door: Client) -> None:
    replay(door, "segment-py-plain.json")
    # sentAt 2026-11-22T23:34:31.234135; timestamps 23:34:30.733, two days before, 30.734 four times.
    ages = [age for (age,) in stored("hit.received_at - event.ts")]
    milliseconds = [dt.timedelta(microseconds=501_135), dt.timedelta(days=2, hours=13, minutes=34, seconds=31.234135)]
    assert ages == [*milliseconds, *[dt.timedelta(microseconds=500_135)] * 4]
    assert {flags for (flags,) in stored("flags")} == {"scrubbed", ""}


def test_a_batch_of_a_hundred(door: Client) -> None:
    replay(door, "segment-py-big.json")
    assert stored(COLUMNS) == PYTHON + [("Bulk", "", "", {"i": str(n)}, True, None, "") for n in range(94)]
    assert [str(event_id) for (event_id,) in stored("event.event_id")] == ids("segment-py-big.json")
    assert books.balance().holds


RUDDER = [
    ("identify", "", "", {"email": "a@b.c"}, False, None, ""),
    # It names no currency: US dollars.
    ("purchase", "", "", {}, True, Decimal("12.5000"), "USD"),
    ("pageview", "/docs", "", {"name": "Home", "category": "Docs"}, True, None, ""),
    ("pageview", "/S", "", {"name": "S", "category": "C"}, True, None, ""),
    ("group", "", "", {"group_id": "g1", "n": "1"}, False, None, ""),
    ("alias", "", "", {}, False, None, ""),
]


def test_rudderstacks_python_client_each_message_once(door: Client) -> None:
    retried = ["rudder-py-retry-202_204.json", "rudder-py-retry-400_400_400_400.json", "rudder-py-retry-500_429.json"]
    each_once(door, ["rudder-py.json", *retried], RUDDER)


def test_segments_browser_client(door: Client) -> None:
    assert len(replay(door, "browser-segment_next.json")) == 5
    rows = stored("name, host, path, title, props, interactive, revenue, currency, event.language")
    page = ("site.test", "/start", "Tést /start")
    # They came in this order, at once.
    assert rows == [
        ("group", *page, {"group_id": "g1", "name": "Acme"}, False, None, "", "en-US"),
        ("pageview", *page, {"name": "Home", "category": "Docs", "x": "1"}, True, None, "", "en-US"),
        ("identify", *page, {"email": "a@b.c"}, False, None, "", "en-US"),
        ("alias", *page, {}, False, None, "", "en-US"),
        ("purchase", *page, {}, True, Decimal("12.5000"), "EUR", "en-US"),
    ]
    attributes = set(stored("utm_source, utm_medium, utm_campaign, browser, os, ip_prefix, entry_path"))
    assert attributes == {("nl", "email", "spring", "Chrome", "GNU/Linux", "127.0.0.0/24", "/start")}
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    # sentAt less timestamp, in the recording.
    ages = [age / dt.timedelta(milliseconds=1) for (age,) in stored("hit.received_at - event.ts")]
    assert ages == [9, 25, 14, 7, 12]
    assert books.balance().holds


def test_its_preflights_are_answered(door: Client) -> None:
    asked = [request for request in replays.requests("browser-segment_next.json") if request["method"] == "OPTIONS"]
    assert len(asked) == 5
    for answer in [replays.send(door, request) for request in asked]:
        assert answer.status_code == 204
        assert answer["Access-Control-Allow-Origin"] == "http://site.test:8788"
        assert answer["Access-Control-Allow-Headers"] == "authorization"


def test_the_payloads_are_kept_as_they_came(door: Client) -> None:
    replay(door, "segment-py-plain.json")
    (recorded,) = replays.requests("segment-py-plain.json")
    for (payload,) in stored("payload")[1:]:
        assert payload in recorded["body"]


def test_what_a_server_says_of_the_visitor_is_believed_with_a_secret_key(door: Client, site: models.Site) -> None:
    models.SecretKey.objects.create(site=site, name="server", hash=keys.digest("sk_1"))
    context = {"ip": "203.0.113.77", "userAgent": FIREFOX, "library": {"name": "analytics-node"}}
    message = {"type": "track", "event": "x", "userId": "u", "context": context, "timestamp": "2020-01-01T00:00:00Z"}
    for headers in ({}, {"authorization": "Bearer sk_1"}):
        assert post(door, "/v1/track", message | {"writeKey": "WK123"}, **headers).status_code == 200
    assert stored("ip_prefix, event.ts = '2020-01-01T00:00Z', browser, flags") == [
        ("", False, "Firefox", "clamped,scrubbed"),
        ("203.0.113.0/24", True, "Firefox", "scrubbed"),
    ]


def test_a_pixel_in_a_mail(door: Client) -> None:
    query = "writeKey=WK123&userId=u&event=Email%20Opened&properties.subject=Hi&context.ip=203.0.113.77"
    answer: Any = door.get(f"/pixel/v1/track?{query}", headers={"user-agent": FIREFOX})
    assert (answer.status_code, answer["Content-Type"], answer.content[:6]) == (200, "image/gif", b"GIF89a")
    packed = base64.urlsafe_b64encode(b'{"writeKey": "WK123", "anonymousId": "a", "name": "Mail"}').decode()
    assert door.get(f"/v1/pixel/page?data={packed}", headers={"user-agent": FIREFOX}).status_code == 200
    assert door.get("/v1/pixel/page?data=").status_code == 200
    assert door.post("/v1/pixel/page").status_code == 405
    assert stored("name, props, browser") == [
        ("Email Opened", {"subject": "Hi"}, "Firefox"),
        ("pageview", {"name": "Mail"}, "Firefox"),
    ]
    assert "203.0.113.77" not in stored("payload")[0][0]


def test_rudderstacks_browser_sdk_asks_for_its_source(door: Client) -> None:
    answer: Any = door.get("/sourceConfig/?p=npm&v=3.34.1&writeKey=WK123", headers={"origin": "https://a.example"})
    assert (answer.status_code, answer.json()["source"]["name"]) == (200, "WK123")
    assert answer["Access-Control-Allow-Origin"] == "https://a.example"
    assert door.get("/sourceConfig?writeKey=other").status_code == 401


def test_errors_are_what_both_families_understand(door: Client) -> None:
    track = {"type": "track", "event": "x", "userId": "u"}
    refusals = {
        401: post(door, "/v1/batch", {"batch": [track]}, authorization="Basic b3RoZXI6"),
        400: post(door, "/v1/track", track | {"event": ""}),
    }
    for status, answer in refusals.items():
        assert answer.status_code == status
        assert set(json.loads(answer.content)) == {"success", "code", "message"}
    one_of_two = post(door, "/v1/batch", {"batch": [track, track | {"event": ""}]})
    assert (one_of_two.status_code, one_of_two.content) == (200, b'{"success":true}')
    assert one_of_two["X-Recount-Dropped"] == "no_name=1"
    assert door.get("/v1/track").status_code == 405
    assert len(stored("name")) == 1
    assert books.balance().holds
