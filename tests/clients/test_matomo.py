"""matomo, a Python client of Matomo's Tracking HTTP API from PyPI, against a running ingest pool."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

matomo = pytest.importorskip("matomo")
request = pytest.importorskip("matomo.request")
requests = pytest.importorskip("requests")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"
VISITOR = "3a233120caa44ad1"


@pytest.fixture(autouse=True)
def site(stores: None) -> create.Created:
    create.site("first.example")
    made = create.site("example.com")
    models.Alias.objects.create(site=made.site, protocol="matomo", identifier="1")
    return made


def client(address: str, token: str = "", **visitor: str) -> Any:
    """The client as a web application makes it of the request of a visitor."""
    known = {"HTTP_USER_AGENT": AGENT, "HTTP_ACCEPT_LANGUAGE": "et-EE", "REMOTE_ADDR": "203.0.113.9"} | visitor
    made = matomo.Matomo(request.Request(known), 1, f"{address}/")
    made.set_visitor_id(VISITOR)
    made.set_url("https://example.com/p?utm_source=x")
    if token:
        made.set_token_auth(token)
    return made


def test_events_are_found_once_each_with_names_ids_times_and_props(pool: str, site: create.Created) -> None:
    made = client(pool, site.secret_key)
    made.set_user_id("u-42")
    at = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=30)
    made.set_force_visit_date_time(at.strftime("%Y-%m-%d %H:%M:%S"))
    made.set_custom_dimension(1, "dim")
    statuses = [
        made.do_track_page_view("Hellö").status_code,
        made.do_track_event("shop", "buy", "sku", 2.5).status_code,
        made.do_track_site_search("kass", "cat", 7).status_code,
        made.do_track_goal(1, 9.5).status_code,
        made.do_track_action("https://example.com/f.pdf", "download").status_code,
        made.do_track_action("https://other.example/", "link").status_code,
        made.add_ecommerce_item("SKU", "Näme", "c", 10.0, 2)
        .do_track_ecommerce_order("O1", 20.0, 18.0, 2.0)
        .status_code,
        made.do_ping().status_code,
    ]
    assert statuses == [200] * 8
    order = {
        "order_id": "O1", "subtotal": "18.0", "tax": "2.0", "item_count": "1",
        "items": '[{"id":"SKU","name":"Näme","category":"c","price":"10.0","quantity":2}]',
    }  # fmt: skip
    assert stored("name, title, props, revenue, interactive") == [
        ("pageview", "Hellö", {"dimension1": "dim"}, None, True),
        ("buy", "", {"category": "shop", "label": "sku", "value": "2.5"}, None, True),
        ("search", "", {"search_term": "kass", "search_category": "cat", "search_count": "7"}, None, True),
        ("goal", "", {"goal_id": "1"}, Decimal("9.5000"), True),
        ("File Download", "", {"url": "https://example.com/f.pdf"}, None, True),
        ("Outbound Link: Click", "", {"url": "https://other.example/"}, None, True),
        ("purchase", "", order, Decimal("20.0000"), True),
        ("engagement", "", {}, None, False),
    ]
    assert set(stored("hit.ts, ip_prefix, browser, event.language, path, utm_source, event.cookieless, category")) == {
        (at, "203.0.113.0/24", "Firefox", "et-EE", "/p", "x", False, "")
    }
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert books.balance().holds


def test_an_order_counts_once_however_often_its_page_is_loaded(pool: str) -> None:
    for _ in range(2):
        client(pool).do_track_ecommerce_order("O1", 20.0)
    client(pool).do_track_ecommerce_order("O2", 20.0)
    assert [order for (order,) in stored("props ->> 'order_id'")] == ["O1", "O2"]


def test_without_the_token_neither_address_nor_a_distant_time_is_believed(pool: str) -> None:
    made = client(pool)
    made.set_force_visit_date_time("2020-01-01 00:00:00")
    made.do_track_page_view("A")
    ((flags, prefix, lag),) = stored("flags, ip_prefix, received_at - hit.ts")
    assert (flags, prefix, lag) == ("clamped", "127.0.0.0/24", dt.timedelta(hours=72))


def test_many_at_once(pool: str, site: create.Created) -> None:
    made = client(pool, site.secret_key, HTTP_USER_AGENT="", HTTP_ACCEPT_LANGUAGE="")
    made.enable_bulk_tracking()
    made.do_track_page_view("A")
    made.do_track_event("c", "a")
    made.do_track_event("c", "x" * 200)
    reply = made.do_bulk_track()
    assert (reply.status_code, reply.json()) == (
        200, {"status": "success", "tracked": 2, "invalid": 1, "invalid_indices": [2]}
    )  # fmt: skip
    assert stored("name, ip_prefix, category") == [("pageview", "203.0.113.0/24", ""), ("a", "203.0.113.0/24", "")]
    assert books.balance().holds


def test_nothing_is_answered_to_who_wants_no_image(pool: str) -> None:
    made = client(pool)
    made.disable_send_image_response()
    reply = made.do_track_page_view("A")
    assert (reply.status_code, reply.content) == (204, b"")


def test_it_tells_the_status_and_what_the_program_sends_again_counts(pool: str) -> None:
    with proxy.between(pool, [429, 500]) as between:
        made = client(between.address)
        assert [made.do_track_page_view("A").status_code for _ in range(3)] == [429, 500, 200]
    assert stored("title") == [("A",)]


def test_it_names_no_ids_so_what_it_sends_again_after_a_lost_answer_counts_again(pool: str) -> None:
    with proxy.between(pool, [proxy.LOST] * 2) as between:
        made = client(between.address)
        with pytest.raises(requests.ConnectionError):
            made.do_track_page_view("A")
        with pytest.raises(requests.ConnectionError):
            made.do_track_ecommerce_order("O1", 20.0)
        made.do_track_page_view("A")
        # But for an order.
        made.do_track_ecommerce_order("O1", 20.0)
    assert stored("name") == [("pageview",), ("purchase",), ("pageview",)]
