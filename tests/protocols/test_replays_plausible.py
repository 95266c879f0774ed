"""Recordings of real Plausible clients, byte for byte through the view and a writer."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def _sites(stores: None) -> None:
    create.site("site.test")
    create.site("example.com")


def replay(client: Client, recording: str) -> list[int]:
    """The statuses; nothing was dropped."""
    answers = replays.replay(client, recording)
    assert {answer.content for answer in answers} == {b"ok"}
    assert not any("x-plausible-dropped" in answer for answer in answers)
    return [answer.status_code for answer in answers]


def test_the_official_browser_tracker(door: Client) -> None:
    assert replay(door, "browser-plausible_new.json") == [202] * 8
    author = {"author": "Jüri"}
    rows = stored("name, host, path, props, interactive, revenue, currency, engagement_ms, scroll_percent")
    bought, clicked = {"sku": "a", "qty": "2", "ok": "true"}, {"url": "http://other.test:8788/blank"}
    assert rows == [
        ("pageview", "site.test", "/start", author, True, None, "", 0, 0),
        ("Purchase", "site.test", "/start", author | bought, True, Decimal("15.9900"), "USD", 0, 0),
        ("auto", "site.test", "/start", author, False, None, "", 0, 0),
        ("engagement", "site.test", "/start", author, False, None, "", 3518, 66),
        ("pageview", "site.test", "/spa2", author, True, None, "", 0, 0),
        ("Outbound Link: Click", "site.test", "/spa2", author | clicked, True, None, "", 0, 0),
        ("File Download", "site.test", "/spa2", author | {"url": "http://site.test:8788/f.pdf"}, True, None, "", 0, 0),
        ("engagement", "site.test", "/spa2", author, False, None, "", 4240, 66),
    ]  # fmt: skip
    # One person's visit came with a campaign; the last event says that it is a headless browser.
    attributes = stored("utm_source, utm_medium, utm_campaign, category <> ''")
    assert attributes[:7] == [("nl", "email", "spring", False)] * 7
    assert attributes[7][3] is True
    assert books.balance().holds


def test_the_payloads_are_kept_as_they_came(door: Client) -> None:
    replay(door, "browser-plausible_new.json")
    recorded = [request["body"] for request in replays.requests("browser-plausible_new.json")]
    assert [payload for (payload,) in stored("payload")] == recorded


def test_the_python_client(door: Client) -> None:
    assert replay(door, "plausible-events-py.json") == [202, 202]
    assert stored("name, props, utm_source, utm_campaign, ip_prefix, browser") == [
        ("pageview", {}, "newsletter", "été", "203.0.113.0/24", "Firefox"),
        ("my event", {"os": "mac", "n": "3", "flag": "True"}, "newsletter", "été", "203.0.113.0/24", "Firefox"),
    ]
    assert stored("host, path") == [("localhost", "/login/user"), ("localhost", "/")]


def test_the_python_client_after_answers_that_made_it_try_again(door: Client) -> None:
    assert replay(door, "plausible-events-py-retry.json") == [202] * 5
    # It names no ids: what it sends again is counted again.
    came = ("newsletter", "été", "203.0.113.0/24")
    assert stored("name, path, props, utm_source, utm_campaign, ip_prefix") == [
        *[("pageview", "/login/user", {}, *came)] * 4,
        ("my event", "/", {"os": "mac", "n": "3", "flag": "True"}, *came),
    ]
    assert books.balance().holds


def test_in_hash_mode_what_is_behind_the_hash_is_a_page_of_its_own(door: Client) -> None:
    for event in (
        {"n": "pageview", "u": "https://example.com/app?x=1#/inbox", "h": 1},
        {"n": 404, "u": "https://example.com/gone#top", "h": 0},
    ):
        assert door.post("/api/event", json.dumps(event), "text/plain").status_code == 202
    assert stored("name, path") == [("pageview", "/app#/inbox"), ("404", "/gone")]
