"""PostHog's capture API: whose events a request holds, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analytics.events import Refusal, Refused
from analytics.protocols import posthog, wire

EVENT: dict[str, Any] = {"event": "signup", "distinct_id": "u-42", "uuid": "51b55c6c-1a42-4aaa-91d8-523616fbbb29"}


def sent(body: object, path: str = "/batch/", query: str = "") -> wire.Request:
    return wire.Request("POST", path, query, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def sites(body: object, **request: str) -> list[str]:
    return [event.site for event in posthog.split(sent(body, **request)).events]


def refused(body: object, **request: str) -> Refused:
    with pytest.raises(Refused) as refused:
        posthog.split(sent(body, **request))
    return refused.value


@pytest.mark.parametrize("key", ["api_key", "token", "$token"])
def test_an_event_comes_alone_in_a_list_or_in_a_batch(key: str) -> None:
    assert sites(EVENT | {key: "phc_A"}, path="/capture/") == ["phc_A"]
    assert sites([EVENT | {key: "phc_A"}, EVENT | {key: "phc_B"}], path="/e/") == ["phc_A", "phc_B"]
    assert sites({key: "phc_A", "batch": [EVENT, EVENT | {"token": "phc_B"}]}) == ["phc_A", "phc_A"]


def test_the_key_may_be_a_property_or_in_the_address() -> None:
    assert sites([EVENT | {"properties": {"token": "phc_A"}}, EVENT]) == ["phc_A", "phc_A"]
    assert sites(EVENT, query="api_key=phc_A&ip=1") == ["phc_A"]


@pytest.mark.parametrize(
    "body", [EVENT, [EVENT], {"batch": [EVENT]}, {"api_key": "", "batch": [EVENT]}, {"api_key": {}, **EVENT}]
)
def test_without_a_key_the_request_is_refused_with_401(body: object) -> None:
    why = refused(body)
    assert why.code is Refusal.NO_SITE
    reply = posthog.refuse(sent(body), why, 400)
    assert (reply.status, reply.content_type, reply.body) == (401, "text/plain", b"event submitted without an api_key")


def test_events_are_kept_as_they_came() -> None:
    body = b'{"api_key":"phc_A","sent_at":"x","batch":[ {"event" : "a"} , {"event":"\xc3\xa9", "n": 1.0}]}'
    assert [event.payload for event in posthog.split(sent(body)).events] == [
        '{"event" : "a"}',
        '{"event":"é", "n": 1.0}',
    ]
    alone = b' {"api_key":"phc_A", "event":"a"} '
    assert [event.payload for event in posthog.split(sent(alone)).events] == [alone.decode()]


def test_events_are_called_by_their_uuid() -> None:
    assert [event.name for event in posthog.split(sent({"api_key": "A", "batch": [EVENT, {}, 5]})).events] == [
        EVENT["uuid"],
        "",
        "",
    ]


def test_what_is_sent_about_a_person_identifies() -> None:
    person = {"$token": "phc_A", "$distinct_id": "u-42", "$set": {"tier": "gold"}}
    (event,) = posthog.split(sent(person, path="/engage/")).events
    said = posthog.read(event.payload)
    assert (said.name, said.user_id, said.props) == ("identify", "u-42", {"tier": "gold"})
    (named,) = posthog.split(sent(EVENT | {"api_key": "A"}, path="/engage")).events
    assert posthog.read(named.payload).name == "signup"


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"sent_at": "2026-11-22T23:35:05.877+00:00", "batch": [EVENT]}, ""),
        (EVENT | {"sent_at": "2026-11-22T23:35:05.877Z"}, ""),
        ([EVENT], "ip=0&_=1795390505877&ver=1.449.2"),
        ({"batch": [EVENT]}, "sent_at=1795390505877"),
    ],
)
def test_the_client_says_when_it_sent(body: Any, query: str) -> None:
    query += "&token=phc_A"
    assert posthog.split(sent(body, query=query)).sent_at == "2026-11-22T23:35:05.877000+00:00"


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (EVENT, "_=1795390505"),
        (EVENT, "_=%D9%A1795390505877"),
        ({"batch": [EVENT], "sent_at": "now"}, ""),
        ({"batch": [EVENT], "sent_at": True}, ""),
        ({"batch": [EVENT, EVENT | {"properties": {"$ignore_sent_at": True}}], "sent_at": "2026-11-22T23:35:05Z"}, ""),
        (EVENT | {"options": {"disable_skew_correction": "1"}, "sent_at": "2026-11-22T23:35:05Z"}, ""),
    ],
)
def test_without_a_clock_or_when_asked_not_to_nothing_is_corrected(body: Any, query: str) -> None:
    assert posthog.split(sent(body, query=f"{query}&token=phc_A")).sent_at is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Refusal.NO_EVENTS),
        (b"[]", Refusal.NO_EVENTS),
        (b'{"api_key":"A","batch":[]}', Refusal.NO_EVENTS),
        (b'{"api_key":"A","batch":null}', Refusal.BAD_FIELD),
        (b"5", Refusal.BAD_FIELD),
        (b'{"api_key":"A","event":"x","n":1e400}', Refusal.BAD_FIELD),
        (b"{", Refusal.BAD_JSON),
        (b'{"api_key":"A","batch":[' + b"[" * 100_000, Refusal.BAD_JSON),
        ({"api_key": "A", "batch": [{}] * 2501}, Refusal.TOO_MANY_EVENTS),
    ],
)  # fmt: skip
def test_what_holds_no_events_is_refused(body: object, code: Refusal) -> None:
    assert refused(body).code is code


def outcomes(*codes: Refusal | None) -> list[wire.Outcome]:
    return [wire.Outcome(n, code, "Why." if code else "") for n, code in enumerate(codes)]


@pytest.mark.parametrize("codes", [(None,), (None, Refusal.NO_NAME), (Refusal.OPTED_OUT,)])
def test_what_is_taken_is_answered_200_and_a_status_of_1(codes: tuple[Refusal | None, ...]) -> None:
    reply = posthog.answer(sent({}), wire.Batch(()), outcomes(*codes))
    assert (reply.status, json.loads(reply.body)) == (200, {"status": 1})


def test_a_beacon_is_answered_204() -> None:
    assert posthog.answer(sent({}, query="beacon=1"), wire.Batch(()), outcomes(None)).status == 204


@pytest.mark.parametrize(
    ("code", "status"),
    [(Refusal.NO_NAME, 400), (Refusal.BAD_FIELD, 400), (Refusal.UNKNOWN_SITE, 401), (Refusal.SUSPENDED, 403)],
)
def test_when_nothing_is_taken_the_reason_is_told_in_plain_text(code: Refusal, status: int) -> None:
    reply = posthog.answer(sent({}), wire.Batch(()), outcomes(code, code))
    assert (reply.status, reply.content_type, reply.body) == (status, "text/plain", b"Why.")
