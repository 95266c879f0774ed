"""PostHog's newer capture API, and what its clients ask for besides."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import pytest

from analytics.events import Refusal, Refused
from analytics.protocols import posthog_helpers, posthog_v1, wire

UUIDS = [
    "ad303ed7-639b-476f-8630-ba63930caf07",
    "1db054e4-0cdc-4327-9aa9-e888244cdc02",
    "25161206-98d9-4651-a42e-5c4af840498b",
]
EVENTS: list[dict[str, Any]] = [
    {
        "event": "signup",
        "uuid": uuid,
        "distinct_id": "u",
        "timestamp": "2026-11-22T23:35:06Z",
        "options": {},
        "properties": {},
    }
    for uuid in UUIDS
]
HEADERS = {
    "authorization": "Bearer phc_A",
    "posthog-sdk-info": "posthog-rs/1.2.3",
    "posthog-attempt": "1",
    "posthog-request-id": "0882ada8-e620-4f40-b0fe-8fe5561cfae4",
    "posthog-request-timestamp": "2026-11-22T23:35:06.181974+00:00",
}


def sent(body: object, **headers: str) -> wire.Request:
    packed = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.Request("POST", "/i/v1/analytics/events", "", HEADERS | named, packed)


BATCH = {"created_at": "2026-11-22T23:35:06.181677+00:00", "batch": EVENTS}


def test_key_clock_and_library_are_headers() -> None:
    batch = posthog_v1.split(sent(BATCH))
    assert {event.site for event in batch.events} == {"phc_A"}
    assert [event.name for event in batch.events] == UUIDS
    assert batch.sent_at == "2026-11-22T23:35:06.181974+00:00"
    assert all(posthog_v1.read(event.payload).from_server for event in batch.events)
    assert [json.loads(event.payload)[0] for event in batch.events] == EVENTS


def test_without_a_library_events_are_kept_as_they_came() -> None:
    body = b'{"batch":[ {"event" : "a", "distinct_id":"u"} ]}'
    assert [event.payload for event in posthog_v1.split(sent(body, posthog_sdk_info="")).events] == [
        '{"event" : "a", "distinct_id":"u"}'
    ]


def test_the_options_of_an_event_say_what_properties_did() -> None:
    personless = EVENTS[0] | {"options": {"process_person_profile": False}}
    uncorrected = EVENTS[1] | {"options": {"disable_skew_correction": True}}
    batch = posthog_v1.split(sent({"batch": [personless, uncorrected]}))
    assert batch.sent_at is None
    assert [posthog_v1.read(event.payload).user_id for event in batch.events] == ["", "u"]


def test_a_body_may_be_deflated() -> None:
    packed = zlib.compress(json.dumps(BATCH).encode())
    assert len(posthog_v1.split(sent(packed, content_encoding="deflate")).events) == 3


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        ({"batch": []}, {}, Refusal.NO_EVENTS),
        ({}, {}, Refusal.NO_EVENTS),
        (b"", {}, Refusal.NO_EVENTS),
        (b"[]", {}, Refusal.BAD_FIELD),
        (BATCH, {"authorization": ""}, Refusal.NO_SITE),
        (BATCH, {"authorization": "Basic phc_A"}, Refusal.NO_SITE),
        (BATCH, {"content_encoding": "br"}, Refusal.BAD_ENCODING),
    ],
)
def test_what_is_no_batch_is_refused(body: object, headers: dict[str, str], code: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        posthog_v1.split(sent(body, **headers))
    assert refused.value.code is code


def test_every_event_is_answered_by_its_uuid() -> None:
    request = sent({"batch": [*EVENTS, {"event": "no uuid"}]})
    outcomes = [wire.Outcome(0), wire.Outcome(1, Refusal.NO_NAME, "No."), wire.Outcome(2), wire.Outcome(3)]
    reply = posthog_v1.answer(request, posthog_v1.split(request), outcomes)
    assert (reply.status, reply.headers["PostHog-Request-Id"]) == (200, HEADERS["posthog-request-id"])
    assert json.loads(reply.body) == {
        "results": {
            UUIDS[0]: {"result": "ok"},
            UUIDS[1]: {"result": "drop", "details": "no_name"},
            UUIDS[2]: {"result": "ok"},
        }
    }


def test_when_no_event_is_any_good_they_are_dropped_one_by_one() -> None:
    request = sent(BATCH)
    outcomes = [wire.Outcome(n, Refusal.BAD_FIELD, "No.") for n in range(3)]
    reply = posthog_v1.answer(request, posthog_v1.split(request), outcomes)
    assert reply.status == 200
    assert {result["result"] for result in json.loads(reply.body)["results"].values()} == {"drop"}


@pytest.mark.parametrize(("code", "status"), [(Refusal.UNKNOWN_SITE, 401), (Refusal.SUSPENDED, 403)])
def test_a_bad_key_is_an_error_in_json(code: Refusal, status: int) -> None:
    request = sent(BATCH)
    reply = posthog_v1.answer(request, posthog_v1.split(request), [wire.Outcome(n, code, "Why.") for n in range(3)])
    assert (reply.status, json.loads(reply.body)) == (status, {"error": code.value, "error_description": "Why."})


def test_only_a_plain_request_id_comes_back() -> None:
    reply = posthog_v1.refuse(
        sent({}, posthog_request_id="a b\r\nSet-Cookie: x"), Refused(Refusal.BAD_JSON, "No."), 400
    )
    assert (reply.status, reply.headers) == (400, {})


# What clients ask for besides.


def asked(path: str) -> wire.Request:
    return wire.Request("GET", path, "", {}, b"")


def test_no_flag_is_on_whatever_the_version_of_the_question() -> None:
    flags = json.loads(posthog_helpers.flags(asked("/flags/"), lambda _: None).body)
    assert (flags["flags"], flags["featureFlags"], flags["errorsWhileComputingFlags"]) == ({}, {}, False)


@pytest.mark.parametrize("path", ["/array/phc_A/config", "/array/phc_A/config/"])
def test_a_project_has_a_configuration(path: str) -> None:
    reply = posthog_helpers.config(asked(path), {"phc_A": "a.example"}.get)
    config = json.loads(reply.body)
    assert (reply.status, config["token"], config["analytics"]) == (200, "phc_A", {"endpoint": "/i/v0/e/"})
    assert (config["sessionRecording"], config["hasFeatureFlags"]) == (False, False)
    # To posthog-js `false` means "load the script, then show none".
    assert "surveys" not in config
    assert "gzip-js" in config["supportedCompression"]


def test_the_script_says_the_same_as_the_configuration() -> None:
    domain_of = {"phc_A": "a.example"}.get
    script = posthog_helpers.config(asked("/array/phc_A/config.js"), domain_of)
    assert script.content_type == "application/javascript"
    found = re.fullmatch(r'.*\["phc_A"\]=\{"config":(.*),"siteApps":\[\]\};\n', script.body.decode())
    assert found
    assert json.loads(found[1]) == json.loads(posthog_helpers.config(asked("/array/phc_A/config"), domain_of).body)


@pytest.mark.parametrize(
    "path", ["/array/phc_B/config", "/array/phc_B/config.js", '/array/"];alert(1)//config', "/array//config"]
)
def test_an_unknown_project_has_none(path: str) -> None:
    assert posthog_helpers.config(asked(path), {"phc_A": "a.example"}.get).status == 404
