"""Our own format: POST /v1/events."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Limits, Refusal, Refused
from analytics.protocols import recount, wire

REQUEST = wire.Request("POST", "/v1/events", "", {}, b"")
BATCH = wire.Batch(())


def sent(body: object, **headers: str) -> wire.Request:
    raw = body if isinstance(body, str) else json.dumps(body)
    return wire.Request("POST", "/v1/events", "", headers, raw.encode())


def read(**event: Any) -> ClientEvent:
    return recount.read(json.dumps({"name": "pageview"} | event))


def refusal_of(call: Any, given: Any) -> Refusal:
    with pytest.raises(Refused) as caught:
        call(given)
    return caught.value.code


def test_every_field_has_its_place() -> None:
    event = {
        "name": "purchase",
        "url": "https://example.com/done?utm_source=nl#top",
        "referrer": "https://news.example/",
        "title": "Done",
        "event_id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "timestamp": "2026-11-20T12:00:00Z",
        "visitor_id": "v-1",
        "user_id": 7,
        "props": {"plan": "pro", "seats": 3, "trial": False},
        "revenue": {"amount": "19.90", "currency": "eur"},
        "interactive": False,
        "engagement_ms": 1500.7,
        "scroll": 150,
        "screen": "1920x1080",
        "language": "et-EE",
        "hash": True,
        "user_agent": "Mozilla/5.0",
        "ip": "203.0.113.9",
        "site_id": 5,
        "country": "US",
        "received_at": "1999-01-01T00:00:00Z",
    }
    assert recount.read(json.dumps(event)) == ClientEvent(
        name="purchase",
        url="https://example.com/done?utm_source=nl#top",
        referrer="https://news.example/",
        title="Done",
        event_id=uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        timestamp=dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC),
        client_id="v-1",
        user_id="7",
        props={"plan": "pro", "seats": "3", "trial": "false"},
        revenue=Decimal("19.9000"),
        currency="EUR",
        interactive=False,
        engagement_ms=1500,
        scroll_percent=100,
        screen="1920x1080",
        language="et-EE",
        fragment=True,
        user_agent="Mozilla/5.0",
        address="203.0.113.9",
    )


def test_texts_are_cut() -> None:
    event = read(referrer="r" * 3000, title="t" * 600, language="l" * 50, user_agent="u" * 600, ip="1" * 100)
    texts = (event.referrer, event.title, event.language, event.user_agent, event.address)
    assert [len(text) for text in texts] == [2048, 512, 35, 512, 64]


def test_a_name_is_enough() -> None:
    assert recount.read('{"name":"signup"}') == ClientEvent(name="signup")


def test_fields_may_be_null() -> None:
    nulls = dict.fromkeys(
        ("url", "referrer", "title", "event_id", "timestamp", "visitor_id", "props", "revenue", "screen")
    )
    assert read(**nulls) == ClientEvent(name="pageview")


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"name": ""}, Refusal.NO_NAME),
        ({"name": " "}, Refusal.NO_NAME),
        ({"name": "x" * 129}, Refusal.BAD_NAME),
        ({"name": 5}, Refusal.BAD_FIELD),
        ({"url": "javascript:alert(1)"}, Refusal.BAD_URL),
        ({"url": 5}, Refusal.BAD_FIELD),
        ({"event_id": 5}, Refusal.BAD_FIELD),
        ({"event_id": "x" * 257}, Refusal.BAD_EVENT_ID),
        ({"timestamp": "now"}, Refusal.BAD_TIMESTAMP),
        ({"timestamp": True}, Refusal.BAD_FIELD),
        ({"timestamp": []}, Refusal.BAD_FIELD),
        ({"visitor_id": {}}, Refusal.BAD_FIELD),
        ({"props": []}, Refusal.BAD_FIELD),
        ({"props": "x"}, Refusal.BAD_FIELD),
        ({"props": {"a": {"b": 1}}}, Refusal.BAD_PROPS),
        ({"props": {"a": [1]}}, Refusal.BAD_PROPS),
        ({"props": {str(n): n for n in range(101)}}, Refusal.BAD_PROPS),
        ({"revenue": 5}, Refusal.BAD_FIELD),
        ({"revenue": {"amount": 5}}, Refusal.BAD_FIELD),
        ({"revenue": {"amount": True, "currency": "EUR"}}, Refusal.BAD_FIELD),
        ({"revenue": {"amount": 5, "currency": "€"}}, Refusal.BAD_REVENUE),
        ({"revenue": {"amount": "12,5", "currency": "EUR"}}, Refusal.BAD_REVENUE),
        ({"interactive": "no"}, Refusal.BAD_FIELD),
        ({"engagement_ms": "100"}, Refusal.BAD_FIELD),
    ],
)
def test_an_event_that_is_wrong_is_refused_with_a_code(event: dict[str, Any], code: Refusal) -> None:
    assert refusal_of(recount.read, json.dumps({"name": "pageview"} | event)) is code


def test_events_keep_their_own_text() -> None:
    body = '{ "site":"a.example", "x":[1], "events":[ {"name" : "caf\\u00e9"} , 5,"\\u0000"], "sent_at":1700000000 }'
    batch = recount.split(sent(body))
    assert [event.payload for event in batch.events] == ['{"name" : "caf\\u00e9"}', "5", '"\\u0000"']
    assert {event.site for event in batch.events} == {"a.example"}
    assert batch.sent_at == 1700000000


def test_events_keep_their_own_text_around_half_an_emoji() -> None:
    body = r'{"site":"\ud83d","events":[{"name":"\ufffd"},{"name":"\ud83d"},{"name":"\ud83d"},{"name":"é"}]}'
    batch = recount.split(sent(body))
    payloads = [event.payload for event in batch.events]
    assert payloads == [r'{"name":"\ufffd"}', r'{"name":"\ud83d"}', r'{"name":"\ud83d"}', '{"name":"é"}']
    assert [recount.read(payload).name for payload in payloads] == ["\ufffd", "\ufffd", "\ufffd", "é"]


def test_nul_is_stored_as_a_replacement_while_the_payload_stays_as_it_came() -> None:
    event = r'{"name":"a\u0000","url":"/\u0000","title":"\u0000","props":{"\u0000":"\u0000"}}'
    (received,) = recount.split(sent(f'{{"site":"a.example","events":[{event}]}}')).events
    assert r"\u0000" in received.payload
    assert "\0" not in received.payload
    said = recount.read(received.payload)
    assert (said.name, said.url, said.title, said.props) == ("a\ufffd", "/\ufffd", "\ufffd", {"\ufffd": "\ufffd"})


def test_the_site_may_be_a_number_and_the_last_of_two_counts() -> None:
    assert recount.split(sent('{"site":"a","site":7,"events":[{}]}')).events[0].site == "7"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{}", Refusal.NO_EVENTS),
        ('{"site":"a","events":[]}', Refusal.NO_EVENTS),
        ('{"events":[{}]}', Refusal.NO_SITE),
        ('{"site":"","events":[{}]}', Refusal.NO_SITE),
        ("[]", Refusal.BAD_FIELD),
        ("null", Refusal.BAD_FIELD),
        ("1", Refusal.BAD_FIELD),
        ('"x"', Refusal.BAD_FIELD),
        ("true", Refusal.BAD_FIELD),
        ('{"site":["a"],"events":[{}]}', Refusal.BAD_FIELD),
        ('{"site":"a","events":{}}', Refusal.BAD_FIELD),
        ('{"site":"a","sent_at":{},"events":[{}]}', Refusal.BAD_FIELD),
        ("", Refusal.BAD_JSON),
        ('{"site":"a","events":[{},]}', Refusal.BAD_JSON),
        ('{"site":"a","events":[NaN]}', Refusal.BAD_JSON),
    ],
)
def test_a_request_that_is_wrong_as_a_whole_is_refused(body: str, code: Refusal) -> None:
    assert refusal_of(recount.split, sent(body)) is code


def test_a_request_has_up_to_the_limit_of_events() -> None:
    def body(events: int) -> dict[str, Any]:
        return {"site": "a", "events": [{}] * events}

    assert len(recount.split(sent(body(Limits.EVENTS_PER_REQUEST))).events) == Limits.EVENTS_PER_REQUEST
    assert refusal_of(recount.split, sent(body(Limits.EVENTS_PER_REQUEST + 1))) is Refusal.TOO_MANY_EVENTS


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer sk_1", "sk_1"),
        ("bearer  sk_1 ", "sk_1"),
        ("Basic sk_1", ""),
        ("sk_1", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_the_secret_key_is_a_bearer_token(header: str, secret: str) -> None:
    assert recount.split(sent({"site": "a", "events": [{}]}, authorization=header)).secret == secret


def test_the_answer_counts_what_was_accepted_and_lists_what_was_not() -> None:
    reply = recount.answer(
        REQUEST, BATCH, [wire.Outcome(0), wire.Outcome(1, Refusal.NO_NAME, "Give it one."), wire.Outcome(2)]
    )
    assert reply.status == 202
    assert json.loads(reply.body) == {
        "accepted": 2,
        "rejected": [{"index": 1, "code": "no_name", "message": "Give it one."}],
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [(Refusal.UNKNOWN_SITE, 400), (Refusal.BAD_KEY, 401), (Refusal.SUSPENDED, 403), (Refusal.OPTED_OUT, 403)],
)
def test_a_wrong_site_is_the_whole_requests_matter(code: Refusal, status: int) -> None:
    reply = recount.answer(REQUEST, BATCH, [wire.Outcome(0, code, "No."), wire.Outcome(1, code, "No.")])
    assert reply.status == status
    assert json.loads(reply.body) == {"error": {"code": code.value, "message": "No."}}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(recount._Event.__struct_fields__)), VALUES))
@settings(max_examples=300, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(event: dict[str, Any]) -> None:
    try:
        said = recount.read(json.dumps(event))
    except Refused:
        return
    # What was read can be stored: it goes through UTF-8 and has no NUL.
    assert b"\\u0000" not in msgspec.json.encode(said)
