"""What Segment's messages come to."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import segment, wire
from tests.protocols.test_recount import VALUES

BROWSER: dict[str, Any] = {"library": {"name": "analytics.js", "version": "npm:next-1.84.3"}}
TRACK: dict[str, Any] = {"type": "track", "event": "Signed Up", "anonymousId": "anon-1", "context": BROWSER}


def read(**message: Any) -> ClientEvent:
    return segment.read(json.dumps(TRACK | message))


def test_a_track_is_an_event_of_its_name() -> None:
    event = read(
        messageId="9a4f7917-5be1-4fe7-bb82-63a3d72589f9",
        timestamp="2026-11-22T23:34:31.952+00:00",
        userId="u-42",
        properties={"plan": "pro", "n": 1, "url": "/of/a/product", "nested": {"a": 1, "b": {"c": 1}}, "list": [1]},
    )
    assert event == ClientEvent(
        name="Signed Up",
        event_id=UUID("9a4f7917-5be1-4fe7-bb82-63a3d72589f9"),
        timestamp=dt.datetime(2026, 11, 22, 23, 34, 31, 952_000, dt.UTC),
        client_id="anon-1",
        user_id="u-42",
        props={"plan": "pro", "n": "1", "url": "/of/a/product", "nested.a": "1"},
    )


def test_a_page_is_a_pageview_of_the_address_that_it_names() -> None:
    page = {"url": "https://a.example/x", "path": "/x", "referrer": "https://b.example/", "title": "X", "search": "?y"}
    event = read(type="page", name="Home", properties=page | {"category": "Docs", "plan": "pro"})
    assert (event.name, event.url, event.referrer, event.title) == ("pageview", page["url"], page["referrer"], "X")
    assert event.props == {"name": "Home", "category": "Docs", "plan": "pro"}
    assert event.interactive
    of_context = read(type="page", context=BROWSER | {"page": page})
    assert (of_context.url, of_context.referrer, of_context.title) == (page["url"], page["referrer"], "X")


def test_without_an_address_the_path_counts() -> None:
    assert read(type="page", properties={"path": "/x"}).url == "/x"
    assert read(type="page", properties={"url": "file:///x", "path": "/x"}).url == "/x"
    assert read(type="page").url == ""


def test_a_screen_is_a_pageview_of_an_app() -> None:
    app = BROWSER | {"app": {"name": "Shop", "namespace": "com.example.shop"}}
    event = read(type="screen", name="Cart", category="Buy", properties={"a": 1}, context=app)
    assert (event.name, event.url) == ("pageview", "http://com.example.shop/Cart")
    assert event.props == {"name": "Cart", "category": "Buy", "a": "1"}
    assert read(type="screen", name="Cart").url == "/Cart"
    assert read(context=app).url == "http://com.example.shop/"


def test_a_campaign_of_the_context_is_that_of_the_page() -> None:
    campaign = {"source": "nl", "medium": "email", "name": "spring", "term": "t", "content": "c"}
    page = {"campaign": campaign, "page": {"url": "https://a.example/?q=1"}}
    tagged = "https://a.example/?q=1&utm_source=nl&utm_medium=email&utm_campaign=spring&utm_term=t&utm_content=c"
    assert read(context=page).url == tagged
    assert (
        read(context=page | {"page": {"url": "https://a.example/?utm_source=own"}}).url
        == "https://a.example/?utm_source=own"
    )


def test_identify_tells_who_the_visitor_is() -> None:
    event = read(
        type="identify", userId=42, traits={"tier": "gold", "address": {"city": "Tartu"}}, context={"traits": {"n": 1}}
    )
    assert (event.name, event.interactive, event.user_id) == ("identify", False, "42")
    assert event.props == {"n": "1", "tier": "gold", "address.city": "Tartu"}


def test_group_and_alias_and_merge_are_bookkeeping() -> None:
    group = read(type="group", groupId="g1", traits={"name": "Acme"}, context={"traits": {"n": 1}})
    assert (group.name, group.interactive, group.props) == ("group", False, {"group_id": "g1", "name": "Acme"})
    alias = read(type="alias", anonymousId=None, previousId="anon-7", userId="u-42")
    assert (alias.name, alias.interactive, alias.props) == ("alias", False, {})
    assert (alias.client_id, alias.user_id) == ("anon-7", "u-42")
    merge = read(type="merge", userId="u", mergeProperties=[{"type": "email", "value": "x"}])
    assert (merge.name, merge.interactive, merge.props) == ("merge", False, {})


@pytest.mark.parametrize("name", ["Order Completed", "order completed", "Completed Order"])
def test_a_completed_order_is_a_purchase(name: str) -> None:
    products = [
        {"product_id": "1", "sku": "s", "name": "A", "price": 19, "quantity": 2, "category": "C", "url": "x"},
        {"sku": "s2", "price": 1.5},
        "no product",
    ]
    order = {"order_id": "50314b8e", "total": 27.5, "revenue": 25, "value": 30, "currency": "eur", "coupon": "c"}
    event = read(event=name, properties=order | {"products": products, "shipping": 3})
    assert (event.name, event.revenue, event.currency) == ("purchase", Decimal("27.5000"), "EUR")
    items = event.props.pop("items")
    assert json.loads(items) == [
        {"id": "1", "name": "A", "category": "C", "price": 19, "quantity": 2},
        {"id": "s2", "price": 1.5},
    ]
    assert event.props == {"order_id": "50314b8e", "item_count": "2", "coupon": "c", "shipping": "3"}


@pytest.mark.parametrize("given", [{"revenue": 25}, {"value": "25"}, {"total": 25, "revenue": 1}])
def test_the_total_of_an_order_goes_before_its_revenue_and_its_value(given: dict[str, Any]) -> None:
    event = read(event="Order Completed", properties=given)
    # "If this is not set, we assume the revenue to be in US dollars" (spec/track).
    assert (event.revenue, event.currency) == (Decimal("25.0000"), "USD")


def test_any_event_may_have_a_revenue() -> None:
    event = read(properties={"revenue": "9.90", "currency": "EUR", "total": 5, "plan": "pro"})
    assert (event.revenue, event.currency) == (Decimal("9.9000"), "EUR")
    assert event.props == {"total": "5", "plan": "pro"}
    unread = read(properties={"revenue": "9,90 €", "currency": "EUR"})
    assert (unread.revenue, unread.props) == (None, {"revenue": "9,90 €", "currency": "EUR"})


def test_the_context_describes_the_visitor() -> None:
    context = {
        "locale": "et_EE",
        "screen": {"width": 390, "height": 844, "density": 3},
        "userAgent": "UA",
        "ip": "192.0.2.1",
    }
    event = read(context=context)
    assert (event.language, event.screen, event.user_agent, event.address) == ("et-EE", "390x844", "UA", "192.0.2.1")
    assert not event.from_server


@pytest.mark.parametrize(
    ("said", "server"),
    [
        ({"context": {"library": {"name": "analytics-python"}}}, True),
        ({"context": {"library": {"name": "@segment/analytics-node"}}}, True),
        ({"channel": "server"}, True),
        ({"channel": "web", "context": {"library": {"name": "RudderLabs JavaScript SDK"}}}, False),
        ({"context": {"library": "analytics-python"}}, False),
    ],
)
def test_a_server_speaks_for_the_visitor(said: dict[str, Any], server: bool) -> None:
    assert read(**said).from_server is server


def test_the_first_time_that_the_client_gave_counts() -> None:
    event = read(originalTimestamp="2026-11-22T10:00:00Z", timestamp="2026-11-22T11:00:00Z")
    assert event.timestamp == dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
    assert read(timestamp="2015-2-02T00:30:08.276Z").timestamp is None


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"anonymousId": None}, Refusal.BAD_FIELD),
        ({"anonymousId": ""}, Refusal.BAD_FIELD),
        ({"event": None}, Refusal.NO_NAME),
        ({"event": ["a"]}, Refusal.NO_NAME),
        ({"event": "x" * 129}, Refusal.BAD_NAME),
        ({"type": None}, Refusal.BAD_FIELD),
        ({"type": "batch"}, Refusal.BAD_FIELD),
        ({"type": ["track"]}, Refusal.BAD_FIELD),
    ],
)
def test_a_message_without_what_it_must_have_is_refused(message: dict[str, Any], code: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        read(**message)
    assert refused.value.code is code


def test_an_id_of_nobody_is_no_id() -> None:
    assert read(anonymousId="undefined", userId="null") == read(anonymousId="null")
    assert read(anonymousId="undefined").client_id == ""


PATHS = sorted({path for paths in segment.KEYS.values() for path in paths})


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} as {"a": {"b": 1}}; a value that is no object stays where it is."""
    message: dict[str, Any] = {}
    for path, value in values.items():
        *outer, last = path.split(".")
        place = message
        for key in outer:
            inner = place.setdefault(key, {})
            place = inner if isinstance(inner, dict) else {}
        place[last] = value
    return message


@given(
    st.dictionaries(st.sampled_from(PATHS), VALUES), st.sampled_from(["track", "page", "identify", "group", "alias"])
)
@settings(max_examples=500, deadline=None)
def test_whatever_the_fields_hold_the_message_is_read_or_refused(values: dict[str, Any], kind: str) -> None:
    message = {"event": "x", "userId": "u"} | nested(values)
    for payload in (json.dumps(message | {"type": kind}), json.dumps([message, {"type": kind, "context": values}])):
        with contextlib.suppress(Refused):
            said = repr(segment.read(payload))
            assert "\\x00" not in said
            said.encode()
    for path, body in (("/v1/track", message), ("/v1/batch", {"batch": [message]} | nested(values)), ("/v1/b", values)):
        with contextlib.suppress(Refused):
            for event in segment.split(wire.Request("POST", path, "", {}, json.dumps(body).encode())).events:
                segment.read(event.payload)
