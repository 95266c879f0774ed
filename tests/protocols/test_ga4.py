"""Google's Measurement Protocol for GA4."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import ga4, google, wire
from tests.protocols.test_recount import VALUES

CLIENT = "1234567890.1700000000"
QUERY = "measurement_id=G-TEST123&api_secret=s3cret"


def request(body: object, query: str = QUERY) -> wire.Request:
    raw = body if isinstance(body, str) else json.dumps(body)
    return wire.Request("POST", "/mp/collect", query, {}, raw.encode())


def split(*events: object, query: str = QUERY, **envelope: Any) -> wire.Batch:
    return ga4.split(request({"client_id": CLIENT, "events": list(events)} | envelope, query))


def read(name: str = "x", envelope: dict[str, Any] | None = None, /, **params: Any) -> ClientEvent:
    event = {"name": name, "params": params}
    (addressed,) = split(event, **(envelope or {})).events
    return ga4.read(addressed.payload)


def refused(call: Any) -> Refusal:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_every_parameter_has_its_place() -> None:
    body = {
        "client_id": CLIENT,
        "user_id": "u42",
        "timestamp_micros": 1795372027000000,
        "user_properties": {"plan": {"value": "pro", "timestamp_micros": 1}, "seats": {"value": 3}, "gone": None},
        "device": {"category": "mobile", "language": "et", "screen_resolution": "412x892", "browser": "Chrome"},
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "ip_override": "203.0.113.7",
        "user_location": {"country_id": "EE"},
        "consent": {"ad_user_data": "DENIED"},
        "user_data": {"sha256_email_address": ["ab12"]},
        "events": [
            {
                "name": "page_view",
                "params": {
                    "page_location": "https://shop.example/a?utm_source=nl#top",
                    "page_referrer": "https://news.example/",
                    "page_title": "Hellö",
                    "session_id": 1795390027,
                    "engagement_time_msec": "100",
                    "page_type": "landing",
                    "debug_mode": True,
                },
            }
        ],
    }
    (event,) = ga4.split(request(body)).events
    assert event.site == "G-TEST123"
    assert ga4.read(event.payload) == ClientEvent(
        name="pageview",
        url="https://shop.example/a?utm_source=nl#top",
        referrer="https://news.example/",
        title="Hellö",
        timestamp=dt.datetime(2026, 11, 22, 18, 27, 7, tzinfo=dt.UTC),
        client_id=CLIENT,
        user_id="u42",
        props={"page_type": "landing", "plan": "pro", "seats": "3"},
        engagement_ms=100,
        screen="412x892",
        language="et",
        from_server=True,
        user_agent="Mozilla/5.0 (X11; Linux x86_64)",
        address="203.0.113.7",
    )


def test_the_site_is_a_web_stream_or_an_app_and_the_secret_is_anothers() -> None:
    web = split({"name": "x"})
    assert ([event.site for event in web.events], web.foreign_secret, web.secret) == (["G-TEST123"], "s3cret", "")
    app = split({"name": "x"}, query="firebase_app_id=1:2:android:3")
    assert ([event.site for event in app.events], app.foreign_secret) == (["1:2:android:3"], "")


def test_events_are_kept_as_they_came_with_what_they_share_but_without_hashed_addresses() -> None:
    body = (
        '{"client_id": "1.2", "user_data": {"sha256_email_address": "ab12"},'
        ' "events": [ {"name": "a",  "params": {"x": 1.50}}, {"params":{"y":"\\u00e4"},"name":"b"} ], "zz": [ 1 ]}'
    )
    assert [event.payload for event in ga4.split(request(body)).events] == [
        '[{"name": "a",  "params": {"x": 1.50}},{"client_id":"1.2","zz":[ 1 ]}]',
        '[{"params":{"y":"\\u00e4"},"name":"b"},{"client_id":"1.2","zz":[ 1 ]}]',
    ]


def test_a_single_event_may_come_without_a_list() -> None:
    (event,) = ga4.split(request({"client_id": CLIENT, "events": {"name": "late", "params": {"x": "1"}}})).events
    assert ga4.read(event.payload).name == "late"


def test_a_request_has_at_most_25_events() -> None:
    assert len(split(*[{"name": "x"}] * 25).events) == 25
    assert refused(lambda: split(*[{"name": "x"}] * 26)) is Refusal.TOO_MANY_EVENTS


@pytest.mark.parametrize(
    ("body", "query", "why"),
    [
        ("", QUERY, Refusal.BAD_JSON),
        ("name=x", QUERY, Refusal.BAD_JSON),
        ("[]", QUERY, Refusal.BAD_FIELD),
        ("null", QUERY, Refusal.BAD_FIELD),
        ("{}", QUERY, Refusal.NO_EVENTS),
        ('{"events":[]}', QUERY, Refusal.NO_EVENTS),
        ('{"events":"x"}', QUERY, Refusal.BAD_FIELD),
        ('{"events":[{"name":"x"}]}', "api_secret=s", Refusal.NO_SITE),
        ('{"events":[{"name":"x"}]}', "measurement_id=", Refusal.NO_SITE),
    ],
)
def test_a_request_without_events_or_a_site_is_refused(body: str, query: str, why: Refusal) -> None:
    assert refused(lambda: ga4.split(request(body, query))) is why


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, Refusal.NO_NAME),
        ({"name": ""}, Refusal.NO_NAME),
        ({"name": 5}, Refusal.NO_NAME),
        ({"name": "x" * 129}, Refusal.BAD_NAME),
        (5, Refusal.BAD_FIELD),
    ],
)
def test_an_event_without_a_name_is_refused_alone(event: object, why: Refusal) -> None:
    bad, good = split(event, {"name": "x"}).events
    assert refused(lambda: ga4.read(bad.payload)) is why
    assert ga4.read(good.payload).name == "x"


@pytest.mark.parametrize("nobody", [{"client_id": None}, {"client_id": ""}, {"client_id": [1]}])
def test_an_event_of_nobody_is_refused_as_google_drops_it(nobody: dict[str, Any]) -> None:
    assert refused(lambda: read("x", nobody)) is Refusal.BAD_FIELD


@pytest.mark.parametrize(
    ("ids", "client", "user"),
    [
        ({}, CLIENT, ""),
        ({"client_id": 12.5}, "12.5", ""),
        ({"client_id": None, "app_instance_id": "AB12"}, "AB12", ""),
        ({"client_id": None, "user_id": 7}, "", "7"),
        ({"user_id": "undefined"}, CLIENT, ""),
        ({"client_id": f"GA1.1.{CLIENT}"}, CLIENT, ""),
        ({"client_id": "GA1.1"}, "GA1.1", ""),
    ],
)
def test_a_visitor_is_a_browser_an_app_or_a_user(ids: dict[str, Any], client: str, user: str) -> None:
    event = read("x", ids)
    assert (event.client_id, event.user_id, event.from_server) == (client, user, True)


def test_the_moment_of_the_event_goes_before_that_of_the_request() -> None:
    # The seconds 8, 9 and 10 of 2026-11-22T18:27Z.
    first, second, third = 1795372028000000, 1795372029000000, 1795372030000000
    own = {"name": "x", "timestamp_micros": first, "params": {"timestamp_micros": second}}
    in_params = {"name": "x", "params": {"timestamp_micros": str(second)}}
    of_the_request: dict[str, Any] = {"name": "x", "timestamp_micros": "soon"}
    events = split(own, in_params, of_the_request, timestamp_micros=third).events
    moments = [ga4.read(event.payload).timestamp for event in events]
    assert [moment.second for moment in moments if moment] == [8, 9, 10]


def test_what_the_event_says_goes_before_the_device_of_the_request() -> None:
    device = {"device": {"language": "et", "screen_resolution": "412x892"}}
    event = read("x", device, language="en-us", screen_resolution="800x600")
    assert (event.language, event.screen) == ("en-US", "800x600")


@pytest.mark.parametrize("micros", [None, "", "soon", [], {}, True, -5, 0])
def test_a_moment_that_is_none_does_not_cost_the_event(micros: object) -> None:
    assert read("x", {"timestamp_micros": micros}).timestamp is None


@pytest.mark.parametrize("params", [None, [], "x", 5])
def test_parameters_that_are_none_do_not_cost_the_event(params: object) -> None:
    (event,) = split({"name": "x", "params": params}, user_properties=params, device=params).events
    assert ga4.read(event.payload).name == "x"


@pytest.mark.parametrize(("status", "answered"), [(400, 204), (413, 204), (401, 204), (429, 429), (503, 503)])
def test_the_answer_is_204_unless_trying_again_helps(status: int, answered: int) -> None:
    refusal = Refused(Refusal.BAD_JSON, "No.")
    reply = ga4.refuse(request(""), refusal, status)
    assert (reply.status, reply.body) == (answered, b"")
    dropped = wire.Outcome(0, Refusal.UNKNOWN_SITE, "No.")
    assert ga4.answer(request(""), wire.Batch(()), [dropped]).status == 204


ENVELOPE = ["client_id", "user_id", "timestamp_micros", "user_properties", "device", "user_agent", "ip_override"]
PARAMETERS = [key for keys in google.PARAMETERS.values() for key in keys]
NAMES = st.sampled_from(["purchase", "CLS", "campaign_details", "screen_view", "x"]) | VALUES


@given(
    st.dictionaries(st.sampled_from(ENVELOPE), VALUES),
    NAMES,
    st.dictionaries(st.sampled_from(PARAMETERS) | st.text(max_size=5), VALUES | st.dictionaries(st.text(), VALUES)),
    st.lists(st.dictionaries(st.sampled_from(["item_id", "price", "quantity"]), VALUES), max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(
    envelope: dict[str, Any], name: object, params: dict[str, Any], items: list[Any]
) -> None:
    body = json.dumps(envelope | {"events": [{"name": name, "params": params | {"items": items}}]})
    with contextlib.suppress(Refused):
        for event in ga4.split(request(body)).events:
            said = ga4.read(event.payload)
            texts = [said.name, said.url, said.title, said.referrer, said.client_id, *said.props.values(), *said.props]
            assert not any(char == "\0" or "\ud800" <= char <= "\udfff" for text in texts for char in text)
