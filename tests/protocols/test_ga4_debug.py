"""The validation server of Google's Measurement Protocol."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import Refused
from analytics.protocols import ga4_debug, wire
from tests.protocols.test_recount import VALUES

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)
MICROS = 1795608000000000
"""NOW."""
HOUR = 3600 * 10**6
WEB, APP = "measurement_id=G-TEST123&api_secret=s", "firebase_app_id=1:2:android:3&api_secret=s"
APP_ID = "0123456789abcdefABCDEF0123456789"


def said_of(body: object, query: str = WEB) -> list[tuple[str, str, str]]:
    """(code, path, description) of every message."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = wire.Request("POST", "/debug/mp/collect", query, {}, raw)
    found = ga4_debug.validate(request, NOW)
    return [(message.validation_code, message.field_path, message.description) for message in found]


def codes(body: object, query: str = WEB) -> list[tuple[str, str]]:
    return [(code, path) for code, path, _ in said_of(body, query)]


def named(name: object, query: str = WEB) -> list[tuple[str, str, str]]:
    return said_of({"client_id": "1.2", "app_instance_id": APP_ID, "events": [{"name": name}]}, query)


def test_a_good_request_has_nothing_against_it() -> None:
    params = {
        "page_location": "https://example.com/" + "a" * 980,
        "page_title": "t" * 300,
        "page_referrer": "https://example.com/" + "r" * 400,
        "session_id": "s" * 200,
        "engagement_time_msec": 100,
        "debug_mode": True,
        "currency": "EUR",
        "value": 5,
        "text": "x" * 100,
        "items": [{"item_id": "a", "price": 1.5, "quantity": 1, **{f"own_{n}": "x" for n in range(10)}}] * 200,
    }
    body = {
        "client_id": "1234567890.1700000000",
        "user_id": "u",
        "timestamp_micros": MICROS - 71 * HOUR,
        "user_properties": {f"property_{n}": {"value": "v" * 36, "timestamp_micros": MICROS} for n in range(25)},
        "user_data": {},
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
        "non_personalized_ads": False,
        "user_location": {"country_id": "EE"},
        "ip_override": "203.0.113.7",
        "device": {"category": "mobile"},
        "user_agent": "x",
        "validation_behavior": "ENFORCE_RECOMMENDATIONS",
        "events": [{"name": "purchase", "params": params, "timestamp_micros": str(MICROS)}],
    }
    assert said_of(body) == []
    assert said_of({"client_id": "x", "events": [{"name": "e" * 40}] * 25}) == []
    assert said_of({"app_instance_id": APP_ID, "events": {"name": "screen_view"}}, APP) == []


@pytest.mark.parametrize(
    ("name", "code", "description"),
    [
        (
            "_badEventName", "NAME_INVALID",
            "Event at index: [0] has invalid name [_badEventName]. Names must start with an alphabetic character.",
        ),
        (
            "campaign@details", "NAME_INVALID",
            "Event at index: [0] has invalid name [campaign@details]. Only alphanumeric characters and underscores are"
            " allowed.",
        ),
        ("session_start", "NAME_RESERVED", "Event at index: [0] has name [session_start] which is reserved."),
    ],
)  # fmt: skip
def test_names_are_refused_in_googles_words(name: str, code: str, description: str) -> None:
    assert named(name) == [(code, "events", description)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("e" * 41, "NAME_INVALID"), ("1st", "NAME_INVALID"), ("über", "NAME_INVALID"), ("a b", "NAME_INVALID"),
        ("error", "NAME_RESERVED"), ("user_engagement", "NAME_RESERVED"), ("screen_view", "NAME_RESERVED"),
        ("", "VALUE_REQUIRED"), (None, "VALUE_REQUIRED"), (5, "VALUE_REQUIRED"),
    ],
)  # fmt: skip
def test_an_event_has_a_name_that_is_not_reserved(name: object, code: str) -> None:
    assert [(found, path) for found, path, _ in named(name)] == [(code, "events")]


def test_every_name_that_google_reserves_is_told() -> None:
    # https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference#reserved_event_names
    reserved = [
        "ad_activeview", "ad_click", "ad_exposure", "ad_query", "ad_reward", "adunit_exposure", "app_clear_data",
        "app_exception", "app_install", "app_remove", "app_store_refund", "app_update", "app_upgrade",
        "dynamic_link_app_open", "dynamic_link_app_update", "dynamic_link_first_open", "error", "firebase_campaign",
        "firebase_in_app_message_action", "firebase_in_app_message_dismiss", "firebase_in_app_message_impression",
        "first_open", "first_visit", "notification_dismiss", "notification_foreground", "notification_open",
        "notification_receive", "notification_send", "os_update", "session_start", "user_engagement",
    ]  # fmt: skip
    for query in (WEB, APP):
        assert [name for name in reserved if [code for code, _, _ in named(name, query)] != ["NAME_RESERVED"]] == []


def test_no_more_of_a_name_is_given_back_than_shows_which_it_is() -> None:
    assert all("e" * 61 not in description for _, _, description in named("_" + "e" * 200))


def test_some_names_are_for_apps() -> None:
    assert named("in_app_purchase", APP) == []
    assert [code for code, _, _ in named("in_app_purchase")] == ["NAME_RESERVED"]


def test_whom_the_events_are_of_is_required_in_googles_words() -> None:
    events = {"events": [{"name": "x"}]}
    assert said_of(events) == [("VALUE_REQUIRED", "client_id", "Measurement requires a client_id.")]
    assert said_of(events, APP) == [("VALUE_REQUIRED", "app_instance_id", "Measurement requires an app_instance_id.")]
    assert said_of(events | {"app_instance_id": APP_ID[:30] + "g"}, APP) == [
        (
            "VALUE_INVALID", "app_instance_id",
            "Measurement app_instance_id is expected to be a 32 digit hexadecimal number but was [31] digits.",
        ),
        ("VALUE_INVALID", "app_instance_id", "Measurement app_instance_id contains non hexadecimal character [g]."),
    ]  # fmt: skip
    assert said_of({"client_id": "18", "validation_behavior": "ENFORCE_RECOMMENDATIONS"} | events) == [
        ("VALUE_INVALID", "client_id", "client_id [18] has invalid format. It should be in <number>.<number> format.")
    ]
    assert said_of({"client_id": "18"} | events) == []


def test_a_stream_is_required() -> None:
    missing = "Unable to find non-empty parameter [measurement_id] value in request."
    body = {"client_id": "1.2", "events": [{"name": "x"}]}
    assert said_of(body, "api_secret=s") == [("VALUE_REQUIRED", "measurement_id", missing)]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"name=x", b"[]", b"null", b"5", b'{"client_id":NaN}', b'{"a":' * 100_000, b"\xff", b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}", b"\x1f\x8b",
    ],
)  # fmt: skip
def test_what_is_no_object_cannot_be_parsed(body: bytes) -> None:
    ((code, path, description),) = said_of(body)
    assert (code, path) == ("VALUE_INVALID", "")
    assert description.startswith("Unable to parse Measurement Protocol JSON payload. ")


def test_fields_that_do_not_exist_are_told() -> None:
    body = {"clientId": "1", "client_id": "1.2", "events": [{"name": "x", "names": "y"}]}
    unreadable = "Unable to parse Measurement Protocol JSON payload."
    assert said_of(body) == [
        ("VALUE_INVALID", "", f"{unreadable} clientId: Cannot find field."),
        ("VALUE_INVALID", "", f"{unreadable} (events[0]) names: Cannot find field."),
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (None, [("VALUE_REQUIRED", "events")]),
        ([], [("VALUE_REQUIRED", "events")]),
        ("x", [("VALUE_REQUIRED", "events")]),
        ([{"name": "x"}] * 26, [("EXCEEDED_MAX_ENTITIES", "events")]),
        ([5], [("VALUE_INVALID", "")]),
        ([{"name": "x", "params": 5}], [("VALUE_INVALID", "")]),
        ([{"name": "x", "params": None}], []),
    ],
)
def test_there_are_one_to_25_events(events: object, expected: list[tuple[str, str]]) -> None:
    assert codes({"client_id": "1.2", "events": events}) == expected


def test_a_name_that_comes_twice_is_told() -> None:
    body = (
        b'{"client_id":"1.2","client_id":"1.2","events":[{"name":"x",'
        b'"params":{"a":1,"a":2,"b":{"c":1},"items":[{"price":1,"price":2}]}}],'
        b'"user_properties":{"p":{"value":1},"p":{"value":2}}}'
    )
    assert codes(body) == [
        ("NAME_DUPLICATED", ""),
        ("NAME_DUPLICATED", "user_properties"),
        ("NAME_DUPLICATED", "events[0].params"),
        ("VALUE_INVALID", "events[0].params.b"),
        ("NAME_DUPLICATED", "events[0].params.items[0]"),
    ]


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"validation_behavior": "STRICT"}, "validation_behavior"),
        ({"consent": {"ad_user_data": "yes"}}, "ad_user_data"),
        ({"consent": {"ad_personalization": []}}, "ad_personalization"),
    ],
)
def test_words_are_those_that_exist(field: dict[str, Any], path: str) -> None:
    assert codes({"client_id": "1.2", "events": [{"name": "x"}]} | field) == [("VALUE_INVALID", path)]


def test_the_answer_is_200_with_a_limited_number_of_messages() -> None:
    def answered(body: object) -> list[dict[str, str]]:
        reply = ga4_debug.reply(wire.Request("POST", "/", WEB, {}, json.dumps(body).encode()), lambda _: None)
        assert reply.status == 200
        assert list(json.loads(reply.body)) == ["validationMessages"]
        messages: list[dict[str, str]] = json.loads(reply.body)["validationMessages"]
        return messages

    assert answered({"client_id": "1.2", "events": [{"name": "x"}]}) == []
    (message,) = answered({"client_id": "1.2", "events": [{"name": "_x"}]})
    assert set(message) == {"fieldPath", "description", "validationCode"}
    assert (
        len(answered({"client_id": "1.2", "events": [{"name": "x", "params": {f"_{n}": 1 for n in range(500)}}]}))
        == 100
    )


@given(
    st.dictionaries(
        st.sampled_from(
            ["client_id", "user_properties", "timestamp_micros", "consent", "validation_behavior", "events"]
        ),
        VALUES,
    ),
    st.dictionaries(st.sampled_from(["name", "params", "timestamp_micros"]), VALUES),
    st.dictionaries(st.sampled_from(["items", "value", "currency", "x"]), VALUES | st.lists(VALUES, max_size=3)),
)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_told(body: dict[str, Any], event: dict[str, Any], params: dict[str, Any]) -> None:
    whole = {"events": [{"params": params} | event]} | body
    for query in (WEB, APP):
        with contextlib.suppress(Refused):
            reply = ga4_debug.reply(wire.Request("POST", "/", query, {}, json.dumps(whole).encode()), lambda _: None)
            assert reply.status == 200
