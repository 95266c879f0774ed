"""Recordings of real Umami clients, byte for byte through the view and a writer."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

WEBSITE = "c0ffee00-0000-4000-8000-000000000001"


@pytest.fixture
def site(stores: None) -> models.Site:
    made = create.site("site.test").site
    models.Alias.objects.create(site=made, protocol="umami", identifier=WEBSITE)
    return made


def replay(client: Client, recording: str) -> list[dict[str, Any]]:
    """What was answered to the events; a browser that asked first was told yes."""
    told = []
    for request in replays.requests(recording):
        if request["path"] != "/api/send":
            continue
        answer = replays.send(client, request)
        assert "x-recount-dropped" not in answer
        if request["method"] == "OPTIONS":
            assert (answer.status_code, answer.content) == (204, b"")
        else:
            assert answer.status_code == 200
            told.append(json.loads(answer.content))
    return told


def test_the_official_browser_tracker(door: Client, site: models.Site) -> None:
    told = replay(door, "browser-umami_js.json")
    rows = stored("name, host, path, title, props, interactive, screen, event.language, user_agent LIKE '%Headless%'")
    tag: dict[str, str] = {"tag": "abtest"}
    vitals = {"ttfb": "10.199999999953434", "fcp": "48", "lcp": "48"}
    start, screen = ("site.test", "/start", "Tést /start"), ("800x600", "en-US")
    assert rows == [
        ("pageview", *start, tag, True, *screen, False),
        ("signup-button", *start, tag | {"plan": "pro", "n": "3"}, True, *screen, False),
        ("identify", *start, tag | {"email": "a@b.c"}, False, *screen, False),
        ("pageview", "site.test", "/virtual", "X", tag, True, *screen, False),
        ("web_vitals", *start, tag | vitals, False, *screen, False),
        ("pageview", "site.test", "/spa2", "Tést /start", tag, True, *screen, False),
        ("web_vitals", "site.test", "/spa2", "Tést /start", tag, False, *screen, True),
    ]
    assert stored("utm_source, utm_medium, utm_campaign")[:6] == [("nl", "email", "spring")] * 6
    # Two are of the day; from identify on they are of a person, and so are the sessions that the tracker is told of.
    assert [cookieless for (cookieless,) in stored("event.cookieless")] == [True] * 2 + [False] * 5
    visitors = [visitor for (visitor,) in stored("event.visitor_id")]
    assert (len(set(visitors[:2])), len(set(visitors[2:])), len(set(visitors))) == (1, 1, 2)
    sessions = [uuid.UUID(one["sessionId"]) for one in told]
    assert [visitors.index(visitor) for visitor in visitors] == [sessions.index(session) for session in sessions]
    assert books.balance().holds


def test_the_payloads_are_kept_as_they_came(door: Client, site: models.Site) -> None:
    replay(door, "browser-umami_js.json")
    recorded = [request["body"] for request in replays.requests("browser-umami_js.json") if request["method"] == "POST"]
    assert [payload for (payload,) in stored("payload")] == recorded


def test_the_python_client(door: Client, site: models.Site) -> None:
    replay(door, "umami-analytics-py.json")
    assert stored("name, host, path, title, props, revenue, currency, ip_prefix") == [
        # Whoever names the visitor's address is a program; without a secret it is not believed.
        ("pageview", "example.com", "/p", "Hellö", {}, None, "", ""),
        ("Signup", "example.com", "/signup", "Signup", {"plan": "pro", "n": "3"}, None, "", "127.0.0.0/24"),
        ("revenue", "example.com", "/buy", "revenue", {}, Decimal("12.5000"), "EUR", "127.0.0.0/24"),
    ]
    # The person is somebody else; the others are of one visit, which begins with what a program says.
    assert stored("event.cookieless, browser, screen, referrer, utm_source") == [
        (True, "", "1920x1080", "google.com", "x"),
        (False, "Chrome", "1920x1080", "", ""),
        (True, "", "1920x1080", "google.com", "x"),
    ]
    assert stored("payload::json -> 'payload' ->> 'ip'")[0] == ("203.0.113.0",)
    assert books.balance().holds


def test_the_address_that_a_trusted_website_names_is_believed(door: Client, site: models.Site) -> None:
    models.Alias.objects.update(trusted=True)
    replay(door, "umami-analytics-py.json")
    assert [prefix for (prefix,) in stored("ip_prefix")] == ["203.0.113.0/24", "127.0.0.0/24", "127.0.0.0/24"]
