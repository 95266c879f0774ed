"""One request in, hits in the buffer, one reply out."""

from __future__ import annotations

import datetime as dt
import json
from types import ModuleType
from typing import Any

import pytest

from analytics import buffer
from analytics.buffer import counters, group
from analytics.events import Hit, Limits, Refusal
from analytics.ingest import accept, answers, hits, visitor
from analytics.pipeline import books
from analytics.protocols import plausible, recount, wire
from analytics.sites import create, lookup, models
from analytics.store import db
from tests import builders

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def send(
    body: object,
    protocol: ModuleType = recount,
    now: dt.datetime | None = None,
    address: str = "203.0.113.9",
    **headers: str,
) -> tuple[int, Any]:
    """(status, body) of the door's answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    caller = hits.caller(named, visitor.parse_address(address))
    received = wire.Request("POST", "/", "", named, raw)
    reply = accept.begin(protocol, received, caller, now or dt.datetime.now(dt.UTC))()
    return reply.status, json.loads(reply.body) if reply.content_type == "application/json" else reply.body


def waiting() -> list[Hit]:
    """What is in the buffer."""
    return [hit for part in buffer.lengths() for hit in buffer.waiting(part, "0-0")]


def events(*items: dict[str, Any], site: object = "example.com") -> dict[str, Any]:
    return {"site": site, "events": [{"name": "pageview"} | item for item in items]}


# --- the time of an event: pure ---


@pytest.mark.parametrize(
    ("said", "sent_at", "trusted", "expected"),
    [
        (None, None, False, (NOW, False)),
        (None, NOW - HOUR, False, (NOW, False)),
        (NOW - HOUR, None, False, (NOW - HOUR, False)),
        (NOW + 9 * MINUTE, None, False, (NOW + 9 * MINUTE, False)),
        (NOW + 11 * MINUTE, None, False, (NOW + 10 * MINUTE, True)),
        (NOW + 23 * HOUR, None, False, (NOW + 10 * MINUTE, True)),
        (NOW - 71 * HOUR, None, False, (NOW - 71 * HOUR, False)),
        (NOW - 73 * HOUR, None, False, (NOW - 72 * HOUR, True)),
        (NOW - 73 * HOUR, None, True, (NOW - 73 * HOUR, False)),
        (NOW + 23 * HOUR, None, True, (NOW + 10 * MINUTE, True)),
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None, False, (NOW - 72 * HOUR, True)),
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None, True, (dt.datetime(1990, 1, 1, tzinfo=dt.UTC), True)),
        # The client's clock is an hour slow, five years fast, at its beginning.
        (NOW - HOUR - MINUTE, NOW - HOUR, False, (NOW - MINUTE, False)),
        (NOW + 43800 * HOUR, NOW + 43800 * HOUR + MINUTE, False, (NOW - MINUTE, False)),
        (
            dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
            dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC),
            False,
            (NOW - MINUTE, False),
        ),
        # It says that it sent before it happened: such clocks correct nothing.
        (NOW - HOUR, dt.datetime(1970, 1, 1, tzinfo=dt.UTC), False, (NOW - HOUR, False)),
        (NOW + HOUR, NOW - HOUR, False, (NOW + 10 * MINUTE, True)),
    ],
)
def test_the_time_of_an_event_is_the_clients_corrected_and_clamped(
    said: dt.datetime | None, sent_at: dt.datetime | None, trusted: bool, expected: tuple[dt.datetime, bool]
) -> None:
    assert hits.happened_at(said, sent_at, NOW, trusted=trusted) == expected


def test_every_refusal_has_a_status() -> None:
    assert set(answers.STATUS) == set(Refusal)
    assert {status // 100 for status in answers.STATUS.values()} == {4}


# --- with stores ---

database = pytest.mark.database


@database
def test_what_is_good_is_in_the_buffer_before_the_answer(site: models.Site) -> None:
    status, answer = send(
        events({"url": "/a", "event_id": "e-1"}),
        user_agent="Firefox",
        accept_language="et",
        referer="https://news.example/",
        sec_ch_ua='"Chromium";v="142"',
        cookie="secret",
    )
    assert (status, answer) == (202, {"accepted": 1, "rejected": []})
    (hit,) = waiting()
    assert (hit.site_id, hit.protocol, hit.refused, hit.flags) == (site.pk, "recount", "", "")
    assert json.loads(hit.payload) == {"name": "pageview", "url": "/a", "event_id": "e-1"}
    assert (hit.user_agent, hit.language, hit.referer) == ("Firefox", "et", "https://news.example/")
    assert json.loads(hit.client_hints) == {"sec-ch-ua": '"Chromium";v="142"'}
    assert (hit.ip_prefix, hit.cookieless, hit.ts) == ("203.0.113.0/24", True, hit.received_at)
    assert "203.0.113.9" not in repr(hit)
    assert "secret" not in repr(hit)


@database
def test_headers_are_clipped(site: models.Site) -> None:
    send(
        events({}), user_agent="U" * 100_000, referer="R" * 100_000, accept_language="L" * 10_000, sec_ch_ua="H" * 5000
    )
    (hit,) = waiting()
    assert len(hit.user_agent) == Limits.USER_AGENT_CHARS
    assert len(hit.referer) == Limits.URL_CHARS
    assert len(hit.language) == 64
    assert len(hit.client_hints) < 300


@database
def test_what_is_bad_is_refused_alone_and_kept_with_the_reason(site: models.Site) -> None:
    status, answer = send(events({"url": "/a"}, {"name": ""}, {"url": "/b"}, {"props": {"a": []}}))
    assert status == 202
    assert answer["accepted"] == 2
    assert [(refused["index"], refused["code"]) for refused in answer["rejected"]] == [(1, "no_name"), (3, "bad_props")]
    assert sorted(hit.refused for hit in waiting()) == ["", "", "bad_props", "no_name"]
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT path FROM event ORDER BY path")
        assert cursor.fetchall() == [("/a",), ("/b",)]
        cursor.execute("SELECT refused FROM hit ORDER BY refused")
        assert cursor.fetchall() == [("",), ("",), ("bad_props",), ("no_name",)]
    assert books.balance().holds


@database
def test_one_good_event_among_the_most_bad_ones_is_stored(site: models.Site) -> None:
    status, answer = send(events({"url": "/good"}, *[{"name": ""}] * (Limits.EVENTS_PER_REQUEST - 1)))
    assert (status, answer["accepted"], len(answer["rejected"])) == (202, 1, Limits.EVENTS_PER_REQUEST - 1)
    assert [hit.refused for hit in waiting()].count("") == 1


@database
def test_an_event_is_as_large_as_the_limit_and_not_a_byte_larger(site: models.Site) -> None:
    room = Limits.EVENT_BYTES - len('{"name":"x","z":""}')
    for more in (0, 1):
        event = '{"name":"x","z":"' + "é" * (room // 2) + "a" * (room % 2 + more) + '"}'
        assert len(event.encode()) == Limits.EVENT_BYTES + more
        _, answer = send(b'{"site":"example.com","events":[' + event.encode() + b"]}")
        assert answer["accepted"] == 1 - more
        assert [refused["code"] for refused in answer["rejected"]] == ["too_large"] * more


@database
def test_what_no_store_can_hold_is_stored_cleaned(site: models.Site) -> None:
    payloads = [
        r'{"name":"fine"}',
        r'{"name":"a\ud83d","title":"\u0000"}',
        r'{"name":"\ude00 a","url":"/\ud83d?q=\u0000"}',
        r'{"name":"x","props":{"\ud83d":"\u0000"}}',
    ]
    status, answer = send(f'{{"site":"example.com","events":[{",".join(payloads)}]}}'.encode())
    assert (status, answer["accepted"]) == (202, 4)
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT payload FROM hit")
        assert {payload for (payload,) in cursor.fetchall()} == set(payloads)
        cursor.execute("SELECT name, title, props FROM event")
        assert sorted(cursor.fetchall(), key=str) == [
            ("a\ufffd", "\ufffd", {}),
            ("fine", "", {}),
            ("x", "", {"\ufffd": "\ufffd"}),
            ("\ufffd a", "", {}),
        ]
    assert books.balance().holds


@database
def test_one_id_sent_many_times_in_a_request_counts_once(site: models.Site) -> None:
    send(events(*[{"event_id": "same"}] * 500))
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM event")
        assert cursor.fetchall() == [(1,)]


@database
def test_a_site_that_does_not_exist_is_refused_and_counted(site: models.Site) -> None:
    references = (
        "other.example", " ", "*", "%", "a' OR 1=1 --", "\x00", "\ud83d", "a\nb", "é.example", "x" * 10_000, "-1",
        999999999, 10**30,
    )  # fmt: skip
    for reference in references:
        status, answer = send(events({}, {}, site=reference))
        assert (status, answer["error"]["code"]) == (400, "unknown_site")
    assert not waiting()
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT site_id, outcome, reason, sum(n) FROM ledger GROUP BY 1, 2, 3")
        assert cursor.fetchall() == [(0, "refused", "unknown_site", 2 * len(references))]


@database
def test_any_id_of_a_site_names_it(site: models.Site) -> None:
    for reference in (
        "example.com", "EXAMPLE.com", " www.example.com ", site.pk, str(site.pk), str(site.uuid), f"{{{site.uuid}}}",
        site.uuid.hex.upper(), site.measurement_id, site.measurement_id.lower(), site.public_key,
    ):  # fmt: skip
        assert send(events({}, site=reference))[0] == 202, reference


@database
def test_a_secret_key_lets_old_events_pass_and_a_public_one_does_not(site: models.Site) -> None:
    key = create.secret_key(site)
    old = events({"timestamp": "2015-05-17T10:00:00Z"})
    assert send(old, authorization=f"Bearer {key}")[0] == 202
    assert send(old)[0] == 202
    trusted, public = sorted(waiting(), key=lambda hit: hit.ts)
    assert (trusted.ts, trusted.flags) == (dt.datetime(2015, 5, 17, 10, tzinfo=dt.UTC), "")
    assert (public.ts, public.flags) == (public.received_at - 72 * HOUR, "clamped")


@database
def test_a_secret_key_that_is_unknown_stops_the_request(site: models.Site) -> None:
    for key in ("sk_unknown", "None", "x" * 8000, "\xff", "*"):
        status, answer = send(events({}), authorization=f"Bearer {key}")
        assert (status, answer["error"]["code"]) == (401, "bad_key")
    assert not waiting()


@database
def test_a_secret_key_opens_its_own_site_only(site: models.Site) -> None:
    other = create.site("other.example").secret_key
    status, answer = send(events({}), authorization=f"Bearer {other}")
    assert (status, answer["error"]["code"]) == (401, "bad_key")
    assert {hit.refused for hit in waiting()} == {"bad_key"}


@database
def test_a_bearer_token_means_nothing_to_plausible(site: models.Site) -> None:
    event = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
    assert send(event, plausible, authorization="Bearer None") == (202, b"ok")


@database
def test_an_event_for_two_sites_is_a_hit_of_each_that_exists(site: models.Site) -> None:
    other = create.site("other.example").site
    event = {"n": "pageview", "u": "https://example.com/", "d": "example.com,none.example,other.example"}
    assert send(event, plausible) == (202, b"ok")
    assert sorted(hit.site_id for hit in waiting()) == [site.pk, other.pk]


@database
def test_a_request_that_is_refused_as_a_whole_has_a_status_and_is_counted(stores: None) -> None:
    requests = (
        (b"", 400, "bad_json"),
        (b"<x/>", 400, "bad_json"),
        (b"\xff\xfe{\0}\0", 400, "bad_json"),
        (b"{}", 400, "no_events"),
        (b'{"events":[{}]}', 400, "no_site"),
        (b'{"site":"","events":[{}]}', 400, "no_site"),
        (b" " * (Limits.BODY_BYTES + 1), 413, "too_large"),
        (b'{"site":"a","events":[' + b",".join([b"{}"] * 501) + b"]}", 413, "too_many_events"),
        (b'{"site":"a","sent_at":"now","events":[{}]}', 400, "bad_timestamp"),
    )
    for body, status, code in requests:
        found, answer = send(body)
        assert (found, answer["error"]["code"]) == (status, code)
        assert set(answer["error"]) == {"code", "message"}
    assert send(b"{}", content_encoding="br")[0] == 415
    assert not waiting()
    counted = counters.begin_taking(0, 1)
    assert sum(counted.values()) == len(requests) + 1


@database
@pytest.mark.parametrize("protocol", [recount, plausible])
def test_when_nothing_can_be_stored_the_sender_has_to_come_back(
    site: models.Site, monkeypatch: pytest.MonkeyPatch, protocol: ModuleType
) -> None:
    monkeypatch.setattr(buffer, "_group", group.Group(lambda _: buffer.Away("both are away"), 1))
    body = events({}) if protocol is recount else {"n": "pageview", "u": "/", "d": "example.com"}
    caller = hits.caller({}, None)
    received = wire.Request("POST", "/", "", {}, json.dumps(body).encode())
    reply = accept.begin(protocol, received, caller, dt.datetime.now(dt.UTC))()
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert json.loads(reply.body)["error"]["code"] == "try_later"


@database
def test_a_site_that_cannot_be_looked_up_is_not_called_unknown(stores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise lookup.LookupAway

    monkeypatch.setattr(lookup, "site", away)
    assert send(events({}))[0] == 503


@database
def test_hits_of_a_request_keep_their_order_within_a_part(site: models.Site) -> None:
    send(events(*({"url": f"/{n}", "visitor_id": "one"} for n in range(50))))
    assert [json.loads(hit.payload)["url"] for hit in waiting()] == [f"/{n}" for n in range(50)]
    assert [hit.hit_id for hit in waiting()] == sorted(hit.hit_id for hit in waiting())
