"""Plausible's Events API."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import plausible, wire
from tests.protocols.test_recount import VALUES

REQUEST = wire.Request("POST", "/api/event", "", {}, b"")
BATCH = wire.Batch(())
PAGE = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}


def sites(**event: Any) -> list[str]:
    body = json.dumps(PAGE | event).encode()
    return [event.site for event in plausible.split(wire.Request("POST", "/api/event", "", {}, body)).events]


def read(**event: Any) -> ClientEvent:
    return plausible.read(json.dumps(PAGE | event))


def refused(**event: Any) -> wire.Reply:
    payload = json.dumps(PAGE | event)
    try:
        plausible.split(wire.Request("POST", "/api/event", "", {}, payload.encode()))
        plausible.read(payload)
    except Refused as refused:
        return plausible.refuse(REQUEST, refused, 400)
    raise AssertionError("it was accepted")


def test_short_keys_and_long_ones_say_the_same() -> None:
    short = {
        "n": "Purchase", "u": "http://example.com/a", "d": "example.com", "r": "https://news.example/", "i": False,
        "p": {"sku": "a", "qty": 2, "ok": True}, "$": {"amount": 15.99, "currency": "USD"}, "v": 36, "h": 1, "w": 800,
    }  # fmt: skip
    long = {
        "name": "Purchase", "url": "http://example.com/a", "domain": "example.com", "referrer": "https://news.example/",
        "interactive": False, "props": {"sku": "a", "qty": 2, "ok": True}, "hashMode": 1,
        "revenue": {"amount": 15.99, "currency": "USD"},
    }  # fmt: skip
    expected = ClientEvent(
        name="Purchase",
        url="http://example.com/a",
        referrer="https://news.example/",
        props={"sku": "a", "qty": "2", "ok": "true"},
        revenue=Decimal("15.9900"),
        currency="USD",
        interactive=False,
        fragment=True,
    )
    assert plausible.read(json.dumps(short)) == plausible.read(json.dumps(long)) == expected


@pytest.mark.parametrize("key", ["p", "props", "m", "meta"])
@pytest.mark.parametrize("props", [{"a": 1, "b": "x"}, '{"a":1,"b":"x"}'])
def test_props_are_an_object_or_the_text_of_one(key: str, props: object) -> None:
    assert read(**{key: props}).props == {"a": "1", "b": "x"}


@pytest.mark.parametrize(
    "props", [None, "", "{", "[1]", "null", "5", '"x"', {}, '{"a":{"b":1}}', {"a": [1], "b": None, "c": ""}]
)
def test_props_that_say_nothing_are_left_out(props: object) -> None:
    assert read(p=props).props == {}


def test_of_too_many_props_and_of_names_that_are_too_long_the_event_keeps_the_others() -> None:
    many = {"k" * 129: 1, "": 1} | {f"k{n}": n for n in range(120)}
    assert read(p=many).props == {f"k{n}": str(n) for n in range(100)}


@pytest.mark.parametrize(
    ("mode", "fragment"), [(1, True), ("1", True), (True, True), (0, False), ("0", False), (None, False), (2, False)]
)
def test_in_hash_mode_the_page_goes_on_behind_the_hash(mode: object, fragment: bool) -> None:
    assert read(h=mode).fragment is fragment


def test_a_referrer_is_cut_and_can_be_stored() -> None:
    assert read(r="\0" + "r" * 3000).referrer == "\ufffd" + "r" * 2047


def test_a_name_may_be_a_number() -> None:
    # plausible(404) is how many pages report what they do not have.
    assert read(n=404).name == "404"


def test_of_several_names_for_props_the_oldest_counts() -> None:
    assert read(p={"a": 1}, props={"a": 2}, m={"a": 3}).props == {"a": "3"}
    assert read(p={"a": 1}, m=None).props == {"a": "1"}


@pytest.mark.parametrize("key", ["$", "revenue"])
@pytest.mark.parametrize("revenue", [{"amount": "9.9", "currency": "eur"}, '{"amount":9.9,"currency":"EUR"}'])
def test_revenue_is_an_object_or_the_text_of_one(key: str, revenue: object) -> None:
    event = read(**{key: revenue})
    assert (event.revenue, event.currency) == (Decimal("9.9000"), "EUR")


@pytest.mark.parametrize(
    "revenue",
    [
        {}, "x", {"amount": 1}, {"amount": None, "currency": "EUR"}, {"amount": "12,5", "currency": "EUR"},
        {"amount": 1, "currency": 5}, {"amount": [], "currency": {}}, {"amount": True, "currency": "EUR"},
        {"amount": 1, "currency": "euros"}, {"amount": 1e300, "currency": "EUR"}, '{"amount":"NaN","currency":"EUR"}',
    ],
)  # fmt: skip
def test_revenue_that_cannot_be_read_does_not_cost_the_event(revenue: object) -> None:
    event = read(**{"$": revenue})
    assert (event.name, event.revenue, event.currency) == ("pageview", None, "")


@pytest.mark.parametrize(
    ("engaged", "ms"),
    [
        (3518, 3518), ("3518", 3518), (0, 0), (-5, 0), (None, 0), ("x", 0),
        (30 * 86_400_000 - 1, 86_400_000), (1_795_390_000_000, 0), (10**20, 0),
    ],
)  # fmt: skip
def test_engagement_is_a_number_of_milliseconds(engaged: object, ms: int) -> None:
    assert read(n="engagement", e=engaged).engagement_ms == ms


@pytest.mark.parametrize(
    ("depth", "percent"), [(66, 66), ("66", 66), (100, 100), (255, 100), (101, 100), (-1, 0), (None, 0)]
)
def test_scrolling_is_a_percentage(depth: object, percent: int) -> None:
    assert read(n="engagement", sd=depth).scroll_percent == percent


@pytest.mark.parametrize(
    ("domain", "named"),
    [
        ("example.com", ["example.com"]),
        ("a.example,b.example", ["a.example", "b.example"]),
        (" a.example , ,b.example,a.example", ["a.example", "b.example"]),
        (None, ["example.com"]),
        ("", ["example.com"]),
    ],
)
def test_an_event_is_for_each_site_it_names_or_for_that_of_its_page(domain: str | None, named: list[str]) -> None:
    assert sites(d=domain) == named


def test_every_site_gets_the_body_as_it_came() -> None:
    body = b' {"n":"x", "u":"https://a.example/", "d":"a.example,b.example", "zz": 1} '
    batch = plausible.split(wire.Request("POST", "/api/event", "", {"content-type": "text/plain"}, body))
    assert [event.payload for event in batch.events] == [body.decode()] * 2


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"n": None}, "event_name"),
        ({"n": " "}, "event_name"),
        ({"n": "x" * 129}, "event_name"),
        ({"u": None}, "url"),
        ({"u": " "}, "url"),
        ({"u": "data:text/html,x"}, "url"),
        ({"u": None, "d": None}, "domain"),
        ({"u": "/path", "d": None}, "domain"),
        ({"u": "http://[", "d": None}, "domain"),
        ({"d": " , "}, "domain"),
        ({"d": ",".join(f"{n}.example" for n in range(21))}, "domain"),
    ],
)
def test_what_is_to_blame_is_named_in_plausibles_words(event: dict[str, Any], field: str) -> None:
    reply = refused(**event)
    assert reply.status == 400
    assert list(json.loads(reply.body)) == ["errors"]
    assert list(json.loads(reply.body)["errors"]) == [field]


@pytest.mark.parametrize("event", [{"n": True}, {"i": "no"}, {"d": ["a"]}, {"h": []}])
def test_a_value_of_another_type_is_refused(event: dict[str, Any]) -> None:
    assert list(json.loads(refused(**event).body)["errors"]) == ["request"]


@pytest.mark.parametrize("why", [Refusal.UNKNOWN_SITE, Refusal.SUSPENDED, Refusal.OPTED_OUT])
def test_the_answer_is_ok_and_how_many_were_dropped(why: Refusal) -> None:
    accepted, dropped, late = wire.Outcome(0), wire.Outcome(1, why, "No."), wire.Outcome(1, Refusal.RATE_LIMITED, "No.")
    for outcomes, headers in (
        ([accepted], {}),
        ([dropped], {"x-plausible-dropped": "1"}),
        ([accepted, dropped], {"x-plausible-dropped": "1"}),
        # What was taken for one site must not come again for the other.
        ([accepted, late, dropped], {"x-plausible-dropped": "2"}),
    ):
        assert plausible.answer(REQUEST, BATCH, outcomes) == wire.Reply(202, b"ok", "text/plain", headers)


def test_an_event_that_is_wrong_itself_is_a_400() -> None:
    bad = wire.Outcome(0, Refusal.NO_NAME, "can't be blank")
    reply = plausible.answer(REQUEST, BATCH, [bad, bad])
    assert (reply.status, json.loads(reply.body)) == (400, {"errors": {"event_name": ["can't be blank"]}})


KEYS = sorted({key for keys in plausible.KEYS.values() for key in keys})


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
@settings(max_examples=300, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(event: dict[str, Any]) -> None:
    payload = json.dumps(event)
    with contextlib.suppress(Refused):
        plausible.read(payload)
    with contextlib.suppress(Refused):
        plausible.split(wire.Request("POST", "/api/event", "", {}, payload.encode()))
