"""What PostHog's events come to."""

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
from analytics.protocols import posthog, wire
from tests.protocols.test_recount import VALUES
from tests.protocols.test_segment_messages import nested

# The properties of posthog-js that matter here.
BROWSER: dict[str, Any] = {
    "$lib": "web", "$current_url": "https://a.example/x?q=1", "$pathname": "/x", "$referrer": "https://b.example/",
    "$screen_width": 1920, "$screen_height": 1080, "$browser_language": "et-EE", "$raw_user_agent": "UA",
    "$ip": "192.0.2.1", "$device_id": "d-1", "distinct_id": "d-1", "token": "phc_A", "$is_identified": False,
    "$session_id": "s", "gclid": None, "utm_source": None,
}  # fmt: skip


def read(event: str = "clicked", properties: dict[str, Any] | None = None, **top: Any) -> ClientEvent:
    return posthog.read(json.dumps({"event": event, "properties": BROWSER | (properties or {})} | top))


def test_a_custom_event_keeps_its_name_and_the_senders_own_properties() -> None:
    given = {"plan": "pro", "n": None, "nested": {"a": 1}, "title": "T", "list": [1]}
    uuid, at = "51b55c6c-1a42-4aaa-91d8-523616fbbb29", "2026-11-22T23:35:05.543273+00:00"
    assert read("signup", given, uuid=uuid, timestamp=at) == ClientEvent(
        name="signup",
        url="https://a.example/x?q=1",
        referrer="https://b.example/",
        event_id=UUID(uuid),
        timestamp=dt.datetime(2026, 11, 22, 23, 35, 5, 543_273, dt.UTC),
        client_id="d-1",
        props={"plan": "pro", "nested.a": "1", "title": "T"},
        screen="1920x1080",
        language="et-EE",
        user_agent="UA",
        address="192.0.2.1",
    )


def test_a_pageview_has_a_title() -> None:
    event = read("$pageview", {"title": "Tere", "x": 1})
    assert (event.name, event.title, event.props, event.interactive) == ("pageview", "Tere", {"x": "1"}, True)


def test_a_screen_is_a_pageview_of_an_app() -> None:
    app = {"$current_url": None, "$pathname": None, "$screen_name": "Cart", "$app_namespace": "com.example.shop"}
    event = read("$screen", app)
    assert (event.name, event.url, event.interactive) == ("pageview", "http://com.example.shop/Cart", True)
    assert read("$screen", app | {"$app_namespace": None}).url == "/Cart"
    assert read("opened", app).url == "http://com.example.shop/Cart"


def test_leaving_a_page_tells_how_long_and_how_far_it_was_read() -> None:
    left = {
        "$prev_pageview_duration": 3.518,
        "$prev_pageview_max_scroll_percentage": 0.4,
        "$prev_pageview_max_content_percentage": 0.66,
    }
    event = read("$pageleave", left)
    assert (event.name, event.engagement_ms, event.scroll_percent) == ("engagement", 3518, 66)
    assert not event.interactive
    assert read("$pageleave", left | {"$prev_pageview_max_content_percentage": None}).scroll_percent == 40
    assert read("$pageleave").engagement_ms == 0
    # What a page view tells of the page before it belongs to that page.
    assert (read("$pageview", left).engagement_ms, read("$pageview", left).scroll_percent) == (0, 0)


def test_web_vitals_are_named_as_everywhere() -> None:
    vitals = {
        "$web_vitals_LCP_value": 1234.5, "$web_vitals_CLS_value": 0.02, "$web_vitals_INP_value": 40,
        "$web_vitals_FCP_value": 800, "$web_vitals_LCP_event": {"name": "LCP"},
    }  # fmt: skip
    event = read("$web_vitals", vitals)
    assert (event.name, event.interactive) == ("web_vitals", False)
    assert event.props == {"lcp": "1234.5", "inp": "40", "fcp": "800", "cls": "0.02"}


def test_identifying_tells_who_the_visitor_is() -> None:
    # posthog-js puts what it knows of the page among the traits.
    page = {"$initial_current_url": "https://a.example/", "utm_source": "nl", "gclid": "abc", "$os": "Linux"}
    traits = {"$anon_distinct_id": "d-1", "$set": {"tier": "gold", "n": 1} | page, "$set_once": {"n": 0, "from": "ad"}}
    event = read("$identify", traits, distinct_id="u-42")
    assert (event.name, event.interactive) == ("identify", False)
    assert (event.user_id, event.client_id) == ("u-42", "d-1")
    assert event.props == {"n": "1", "from": "ad", "tier": "gold"}


@pytest.mark.parametrize(
    ("event", "properties", "props"),
    [
        ("$set", {"$set": {"tier": "gold"}}, {"tier": "gold"}),
        ("$groupidentify", {"$group_type": "company", "$group_key": "acme", "$group_set": {"name": "Acme"}},
         {"group_type": "company", "group_id": "acme", "name": "Acme"}),
        ("$create_alias", {"alias": "u-42"}, {}),
        ("$autocapture", {"$event_type": "click", "$elements": [{"tag_name": "a"}]}, {}),
        ("$feature_flag_called", {"$feature_flag": "f"}, {}),
        ("$exception", {"$exception_list": [{"type": "Error"}]}, {}),
    ],
)  # fmt: skip
def test_posthogs_own_events_keep_their_names_and_are_not_interactive(
    event: str, properties: dict[str, Any], props: dict[str, str]
) -> None:
    said = read(event, properties)
    assert (said.name, said.interactive, said.props) == (event, False, props)


@pytest.mark.parametrize(
    ("properties", "ids"),
    [
        ({}, ("d-1", "")),
        ({"distinct_id": "u-42", "$is_identified": True, "$user_id": "u-42"}, ("d-1", "u-42")),
        ({"distinct_id": "u-42", "$is_identified": None, "$user_id": "u-42"}, ("d-1", "u-42")),
        ({"distinct_id": "u-42", "$is_identified": None}, ("d-1", "u-42")),
        ({"distinct_id": "another", "$is_identified": False}, ("d-1", "")),
        ({"$device_id": None, "$is_identified": None}, ("d-1", "")),
        ({"$device_id": None, "$is_identified": "true"}, ("d-1", "d-1")),
        ({"distinct_id": "$posthog_cookieless", "$device_id": None}, ("", "")),
        ({"$cookieless_mode": True}, ("", "")),
        ({"distinct_id": "undefined", "$device_id": None}, ("", "")),
        ({"$is_server": True, "$device_id": None}, ("d-1", "d-1")),
        ({"$lib": "posthog-node", "$device_id": None}, ("d-1", "d-1")),
        ({"$lib": "posthog-node", "$device_id": None, "$process_person_profile": False}, ("d-1", "")),
    ],
)
def test_the_distinct_id_is_the_clients_until_the_visitor_is_identified(
    properties: dict[str, Any], ids: tuple[str, str]
) -> None:
    event = read("clicked", properties)
    assert (event.client_id, event.user_id) == ids


@pytest.mark.parametrize("name", ["$groupidentify", "$create_alias"])
def test_what_a_server_tells_of_a_group_or_an_alias_is_no_visit_of_anybody(name: str) -> None:
    # Its distinct id is random for a group, and for an alias the new or the old one, as the client has it.
    event = read(name, {"$is_server": True, "$device_id": None})
    assert (event.client_id, event.user_id) == ("", "")
    assert read(name).client_id == "d-1"


@pytest.mark.parametrize(
    ("properties", "server"),
    [({}, False), ({"$is_server": True}, True), ({"$lib": "posthog-python"}, True), ({"$lib": "posthog-ios"}, False),
     ({"$lib": "posthog-node", "$is_server": False}, False), ({"$lib": 5}, False)],
)  # fmt: skip
def test_a_server_speaks_for_the_visitor(properties: dict[str, Any], server: bool) -> None:
    assert read("x", properties).from_server is server


def test_campaigns_go_into_an_address_that_has_none_and_are_no_properties() -> None:
    campaign = {"utm_source": "nl", "utm_campaign": "spring", "gclid": "abc"}
    event = read("$pageview", campaign)
    assert event.url == "https://a.example/x?q=1&utm_source=nl&utm_campaign=spring"
    assert event.props == {}
    tagged = "https://a.example/?utm_source=own"
    assert read("$pageview", campaign | {"$current_url": tagged}).url == tagged


def test_a_direct_visit_has_no_referrer() -> None:
    assert read("$pageview", {"$referrer": "$direct"}).referrer == ""


@pytest.mark.parametrize(
    ("properties", "money", "props"),
    [
        ({"revenue": 9.9, "currency": "eur"}, (Decimal("9.9000"), "EUR"), {}),
        ({"$revenue": "9.9", "plan": "pro"}, (Decimal("9.9000"), "USD"), {"plan": "pro"}),
        ({"revenue": "much", "currency": "EUR"}, (None, ""), {"revenue": "much", "currency": "EUR"}),
    ],
)
def test_any_event_may_have_a_revenue(properties: dict[str, Any], money: Any, props: dict[str, str]) -> None:
    event = read("bought", properties)
    assert ((event.revenue, event.currency), event.props) == (money, props)


def test_an_insert_id_stands_in_for_a_uuid() -> None:
    assert read("x", {"$insert_id": "abc"}).event_id == read("x", {"$insert_id": "abc"}, uuid="").event_id is not None
    assert read("x", {"$insert_id": "abc"}).event_id != read("x", {"$insert_id": "abd"}).event_id


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"distinct_id": "u"}, Refusal.NO_NAME),
        ({"event": " ", "distinct_id": "u"}, Refusal.NO_NAME),
        ({"event": {}, "distinct_id": "u"}, Refusal.NO_NAME),
        ({"event": "x" * 129, "distinct_id": "u"}, Refusal.BAD_NAME),
        ({"event": "x"}, Refusal.BAD_FIELD),
        ({"event": "x", "distinct_id": "", "properties": {"distinct_id": None}}, Refusal.BAD_FIELD),
        ({"event": "x", "properties": ["distinct_id"]}, Refusal.BAD_FIELD),
        ([], Refusal.BAD_FIELD),
    ],
)
def test_an_event_without_a_name_or_a_distinct_id_is_refused(event: Any, code: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        posthog.read(json.dumps(event))
    assert refused.value.code is code


PATHS = sorted({path for paths in posthog.KEYS.values() for path in paths})
NAMES = [
    "x",
    "$pageview",
    "$screen",
    "$pageleave",
    "$identify",
    "$web_vitals",
    "$set",
    "$groupidentify",
    "$create_alias",
]


@given(st.dictionaries(st.sampled_from(PATHS), VALUES), st.sampled_from(NAMES))
@settings(max_examples=500, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(values: dict[str, Any], name: str) -> None:
    event = {"distinct_id": "u"} | nested(values) | {"event": name}
    for payload in (json.dumps(event), json.dumps([event, {"$lib": "posthog-rs"}])):
        with contextlib.suppress(Refused):
            said = repr(posthog.read(payload))
            assert "\\x00" not in said
            said.encode()
    for body in (event, [event, values], {"api_key": "A", "batch": [event]} | nested(values)):
        with contextlib.suppress(Refused):
            request = wire.Request("POST", "/e/", "token=A", {}, json.dumps(body).encode())
            for addressed in posthog.split(request).events:
                posthog.read(addressed.payload)
