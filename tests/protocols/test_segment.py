"""Segment's HTTP API: whose messages a request holds, and what is answered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from analytics.events import Refusal, Refused
from analytics.protocols import segment, wire

TRACK: dict[str, Any] = {"type": "track", "event": "Signed Up", "anonymousId": "anon-1"}


def sent(path: str, body: object, query: str = "", **headers: str) -> wire.Request:
    return wire.Request("POST", path, query, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


def refused(request: wire.Request) -> Refused:
    with pytest.raises(Refused) as refused:
        segment.split(request)
    return refused.value


# Whose they are.


@pytest.mark.parametrize("user", ["WK:", "WK", "WK:ignored"])
def test_the_write_key_is_the_user_of_basic_authorization(user: str) -> None:
    batch = segment.split(sent("/v1/track", TRACK | {"writeKey": "other"}, "writeKey=third", authorization=basic(user)))
    assert [event.site for event in batch.events] == ["WK"]


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer eyJ0"}, {"authorization": "Basic ???"}, {"authorization": basic(":")}]
)
def test_else_it_is_in_the_body_or_the_query_string(headers: dict[str, str]) -> None:
    batch = {"batch": [TRACK | {"writeKey": "item"}]}
    found = [
        segment.split(sent("/v1/batch", batch | {"writeKey": "body"}, "writeKey=query", **headers)),
        segment.split(sent("/v1/batch", batch, "writeKey=query", **headers)),
        segment.split(sent("/beacon/v1/batch", {"batch": [TRACK]}, "writeKey=query", **headers)),
    ]
    assert [one.events[0].site for one in found] == ["body", "item", "query"]


def test_without_a_write_key_the_request_is_refused() -> None:
    assert refused(sent("/v1/track", TRACK)).code is Refusal.NO_SITE


def test_a_bearer_token_counts_only_when_it_is_a_secret_key_of_ours() -> None:
    message = TRACK | {"writeKey": "WK"}
    assert segment.split(sent("/v1/track", message, authorization="Bearer sk_1")).foreign_secret == "sk_1"
    assert segment.split(sent("/v1/track", message, authorization="Bearer eyJhbGciOi")).foreign_secret == ""


# What a request holds.


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/v1/identify", "identify"), ("/v1/t", "track"), ("/v1/p/", "page"), ("/v1/s", "screen"), ("/v1/group", "group"),
     ("/v1/a", "alias"), ("/v1/i", "identify"), ("/v1/g", "group"), ("/v1/merge", "merge")],
)  # fmt: skip
def test_the_path_says_what_a_single_message_is(path: str, kind: str) -> None:
    names = {"page": "pageview", "screen": "pageview", "track": "Signed Up"}
    for said in ({}, {"type": "track"}, {"type": None}, {"type": kind}):
        message = {"event": "Signed Up", "userId": "u", "writeKey": "WK"} | said
        (event,) = segment.split(sent(path, message)).events
        assert segment.read(event.payload).name == names.get(kind, kind)


def test_a_message_that_says_its_type_is_kept_as_it_came() -> None:
    body = b' {"type":"track", "event":"\xc3\xa9", "userId":"u", "writeKey":"WK", "unknown": 1.0} '
    (event,) = segment.split(sent("/v1/track", b"\xef\xbb\xbf" + body)).events
    assert event.payload == body.decode()


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch", "/v1/batch/"])
def test_the_messages_of_a_batch_are_kept_as_they_came(path: str) -> None:
    body = b'{"writeKey":"WK","batch":[ {"type":"track", "event":"a"} , {"type" : "page"}],"sentAt":"x","context":{}}'
    batch = segment.split(sent(path, body))
    assert [event.payload for event in batch.events] == ['{"type":"track", "event":"a"}', '{"type" : "page"}']


def test_what_a_batch_shares_belongs_to_each_message_and_its_own_words_go_first() -> None:
    body = {
        "writeKey": "WK",
        "context": {"locale": "et", "ip": "192.0.2.1", "page": {"url": "https://a.example/", "title": "Shared"}},
        "integrations": {"All": False},
        "batch": [TRACK, TRACK | {"context": {"locale": "en", "page": {"title": "Own"}}}],
    }
    one, other = (segment.read(event.payload) for event in segment.split(sent("/v1/batch", body)).events)
    assert (one.language, one.url, one.title, one.address) == ("et", "https://a.example/", "Shared", "192.0.2.1")
    assert (other.language, other.url, other.title) == ("en", "https://a.example/", "Own")


def test_a_small_batch_whose_context_would_grow_large_is_refused() -> None:
    body = {"writeKey": "WK", "context": {"a": "x" * 30_000}}
    assert refused(sent("/v1/batch", body | {"batch": [{}] * 150})).code is Refusal.TOO_LARGE
    assert len(segment.split(sent("/v1/batch", body | {"batch": [{}] * 100})).events) == 100


def test_the_client_says_when_it_sent() -> None:
    at = "2026-11-22T23:34:31.234+00:00"
    assert segment.split(sent("/v1/track", TRACK | {"writeKey": "WK", "sentAt": at})).sent_at == at.replace(
        "234", "234000"
    )
    batch = {"writeKey": "WK", "batch": [TRACK | {"sentAt": at}]}
    assert segment.split(sent("/v1/batch", batch)).sent_at == at.replace("234", "234000")
    assert (
        segment.split(sent("/v1/batch", batch | {"sentAt": "2026-01-01T00:00:00Z"})).sent_at
        == "2026-01-01T00:00:00+00:00"
    )


@pytest.mark.parametrize("at", [None, "yesterday", True, {}, [1], "0000-00-00T00:00:00Z"])
def test_a_clock_that_cannot_be_read_costs_nothing_but_the_correction(at: object) -> None:
    assert segment.split(sent("/v1/track", TRACK | {"writeKey": "WK", "sentAt": at})).sent_at is None


def test_a_batch_has_as_many_messages_as_segment_allows() -> None:
    body = {"writeKey": "WK", "batch": [{}] * 2500}
    assert len(segment.split(sent("/v1/batch", body)).events) == 2500
    assert refused(sent("/v1/batch", {"writeKey": "WK", "batch": [{}] * 2501})).code is Refusal.TOO_MANY_EVENTS


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Refusal.BAD_JSON),
        (b"{", Refusal.BAD_JSON),
        (b"[]", Refusal.BAD_FIELD),
        (b'{"writeKey":"WK"}', Refusal.NO_EVENTS),
        (b'{"writeKey":"WK","batch":[]}', Refusal.NO_EVENTS),
        (b'{"writeKey":"WK","batch":{}}', Refusal.BAD_FIELD),
        (b'{"writeKey":"WK","batch":' + b"[" * 100_000, Refusal.BAD_JSON),
        (b"\xff", Refusal.BAD_JSON),
    ],
)
def test_what_is_no_batch_is_refused(body: bytes, code: Refusal) -> None:
    assert refused(sent("/v1/batch", body)).code is code


# What is answered.


def outcomes(*codes: Refusal | None) -> list[wire.Outcome]:
    return [wire.Outcome(n, code, "Why." if code else "") for n, code in enumerate(codes)]


@pytest.mark.parametrize("codes", [(None,), (None, Refusal.NO_NAME), (Refusal.NO_NAME,) * 2, (Refusal.OPTED_OUT,)])
def test_a_batch_is_answered_200(codes: tuple[Refusal | None, ...]) -> None:
    reply = segment.answer(sent("/v1/batch", {}), wire.Batch(()), outcomes(*codes))
    assert (reply.status, json.loads(reply.body)) == (200, {"success": True})


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/v1/track", Refusal.NO_NAME, 400),
        ("/v1/t", Refusal.TOO_LARGE, 400),
        ("/v1/batch", Refusal.UNKNOWN_SITE, 401),
        ("/v1/batch", Refusal.BAD_KEY, 401),
        ("/v1/batch", Refusal.SUSPENDED, 403),
    ],
)
def test_an_error_has_a_code_and_a_message_on_top(path: str, code: Refusal, status: int) -> None:
    reply = segment.answer(sent(path, {}), wire.Batch(()), outcomes(code, code))
    assert reply.status == status
    assert json.loads(reply.body) == {"success": False, "code": code.value, "message": "Why."}


def test_a_missing_write_key_is_401_as_at_rudderstack() -> None:
    assert segment.refuse(sent("/v1/t", {}), Refused(Refusal.NO_SITE, "No."), 400).status == 401
    assert segment.refuse(sent("/v1/t", {}), Refused(Refusal.BAD_JSON, "No."), 400).status == 400
