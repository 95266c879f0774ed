"""umami-analytics, Umami's Python client from PyPI, against a running ingest pool."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

umami = pytest.importorskip("umami")
WEBSITE = "c0ffee00-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def site(stores: None) -> create.Created:
    made = create.site("example.com")
    models.Alias.objects.create(site=made.site, protocol="umami", identifier=WEBSITE)
    return made


def client(address: str, monkeypatch: pytest.MonkeyPatch, token: str | None = None) -> Any:
    """The client, whose settings are those of its module; nobody has logged in unless a token is given."""
    monkeypatch.setattr("umami.impl.auth_token", token)
    umami.set_url_base(address)
    umami.set_website_id(WEBSITE)
    umami.set_hostname("example.com")
    return umami


def test_events_are_found_once_each_with_names_ids_and_props(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client(pool, monkeypatch)
    told = [
        made.new_page_view("Hellö", "/p?utm_source=x", referrer="https://google.com/", distinct_id=42),
        made.new_event("Signup", url="/signup", custom_data={"plan": "pro", "n": 3}, distinct_id="42"),
        made.new_revenue_event(12.5, "EUR", url="/buy", custom_data={"sku": "A"}, distinct_id="42"),
    ]
    assert stored("name, host, path, title, props, revenue, currency, utm_source") == [
        ("pageview", "example.com", "/p", "Hellö", {}, None, "", "x"),
        ("Signup", "example.com", "/signup", "Signup", {"plan": "pro", "n": "3"}, None, "", "x"),
        ("revenue", "example.com", "/buy", "revenue", {"sku": "A"}, Decimal("12.5000"), "EUR", "x"),
    ]
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert {cookieless for (cookieless,) in stored("event.cookieless")} == {False}
    assert len({uuid.UUID(one["sessionId"]) for one in told} | {uuid.UUID(one["visitId"]) for one in told}) == 2
    assert books.balance().holds


def test_with_a_secret_key_for_a_token_the_visitors_address_is_believed(
    pool: str, site: create.Created, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(pool, monkeypatch).new_page_view("A", "/a", ip_address="203.0.113.9")
    client(pool, monkeypatch, site.secret_key).new_page_view("B", "/b", ip_address="203.0.113.9")
    assert stored("path, ip_prefix") == [("/a", ""), ("/b", "203.0.113.0/24")]


def test_an_unknown_website_and_what_the_pool_refuses_raise_an_error(
    pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client(pool, monkeypatch)
    with pytest.raises(Exception, match="400"):
        made.new_page_view("A", "/a", website_id=str(uuid.uuid4()))
    with pytest.raises(Exception, match="400"):
        made.new_event("x" * 129)
    assert stored("name") == []


@pytest.mark.parametrize("status", [429, 500])
def test_it_raises_an_error_and_what_the_program_sends_again_counts(
    pool: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with proxy.between(pool, [status]) as between:
        made = client(between.address, monkeypatch)
        with pytest.raises(Exception, match=str(status)):
            made.new_event("a")
        made.new_event("a")
        assert between.seen == [status, 200]
    assert stored("name") == [("a",)]


def test_it_names_no_ids_so_what_it_sends_again_after_a_lost_answer_counts_again(
    pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy.between(pool, [proxy.LOST]) as between:
        made = client(between.address, monkeypatch)
        with pytest.raises(Exception, match=r"(?i)disconnect|closed|reset|peer"):
            made.new_event("a")
        made.new_event("a")
        assert between.seen == [proxy.LOST, 200]
    assert stored("name") == [("a",), ("a",)]
