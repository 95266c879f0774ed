"""F. Keys, nesting and numbers of things (catalogue 87 to 98)."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from analytics.events import Limits
from tests.hostile.running import PLAUSIBLE, PROMPT_SECONDS, Pool

pytestmark = pytest.mark.flow


def many(count: int) -> dict[str, int]:
    return {f"k{n}": n for n in range(count)}


@pytest.mark.parametrize(
    ("props", "stored"),
    [
        pytest.param(many(2000), "bad_props", id="87-2000-keys"),
        pytest.param(many(100), {f"k{n}": str(n) for n in range(100)}, id="88-100"),
        pytest.param(many(101), "bad_props", id="88-101"),
        pytest.param({"k" * 128: 1}, {"k" * 128: "1"}, id="89-key-of-128"),
        pytest.param({"k" * 129: 1}, "bad_props", id="89-key-of-129"),
        pytest.param({"": 1}, "bad_props", id="89-empty-key"),
        pytest.param({"a.b": 1, "$c": 2, 'd"': 3, "e'": 4, "f g": 5, "é": 6, "{}": 7, "a->>b": 8}, {
            "a.b": "1", "$c": "2", 'd"': "3", "e'": "4", "f g": "5", "é": "6", "{}": "7", "a->>b": "8",
        }, id="89-odd-keys"),
        pytest.param([1, 2], "bad_field", id="90-list"),
        pytest.param("a", "bad_field", id="90-text"),
        pytest.param(5, "bad_field", id="90-number"),
        pytest.param(None, {}, id="90-null"),
        pytest.param({}, {}, id="90-empty"),
        pytest.param({"a": {"b": 1}}, "bad_props", id="91-object"),
        pytest.param({"a": [1]}, "bad_props", id="91-list"),
        pytest.param({"a": None, "b": ""}, {}, id="91-nothing"),
    ],
)  # fmt: skip
def test_properties_are_flat_and_few(pool: Pool, props: object, stored: object) -> None:
    row = pool.one(props=props)
    assert row == stored if isinstance(row, str) else row["props"] == stored


@pytest.mark.parametrize(
    ("props", "stored"),
    [
        pytest.param(many(101), {f"k{n}": str(n) for n in range(100)}, id="88-101"),
        pytest.param([1], {}, id="90-list"),
        pytest.param("a", {}, id="90-text"),
        pytest.param({"a": {"b": 1}, "c": [1], "d": 1}, {"d": "1"}, id="91-nested"),
    ],
)
def test_plausibles_properties_are_read_leniently(pool: Pool, props: object, stored: object) -> None:
    path = f"/{uuid.uuid4()}"
    event = {"n": "x", "u": f"https://example.com{path}", "d": "example.com", "p": props}
    answer = pool.post(json.dumps(event).encode(), PLAUSIBLE)
    pool.drain()
    rows = pool.rows("event.path = $1", [path])
    assert stored == (answer.status if answer.status != 202 else rows[0]["props"])


def test_87_ten_thousand_keys_that_nobody_reads_are_no_more_than_text(pool: Pool) -> None:
    keys: dict[str, Any] = {f"k{n}": 1 for n in range(2500)}
    row = pool.one(**keys)
    assert isinstance(row, dict)
    assert row["props"] == {}


def test_92_five_hundred_events_and_no_more(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    assert pool.send(*({"name": "x", "url": f"/{mark}/{n}"} for n in range(501))).code == "too_many_events"
    assert pool.hits(mark) == []
    assert pool.send(*({"name": "x", "url": f"/{mark}/{n}"} for n in range(500))).json["accepted"] == 500
    assert len(pool.hits(mark)) == 500


RESERVED: dict[str, Any] = {
    "site_id": 999, "hit_id": str(uuid.UUID(int=0)), "received_at": "2001-01-01T00:00:00Z", "country": "AQ", "ts": 1,
    "category": "bot", "flags": "clamped", "visit_id": 5, "ruleset": 9, "host": "evil.example", "part": 3, "batch": 1,
    "refused": "bad_json", "ip_prefix": "1.2.3.0/24", "cookieless": False, "channel": "Direct", "browser": "Lynx",
}  # fmt: skip


@pytest.mark.parametrize("where", ["events", "envelope", "props"], ids=lambda where: f"93-and-94-{where}")
def test_names_of_our_own_columns_change_nothing(pool: Pool, where: str) -> None:
    mark = str(uuid.uuid4())
    event = {"name": "x", "event_id": mark, "url": "/reserved"}
    if where == "props":
        event["props"] = RESERVED  # type: ignore[assignment]
    answer = pool.send(event | (RESERVED if where == "events" else {}), **(RESERVED if where == "envelope" else {}))
    assert answer.json == {"accepted": 1, "rejected": []}
    row = pool.event(mark)
    assert (row["site_id"], row["category"], row["flags"], row["host"]) == (pool.site.pk, "", "", "example.com")
    assert (row["country"], row["browser"], row["ip_prefix"]) == ("", "Chrome", "127.0.0.0/24")
    assert row["ts"] == row["received_at"]


def test_95_and_202_many_different_values_are_stored_and_reports_show_the_first(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    for _ in range(4):
        events = [
            {
                "name": f"n{uuid.uuid4()}",
                "url": f"/{mark}/{uuid.uuid4()}",
                "props": {f"p{uuid.uuid4()}": str(uuid.uuid4())},
            }
            for _ in range(500)
        ]
        assert pool.send(*events).json["accepted"] == 500
    assert len(pool.hits(mark)) == 2000


@pytest.mark.parametrize("place", [0, 250, 499], ids=lambda place: f"96-good-at-{place}")
def test_one_good_event_among_the_bad_is_stored(pool: Pool, place: int) -> None:
    mark = str(uuid.uuid4())
    bad: list[Any] = [None, 5, "x", [], {}, {"name": ""}, {"name": {}}, {"name": "x", "url": "javascript:1"}] * 63
    events = bad[:499]
    events.insert(place, {"name": "x", "event_id": mark})
    answer = pool.send(*events)
    assert (answer.status, answer.json["accepted"]) == (202, 1)
    assert set(range(500)) - set(answer.codes) == {place}
    assert pool.event(mark)


def test_97_the_same_id_500_times_counts_once(pool: Pool) -> None:
    mark = str(uuid.uuid4())
    assert pool.send(*[{"name": "x", "event_id": mark}] * 500).json["accepted"] == 500
    assert pool.event(mark)


def test_98_keys_that_collide_cost_no_time(pool: Pool) -> None:
    # Python's own hash of text is keyed, that of integers is not: keys are text.
    colliding: dict[str, Any] = {str(n * (2**61 - 1)): 1 for n in range(1, 1000)}
    began_at = time.monotonic()
    for _ in range(10):
        pool.send(*[{"name": "x", **colliding}] * 20, **colliding)
    assert time.monotonic() - began_at < PROMPT_SECONDS


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        pytest.param({"events": None}, "bad_field", id="90-events-null"),
        pytest.param({"events": {}}, "bad_field", id="90-events-object"),
        pytest.param({"events": "x"}, "bad_field", id="90-events-text"),
        pytest.param({"events": []}, "no_events", id="90-no-events"),
        pytest.param({"site": None}, "bad_field", id="90-site-null"),
        pytest.param({"site": []}, "bad_field", id="90-site-list"),
        pytest.param({"site": True}, "bad_field", id="90-site-true"),
        pytest.param({"site": 1.5}, "bad_field", id="90-site-fraction"),
        pytest.param({"site": ""}, "no_site", id="90-site-empty"),
        pytest.param({"site": 2**70}, "unknown_site", id="90-site-2-to-70"),
        pytest.param({"site": -1}, "unknown_site", id="90-site-negative"),
    ],
)
def test_an_envelope_of_another_shape_is_refused(pool: Pool, envelope: dict[str, Any], code: str) -> None:
    body = {"site": "example.com", "events": [{"name": "x"}]} | envelope
    answer = pool.post(json.dumps(body).encode())
    assert (answer.status, answer.code) == (400, code)


def test_limits_are_those_that_are_documented() -> None:
    assert (Limits.EVENTS_PER_REQUEST, Limits.PROPS, Limits.PROP_KEY_CHARS, Limits.NAME_CHARS) == (500, 100, 128, 128)
