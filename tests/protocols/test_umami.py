"""Umami's API."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import umami, wire
from tests.protocols import storable
from tests.protocols.test_recount import VALUES

SITE = "c0ffee00-0000-4000-8000-000000000001"
PAGE = {"website": SITE, "hostname": "site.test", "url": "/start"}
BATCH = wire.Batch(())


def sent(body: object, path: str = "/api/send", **headers: str) -> wire.Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.Request("POST", path, "", {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def read(kind: str = "event", **payload: Any) -> ClientEvent:
    return umami.read(json.dumps({"type": kind, "payload": PAGE | payload}))


def refusal(call: Any, given: Any) -> Refusal:
    with pytest.raises(Refused) as refused:
        call(given)
    return refused.value.code


def answered(outcome: wire.Outcome, **headers: str) -> dict[str, Any]:
    reply = umami.answer(sent({}, **headers), BATCH, [outcome])
    assert reply.status == 200
    found: dict[str, Any] = json.loads(reply.body)
    return found


def claims(token: str) -> dict[str, Any]:
    head, body, signature = token.split(".")
    assert (json.loads(base64.urlsafe_b64decode(head + "==")), signature) == ({"alg": "none", "typ": "JWT"}, "")
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return found


# Whose they are.


@pytest.mark.parametrize("key", ["website", "link", "pixel"])
def test_one_id_names_the_site(key: str) -> None:
    body = b' {"type":"event", "payload":{"' + key.encode() + b'":"' + SITE.encode() + b'","zz":1}} '
    assert umami.split(sent(body)).events == (wire.Addressed(SITE, body.decode()),)


@pytest.mark.parametrize("ids", [{}, {"website": ""}, {"website": SITE, "link": SITE}])
def test_an_event_for_no_site_or_for_two_is_refused(ids: dict[str, str]) -> None:
    assert refusal(umami.split, sent({"type": "event", "payload": ids})) is Refusal.NO_SITE


def test_a_batch_is_a_list_or_the_object_that_umamis_own_client_makes_of_one() -> None:
    events = ['{"type": "event", "payload": {"website": "a", "t":"\\u00e9"}}', '{"payload":{"link":"b"}}', "5"]
    found = (wire.Addressed("a", events[0]), wire.Addressed("b", events[1]), wire.Addressed("", "5"))
    listed = f"[{events[0]} , {events[1]},{events[2]}]"
    keyed = f'{{"0":{events[0]},"1":{events[1]},"2": {events[2]} }}'
    for body in (listed, keyed):
        assert umami.split(sent(body.encode(), "/api/batch/")).events == found
    assert refusal(umami.split, sent([], "/api/batch")) is Refusal.NO_EVENTS
    assert refusal(umami.split, sent([{}] * 501, "/api/batch")) is Refusal.TOO_MANY_EVENTS


def test_half_an_emoji_in_a_batch_does_not_cost_it() -> None:
    body = rb'[{"type":"event","payload":{"website":"a","title":"x\ud83d"}}]'
    (event,) = umami.split(sent(body, "/api/batch")).events
    assert umami.read(event.payload).title == "x\ufffd"


@pytest.mark.parametrize(
    ("authorization", "secret"),
    [("", ""), ("Bearer None", ""), ("Bearer tok.en.x", ""), ("Basic sk_1", ""), ("bearer  sk_1 ", "sk_1")],
)
def test_only_a_bearer_that_looks_like_a_secret_key_of_ours_is_one(authorization: str, secret: str) -> None:
    batch = umami.split(sent({"type": "event", "payload": PAGE}, authorization=authorization))
    assert (batch.foreign_secret, batch.secret) == (secret, "")


# What they say.


def test_every_field_has_its_place() -> None:
    payload: dict[str, Any] = {
        "website": SITE, "screen": "800x600", "language": "en-US@posix", "title": "Tést", "hostname": "site.test",
        "url": "/start?utm_source=nl#/inbox", "referrer": "https://news.example/", "tag": "abtest", "name": "signup",
        "data": {"plan": "pro", "n": 3, "nested": {"a": 1}, "none": None, "revenue": 12.5, "currency": "eur"},
        "id": "u-42", "timestamp": 1795390082, "ip": "203.0.113.9", "userAgent": "Mozilla/5.0 X", "duration": 850,
        "browser": "chrome", "os": "Mac OS", "device": "desktop",
    }  # fmt: skip
    assert read(**payload) == ClientEvent(
        name="signup",
        url="https://site.test/start?utm_source=nl#/inbox",
        referrer="https://news.example/",
        title="Tést",
        timestamp=dt.datetime(2026, 11, 22, 23, 28, 2, tzinfo=dt.UTC),
        user_id="u-42",
        props={"tag": "abtest", "plan": "pro", "n": "3", "nested.a": "1"},
        revenue=Decimal("12.5000"),
        currency="EUR",
        screen="800x600",
        language="en-US",
        fragment=True,
        from_server=True,
        user_agent="Mozilla/5.0 X",
        address="203.0.113.9",
    )


@pytest.mark.parametrize("name", [{}, {"name": None}, {"name": ""}, {"name": " "}])
def test_an_event_without_a_name_is_a_pageview(name: dict[str, Any]) -> None:
    assert read(**name) == ClientEvent(name="pageview", url="https://site.test/start", fragment=True)


def test_an_identify_names_the_person_and_saves_no_visit() -> None:
    event = read("identify", id=42, name="ignored", data={"plan": "pro"})
    assert (event.name, event.user_id, event.props, event.interactive) == ("identify", "42", {"plan": "pro"}, False)


def test_performance_tells_web_vitals() -> None:
    event = read("performance", ttfb=10.2, fcp=48, lcp=48, cls=0, duration=850, data={"x": 1})
    assert (event.name, event.interactive) == ("web_vitals", False)
    assert event.props == {"ttfb": "10.2", "fcp": "48", "lcp": "48", "cls": "0"}
    assert read("event", lcp=48).props == {}


def test_engagement_tells_for_how_long_a_page_was_read() -> None:
    event = read("engagement", engagement=4240)
    assert (event.name, event.engagement_ms, event.interactive) == ("engagement", 4240, False)
    assert read("event", engagement=4240).engagement_ms == 0


@pytest.mark.parametrize(
    ("url", "host", "expected"),
    [
        ("https://a.example/x?y#z", "b.example", "https://a.example/x?y#z"),
        ("/x?y", "b.example", "https://b.example/x?y"),
        ("x", "b.example:8080", "https://b.example:8080/x"),
        ("/x", "", "/x"),
        ("/x", "bad host/", "/x"),
        ("//c.example/x", "b.example", "https://c.example/x"),
        ("", "b.example", ""),
        (None, None, ""),
        ("javascript:alert(1)", "b.example", ""),
    ],
)
def test_a_path_is_on_the_host_that_is_named_with_it(url: str | None, host: str | None, expected: str) -> None:
    assert read(url=url, hostname=host).url == expected
    if not expected.startswith("/") and "javascript" not in str(url):
        assert read(referrer=url, hostname=host).referrer == expected


@pytest.mark.parametrize(("given", "second"), [(1795390082, 2), ("1795390082", 2), (1795390082.9, 2)])
def test_a_timestamp_is_in_seconds(given: object, second: int) -> None:
    found = read(timestamp=given).timestamp
    assert found is not None
    assert found.replace(microsecond=0) == dt.datetime(2026, 11, 22, 23, 28, second, tzinfo=dt.UTC)


@pytest.mark.parametrize("given", ["2026-11-22", "yesterday", True])
def test_a_timestamp_that_is_no_number_is_refused_as_at_umami(given: object) -> None:
    assert refusal(umami.read, json.dumps({"type": "event", "payload": PAGE | {"timestamp": given}})) is (
        Refusal.BAD_TIMESTAMP
    )


@pytest.mark.parametrize(
    "data", [{"revenue": 1}, {"revenue": "12,5", "currency": "EUR"}, {"revenue": True, "currency": "EUR"}]
)
def test_a_revenue_that_cannot_be_read_stays_a_property(data: dict[str, Any]) -> None:
    event = read(data=data)
    assert event.revenue is None
    assert event.props.keys() == data.keys()


@pytest.mark.parametrize("kind", ["", "screen", "Event"])
def test_another_type_is_refused(kind: str) -> None:
    assert refusal(umami.read, json.dumps({"type": kind, "payload": PAGE})) is Refusal.BAD_FIELD


@pytest.mark.parametrize(("ip", "agent", "server"), [("", "", False), ("203.0.113.9", "", True), ("", "X", True)])
def test_a_sender_that_tells_of_its_visitor_is_a_program(ip: str, agent: str, server: bool) -> None:
    assert read(ip=ip, userAgent=agent).from_server is server


# What is answered.


def test_the_answer_names_session_and_visit() -> None:
    first, other = answered(wire.Outcome(0, visitor_id=-7)), answered(wire.Outcome(0, visitor_id=8))
    assert uuid.UUID(first["sessionId"]) != uuid.UUID(other["sessionId"])
    assert uuid.UUID(first["visitId"]) != uuid.UUID(other["visitId"])
    assert claims(first["cache"]) == {
        "sessionId": first["sessionId"], "visitId": first["visitId"], "iat": claims(first["cache"])["iat"]
    }  # fmt: skip


def test_a_visit_goes_on_for_whoever_sends_the_token_back() -> None:
    begun = 1_795_390_000
    first = umami.session(7, "", begun)
    assert umami.session(7, "", begun) == first
    assert umami.session(7, first["cache"], begun + 1800) == first
    assert umami.session(8, first["cache"], begun)["visitId"] != first["visitId"]
    for later in (begun + 3600, begun - 3600):
        other = umami.session(7, first["cache"], later)
        assert other["sessionId"] == first["sessionId"]
        assert other["visitId"] != first["visitId"]


@pytest.mark.parametrize("token", ["", "tok.en.x", "a", "..", "a.W10=.c", "a." + "x" * 5000, "a.\ud83d.b", "é.é.é"])
def test_a_token_that_is_none_of_ours_means_nothing(token: str) -> None:
    assert answered(wire.Outcome(0, visitor_id=7), x_umami_cache=token)["sessionId"]


def test_a_token_cannot_make_the_answer_say_anything_but_ids() -> None:
    session = answered(wire.Outcome(0, visitor_id=7))["sessionId"]
    for visit in ("<script>", 5, None, ["x"]):
        told = {"sessionId": session, "visitId": visit, "iat": int(dt.datetime.now(dt.UTC).timestamp())}
        token = f"a.{base64.urlsafe_b64encode(json.dumps(told).encode()).decode()}.b"
        assert uuid.UUID(answered(wire.Outcome(0, visitor_id=7), x_umami_cache=token)["visitId"])


def test_an_unknown_website_is_a_bad_request_as_at_umami() -> None:
    unknown = wire.Outcome(0, Refusal.UNKNOWN_SITE, "No site has the id 'x'.")
    reply = umami.answer(sent({}), BATCH, [unknown])
    error = {"error": {"message": "Website not found.", "code": "bad-request", "status": 400}}
    assert (reply.status, json.loads(reply.body)) == (400, error)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "bad-request"), (413, "payload-too-large"), (429, "too-many-requests")]
)
def test_a_refusal_is_in_umamis_words(status: int, code: str) -> None:
    reply = umami.refuse(sent({}), Refused(Refusal.TOO_LARGE, "Why."), status)
    assert (reply.status, json.loads(reply.body)) == (
        status, {"error": {"message": "Why.", "code": code, "status": status}}
    )  # fmt: skip


def test_of_a_batch_it_is_told_what_was_not_processed() -> None:
    outcomes = [
        wire.Outcome(0, visitor_id=7),
        wire.Outcome(1, Refusal.BAD_FIELD, "Why."),
        wire.Outcome(2, visitor_id=8),
    ]
    reply = umami.answer(sent([], "/api/batch"), BATCH, outcomes)
    told = json.loads(reply.body)
    cache = told.pop("cache")
    assert (reply.status, told) == (200, {
        "size": 3, "processed": 2, "errors": 1,
        "details": [{"index": 1, "response": {"error": {"message": "Why.", "code": "bad-request", "status": 400}}}],
    })  # fmt: skip
    assert claims(cache)["sessionId"] == answered(wire.Outcome(0, visitor_id=8))["sessionId"]
    none = json.loads(umami.answer(sent([], "/api/batch"), BATCH, outcomes[1:2]).body)
    assert (none["processed"], none["errors"], "cache" in none) == (0, 1, False)


def test_who_does_not_want_to_be_counted_hears_no_error() -> None:
    assert answered(wire.Outcome(0, Refusal.OPTED_OUT, "No."))["visitId"]


FIELDS = sorted({key for keys in umami.KEYS.values() for key in ([keys] if isinstance(keys, str) else keys)})


@given(
    st.sampled_from(["event", "identify", "performance", "engagement", "x"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES),
)
@settings(max_examples=400, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(kind: str, payload: dict[str, Any]) -> None:
    body = json.dumps({"type": kind, "payload": payload})
    for path in ("/api/send", "/api/batch"):
        with contextlib.suppress(Refused):
            umami.split(wire.Request("POST", path, "", {}, body.encode()))
    with contextlib.suppress(Refused):
        storable.check(umami.read(body))
