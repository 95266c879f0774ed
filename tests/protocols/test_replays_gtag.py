"""A recorded browser that speaks like Google's tag, and requests of the tag itself, through the view and a writer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, models
from tests.builders import USER_AGENT
from tests.protocols import replays
from tests.protocols.replays import stored
from tests.protocols.test_gtag import PAGE_VIEW

pytestmark = pytest.mark.database

HEADERS = {"user-agent": USER_AGENT, "origin": "https://shop.example"}


@pytest.fixture(autouse=True)
def shop(stores: None) -> models.Site:
    """The site whose ids at Google are those of the requests."""
    site = create.site("site.test").site
    for identifier in ("g-test123", "g-3sqn45gm23"):
        models.Alias.objects.create(site=site, protocol="ga4", identifier=identifier)
    return site


def send(door: Client, query: str, body: bytes = b"", method: str = "POST") -> Any:
    return door.generic(method, f"/g/collect?{query}", body, "text/plain", headers=HEADERS)


def test_a_browser(door: Client) -> None:
    answers = replays.replay(door, "browser-minimal_ga4.json")
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 4
    assert not any("X-Recount-Dropped" in answer for answer in answers)
    assert {answer["Access-Control-Allow-Origin"] for answer in answers} == {"http://site.test:8788"}
    assert {answer["Access-Control-Allow-Credentials"] for answer in answers} == {"true"}
    rows = stored("name, host, path, title, props, interactive, engagement_ms, scroll_percent")
    page = ("site.test", "/start", "Tést /start")
    assert rows == [
        ("pageview", *page, {}, True, 0, 0),
        ("sign_up", *page, {"method": "Google", "value": "5"}, True, 0, 0),
        ("scroll", *page, {}, False, 0, 90),
        ("engagement", *page, {}, False, 2349, 0),
    ]
    attributes = "utm_source, utm_medium, utm_campaign, screen, event.language, browser, event.cookieless"
    assert set(stored(attributes)) == {("nl", "email", "spring", "800x600", "en-US", "Chrome", False)}
    assert len(set(stored("visit_id"))) == 1
    assert books.balance().holds


def test_the_payloads_are_kept_as_they_came(door: Client) -> None:
    replays.replay(door, "browser-minimal_ga4.json")
    recorded = [request["path"].partition("?")[2] for request in replays.requests("browser-minimal_ga4.json")]
    assert [payload for (payload,) in stored("payload")] == recorded


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_view_of_the_real_tag(door: Client, method: str) -> None:
    assert send(door, PAGE_VIEW, method=method).status_code == 204
    columns = "name, host, path, title, props, source, utm_source, event.language, screen, event.cookieless"
    assert stored(columns) == [
        ("pageview", "shop.example", "/es/", "Inicio | Tienda", {"device_type": "desktop"}, "nl", "nl", "es-419",
         "1440x900", False),
    ]  # fmt: skip


def test_a_batch_of_lines(door: Client) -> None:
    query = "v=2&tid=G-TEST123&cid=1369988567.1756151735&_p=1758117262938"
    body = b"en=page_view&_et=3674&dl=https%3A%2F%2Fsite.test%2Fa\r\nen=click&_et=799&dt=Test%20Page"
    assert send(door, query, body).status_code == 204
    assert stored("name, path, title, engagement_ms") == [
        ("pageview", "/a", "", 3674),
        ("click", "", "Test Page", 799),
    ]
    assert len(set(stored("event.visitor_id"))) == 1
    assert books.balance().holds


def test_an_order_counts_once_whoever_reports_it(door: Client) -> None:
    query = "v=2&tid=G-TEST123&cid=1.2&en=purchase&cu=EUR&ep.transaction_id=T1&epn.value=25.5&pr1=idSKU1~pr12.75~qt2"
    for _ in range(2):
        assert send(door, query).status_code == 204
    told = b'{"client_id":"1.2","events":[{"name":"purchase","params":{"transaction_id":"T1","value":1}}]}'
    door.generic("POST", "/mp/collect?measurement_id=G-TEST123", told)
    order = {"order_id": "T1", "item_count": "1", "items": '[{"id":"SKU1","price":12.75,"quantity":2}]'}
    assert stored("name, revenue, currency, props") == [("purchase", Decimal("25.5000"), "EUR", order)]
    assert books.balance().holds


def test_without_consent_the_visitor_is_one_of_the_day(door: Client) -> None:
    for consent, client in (("G111", "1.2"), ("G100", "1.2"), ("G110", "3.4")):
        send(door, f"tid=G-TEST123&en=page_view&cid={client}&uid=u1&gcs={consent}")
    rows = stored("event.cookieless, event.visitor_id")
    assert [cookieless for cookieless, _ in rows] == [False, True, True]
    assert rows[1] == rows[2] != rows[0]
    assert [payload.partition("page_view")[2] for (payload,) in stored("payload")] == [
        "&cid=1.2&uid=u1&gcs=G111", "&gcs=G100", "&gcs=G110",
    ]  # fmt: skip


def test_the_campaign_that_the_tag_was_told_is_the_source_of_the_visit(door: Client) -> None:
    page = urlencode({"dl": "https://site.test/x?utm_source=old#top", "dr": "https://www.google.com/"})
    send(door, f"tid=G-TEST123&en=page_view&cid=1.2&{page}&cs=nl&cm=email&cn=spring&cc=a&ct=b")
    columns = "path, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, channel"
    assert stored(columns) == [("/x", "nl", "nl", "email", "spring", "a", "b", "Email")]


@pytest.mark.parametrize(
    ("query", "body", "receipt"),
    [
        ("", b"", "no_site=1"),
        ("en=page_view", b"", "no_site=1"),
        ("tid=G-NONE&en=page_view", b"", "unknown_site=1"),
        ("tid=G-TEST123", b"dt=x\nen=x", "no_name=1"),
        ("tid=G-TEST123", b"\x1f\x8b", "bad_json=1"),
    ],
)
def test_whatever_is_wrong_the_page_is_told_nothing(door: Client, query: str, body: bytes, receipt: str) -> None:
    answer = send(door, query, body)
    assert (answer.status_code, answer.content, answer["X-Recount-Dropped"]) == (204, b"", receipt)


def test_who_sends_too_much_is_told_to_come_again(door: Client) -> None:
    models.Site.objects.update(events_per_minute=1)
    answer = send(door, "tid=G-TEST123", b"en=x\nen=y")
    assert (answer.status_code, answer.content, answer["Retry-After"]) == (429, b"", "30")
