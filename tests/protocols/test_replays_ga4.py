"""Recordings of ga4mp, the Python client of Google's Measurement Protocol, through the view and a writer."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import create, keys, models
from tests.protocols import replays
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

COLLECT = "/mp/collect?measurement_id=G-TEST123"


@pytest.fixture
def shop(stores: None) -> models.Site:
    """The site whose ids and secret at Google are those of the recordings."""
    site = create.site("example.com").site
    for identifier in ("g-test123", "1:2:android:3"):
        models.Alias.objects.create(site=site, protocol="ga4", identifier=identifier)
    models.SecretKey.objects.create(site=site, name="as at Google", hash=keys.digest("SECRET1"))
    return site


def post(door: Client, body: object, path: str = COLLECT) -> Any:
    raw = body if isinstance(body, str) else json.dumps(body)
    return door.generic("POST", path, raw, "application/json")


def test_the_python_client(door: Client, shop: models.Site) -> None:
    answers = replays.replay(door, "ga4mp.json")
    assert [answer.status_code for answer in answers] == [204, 204, 204, 204, 200, 204, 204]
    assert [answer.content for answer in answers] == [b""] * 4 + [b'{"validationMessages":[]}'] + [b""] * 2
    assert not any("X-Recount-Dropped" in answer for answer in answers)
    rows = stored("name, path, title, props, revenue, currency, user_agent, ip_prefix, browser, category")
    assert len(rows) == 35
    page, pro = ("pageview", "/ä", "Hellö", {"plan": "pro"}), {"plan": "pro"}
    order = pro | {"order_id": "T1", "item_count": "1", "items": '[{"id":"SKU","price":12.5,"quantity":1}]'}
    sender = ("Python-urllib/3.11", "", "", "")
    assert rows[0] == (*page, None, "", *sender)
    assert rows[1] == ("purchase", "", "", order, Decimal("12.5000"), "EUR", *sender)
    numbered = [(f"e{n}", "", "", {"i": str(n)} | pro, None, "", *sender) for n in range(30)]
    assert rows[2:32] == numbered
    assert rows[32] == (*page, None, "", *sender)
    assert rows[33] == ("late", "", "", {"x": "1"} | pro, None, "", *sender)
    assert rows[34] == ("level_up", "", "", {"level": "3"}, None, "", *sender)
    assert books.balance().holds


def test_the_moments_and_the_visitors_of_the_python_client(door: Client, shop: models.Site) -> None:
    replays.replay(door, "ga4mp.json")
    rows = stored("name, hit.ts, flags, event.visitor_id, event.cookieless, engagement_ms, utm_source")
    said = {name: ts for name, ts, *_ in rows[32:34]}
    assert said == {
        "pageview": dt.datetime(2026, 11, 22, 18, 27, 7, tzinfo=dt.UTC),
        "late": dt.datetime(2026, 11, 22, 23, 27, 7, 80453, tzinfo=dt.UTC),
    }
    assert {row[2] for row in rows} == {""}
    assert len({row[3] for row in rows[:34]}) == 1
    assert rows[34][3] != rows[0][3]
    assert {row[4] for row in rows} == {False}
    assert [row[5] for row in rows if row[5]] == [3, 3]
    # The visit began with the page that was dated back.
    assert rows[32][6] == rows[0][6] == "x"


def test_without_a_secret_of_ours_a_moment_lies_in_the_last_three_days(door: Client, shop: models.Site) -> None:
    long_ago = {"client_id": "1.2", "timestamp_micros": 1_600_000_000_000_000, "events": [{"name": "x"}]}
    assert post(door, long_ago, f"{COLLECT}&api_secret=googles").status_code == 204
    assert post(door, long_ago, f"{COLLECT}&api_secret=SECRET1").status_code == 204
    ((clamped, kept),) = [tuple(stored("hit.ts, flags"))]
    assert clamped[1] == "clamped"
    assert kept == (dt.datetime(2020, 9, 13, 12, 26, 40, tzinfo=dt.UTC), "")


def test_the_payloads_are_kept_as_they_came(door: Client, shop: models.Site) -> None:
    (request,) = replays.requests("ga4mp-500.json")
    replays.send(door, request)
    body = json.loads(request["body"])
    shared = {key: value for key, value in body.items() if key != "events"}
    payloads = [payload for (payload,) in stored("payload")]
    assert [json.loads(payload) for payload in payloads] == [[event, shared] for event in body["events"]]
    assert all(payload.removeprefix("[").split(',{"client_id"')[0] in request["body"] for payload in payloads)


def test_what_a_client_sends_again_counts_again_but_for_its_order(door: Client, shop: models.Site) -> None:
    (request,) = replays.requests("ga4mp-500.json")
    assert [replays.send(door, request).status_code for _ in range(2)] == [204, 204]
    assert [name for (name,) in stored("name")] == ["pageview", "purchase", "pageview"]
    assert books.balance().holds


@pytest.mark.parametrize(
    ("body", "path", "receipt"),
    [
        ("no json", COLLECT, "bad_json=1"),
        ("", COLLECT, "bad_json=1"),
        ({"client_id": "1.2", "events": [{"name": "x"}]}, "/mp/collect", "no_site=1"),
        ({"client_id": "1.2", "events": [{"name": "x"}, {}]}, "/mp/collect?measurement_id=G-NONE", "unknown_site=2"),
        ({"client_id": "1.2", "events": [{"name": "x"}, {}]}, COLLECT, "no_name=1"),
        ({"events": [{"name": "x"}]}, COLLECT, "bad_field=1"),
        ({"client_id": "1.2", "events": [{"name": "x"}] * 26}, COLLECT, "too_many_events=1"),
    ],
)
def test_whatever_is_wrong_the_answer_is_204_with_a_receipt(
    door: Client, shop: models.Site, body: object, path: str, receipt: str
) -> None:
    answer = post(door, body, path)
    assert (answer.status_code, answer.content, answer["X-Recount-Dropped"]) == (204, b"", receipt)


def test_who_sends_too_much_is_told_to_come_again(door: Client, shop: models.Site) -> None:
    models.Site.objects.update(events_per_minute=1)
    body = {"client_id": "1.2", "events": [{"name": "x"}, {"name": "y"}]}
    answer = post(door, body)
    assert (answer.status_code, answer.content, answer["Retry-After"]) == (429, b"", "30")


def test_validation_stores_nothing(door: Client, shop: models.Site) -> None:
    answer = post(door, {"client_id": "1.2", "events": [{"name": "_x"}]}, f"/debug{COLLECT}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    message = {
        "fieldPath": "events",
        "description": "Event at index: [0] has invalid name [_x]. Names must start with an alphabetic character.",
        "validationCode": "NAME_INVALID",
    }
    assert json.loads(answer.content) == {"validationMessages": [message]}
    assert stored("name") == []


def test_an_address_that_a_program_says_is_shortened_and_believed_with_a_secret(
    door: Client, shop: models.Site
) -> None:
    body = {"client_id": "1.2", "ip_override": "203.0.113.7", "user_data": {"sha256_email_address": "ab12"},
            "events": [{"name": "x"}]}  # fmt: skip
    post(door, body)
    post(door, body, f"{COLLECT}&api_secret=SECRET1")
    rows = stored("ip_prefix, payload")
    kept = '[{"name": "x"},{"client_id":"1.2","ip_override":"203.0.113.0"}]'
    assert rows == [("", kept), ("203.0.113.0/24", kept)]
