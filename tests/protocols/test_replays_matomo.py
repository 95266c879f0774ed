"""Recordings of real Matomo clients, byte for byte through the view and a writer."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0"
CHROME = "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.17 (KHTML, like Gecko) Chrome/24.0.1312.57 Safari/537.17"


@pytest.fixture(autouse=True)
def _sites(stores: None) -> None:
    """The site whose number at Matomo is 3, and others that have that number here or the next."""
    known_to_matomo = create.site("example.com").site
    for domain in ("second.example", "third.example"):
        create.site(domain)
    models.Alias.objects.create(site=known_to_matomo, protocol="matomo", identifier="3", trusted=True)


def replay(client: Client, recording: str) -> list[HttpResponse]:
    answers = replays.replay(client, recording)
    assert not any("x-recount-dropped" in answer for answer in answers)
    assert {domain for (domain,) in stored("(SELECT domain FROM sites_site WHERE id = event.site_id)")} <= {
        "example.com"
    }
    return answers


def test_the_official_browser_tracker(door: Client) -> None:
    answers = replay(door, "browser-matomo_js.json")
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 7
    assert {answer["Access-Control-Allow-Origin"] for answer in answers} == {"http://site.test:8788"}
    dimension = {"dimension1": "dim1"}
    order = {
        "order_id": "O1", "subtotal": "18", "tax": "2", "shipping": "0", "discount": "0", "item_count": "1",
        "items": '[{"id":"SKU1","name":"Näme","category":"c","price":10,"quantity":2}]',
    }  # fmt: skip
    assert stored("name, props, revenue") == [
        ("pageview", dimension, None),
        ("buy", dimension | {"category": "shop", "label": "sku", "value": "2.5"}, None),
        ("search", dimension | {"search_term": "kass", "search_category": "cat", "search_count": "7"}, None),
        ("goal", dimension | {"goal_id": "1"}, Decimal("9.5000")),
        ("purchase", dimension | order, Decimal("20.0000")),
        ("File Download", dimension | {"url": "http://site.test:8788/f.pdf"}, None),
        ("Outbound Link: Click", dimension | {"url": "http://other.test:8788/blank"}, None),
    ]
    assert (
        stored("host, path, screen, browser, utm_source, utm_medium, utm_campaign, event.cookieless")
        == [("site.test", "/start", "800x600", "Chrome", "nl", "email", "spring", False)] * 7
    )
    assert [title for (title,) in stored("title")] == ["Tést /start"] + [""] * 6
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert books.balance().holds


def test_the_payloads_are_kept_as_they_came(door: Client) -> None:
    replay(door, "browser-matomo_js.json")
    recorded = [request["path"].partition("?")[2] for request in replays.requests("browser-matomo_js.json")]
    assert [payload for (payload,) in stored("payload")] == recorded


def test_the_browser_tracker_that_asks_for_an_image(door: Client) -> None:
    (answer,) = replay(door, "browser-matomo_js_get.json")
    assert (answer.status_code, answer["Content-Type"], len(answer.content)) == (200, "image/gif", 43)
    assert stored("name, host, path, title") == [("pageview", "site.test", "/start", "Tést /start")]


def test_the_python_client(door: Client) -> None:
    answers = replay(door, "matomo-py.json")
    assert [len(answer.content) for answer in answers[:7]] == [43] * 7
    assert json.loads(answers[7].content) == {"status": "success", "tracked": 2, "invalid": 0, "invalid_indices": []}
    order = {
        "order_id": "O1", "subtotal": "18.0", "tax": "2.0", "item_count": "1",
        "items": '[{"id":"SKU","name":"Näme","category":"c","price":"10.0","quantity":2}]',
    }  # fmt: skip
    assert stored("name, title, props, revenue, interactive") == [
        ("pageview", "Hellö", {"dimension1": "dim1"}, None, True),
        ("buy", "", {"category": "shop", "label": "n", "value": "2.5"}, None, True),
        ("search", "", {"search_term": "kass", "search_category": "cat", "search_count": "7"}, None, True),
        ("goal", "", {"goal_id": "1"}, Decimal("9.5000"), True),
        ("File Download", "", {"url": "https://example.com/f.pdf"}, None, True),
        ("purchase", "", order, Decimal("20.0000"), True),
        ("engagement", "", {}, None, False),
        ("pageview", "A", {}, None, True),
        ("a", "", {"category": "c"}, None, True),
    ]
    said = stored("hit.ts, ip_prefix, user_agent, event.language, referrer, utm_source, category")
    at = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
    assert said[:7] == [(at, "203.0.113.0/24", "Mozilla/5.0 X", "et-EE", "google.com", "x", "")] * 7
    # The client sends many without saying anything of the visitor, not even a user agent of its own.
    assert [rest[1:] for rest in said[7:]] == [("", "", "", "", "", "")] * 2
    people = [visitor for (visitor,) in stored("event.visitor_id")]
    assert (len(set(people[:7])), len(set(people[7:])), len(set(people))) == (1, 1, 2)
    assert books.balance().holds


def test_no_token_and_no_whole_address_is_kept(door: Client) -> None:
    for recording in ("matomo-py.json", "import-logs-caddy_json.json", "import-logs-nginx_json.json"):
        replay(door, recording)
    for (payload,) in stored("payload"):
        assert "0" * 32 not in payload
        assert "203.0.113.9" not in payload
        assert "1.2.3.4" not in payload


def imported(client: Client, recording: str) -> list[tuple[Any, ...]]:
    site, *recorded = replay(client, recording)
    assert json.loads(site.content) == {"idsite": "3", "name": "3", "main_url": "https://"}
    for answer in recorded:
        sent = json.loads(replays.requests(recording)[1]["body"])["requests"]
        assert json.loads(answer.content) == {
            "status": "success", "tracked": len(sent), "invalid": 0, "invalid_indices": []
        }  # fmt: skip
    assert books.balance().holds
    return stored("name, host, path, hit.ts, ip_prefix, props ->> 'Not-Bot', props ->> 'HTTP-code', browser, category")


def test_the_log_importer_with_a_log_of_caddy(door: Client) -> None:
    def at(second: int, microsecond: int) -> dt.datetime:
        return dt.datetime(2023, 12, 23, 23, 17, second, microsecond, tzinfo=dt.UTC)

    said = ("1.2.3.0/24", FIREFOX, "200", "Firefox", "")
    assets = "/beta/assets/index-"
    assert imported(door, "import-logs-caddy_json.json") == [
        ("pageview", "example.com", "/beta/", at(54, 815561), *said),
        ("File Download", "example.com", f"{assets}mMaLXldj.css", at(54, 901120), *said),
        ("File Download", "example.com", f"{assets}HIcRLzdf.js", at(55, 141868), *said),
    ]


def test_the_log_importer_with_a_log_of_nginx(door: Client) -> None:
    at = dt.datetime(2013, 10, 10, 14, 52, tzinfo=dt.UTC)
    page = ("pageview", "piwik.org", "/piwik.php", at, "1.2.3.0/24", CHROME, "200", "Chrome", "")
    assert imported(door, "import-logs-nginx_json.json") == [page] * 2


@pytest.mark.parametrize("log", ["common_complete", "ncsa_extended"])
def test_the_log_importer_with_a_log_of_which_it_takes_nothing(door: Client, log: str) -> None:
    assert imported(door, f"import-logs-{log}.json") == []
