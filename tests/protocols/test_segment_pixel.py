"""Segment's messages in the address of an image, and RudderStack's source configuration."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import segment, segment_pixel, wire

MESSAGE = {"writeKey": "WK", "userId": "user_123", "event": "Email Opened", "properties": {"subject": "Päev ahead?>"}}


def asked(path: str, query: str, **headers: str) -> wire.Request:
    return wire.Request("GET", path, query, headers, b"")


def opened(path: str, query: str) -> tuple[str, ClientEvent]:
    (event,) = segment_pixel.split(asked(path, query)).events
    return event.site, segment_pixel.read(event.payload)


def packed(message: object) -> str:
    return base64.b64encode(json.dumps(message, ensure_ascii=False).encode()).decode()


@pytest.mark.parametrize(
    "data",
    [
        quote(packed(MESSAGE)),
        packed(MESSAGE),
        packed(MESSAGE).replace("+", "-").replace("/", "_").rstrip("="),
        quote(json.dumps(MESSAGE)),
    ],
    ids=["base64", "base64 with its + unquoted", "URL-safe base64", "plain"],
)
def test_a_message_in_data_is_json_or_its_base64(data: str) -> None:
    site, event = opened("/v1/pixel/track", f"data={data}")
    assert (site, event.name, event.user_id) == ("WK", "Email Opened", "user_123")
    assert event.props == {"subject": "Päev ahead?>"}


def test_a_message_may_lie_in_parameters_with_dotted_names() -> None:
    query = urlencode(
        {
            "writeKey": "WK",
            "anonymousId": '"amp-1"',
            "name": "Home",
            "context.page.url": "https://a.example/?q=1",
            "context.page.title": "Tere",
            "context.ip": "192.0.2.77",
            "properties.plan": "pro",
            "originalTimestamp": "2026-11-22T10:00:00Z",
        }
    )
    site, event = opened("/pixel/v1/page", query)
    assert (site, event.name, event.client_id) == ("WK", "pageview", "amp-1")
    assert (event.url, event.title, event.address) == ("https://a.example/?q=1", "Tere", "192.0.2.77")
    assert event.props == {"name": "Home", "plan": "pro"}
    assert not event.from_server


def test_names_that_contradict_each_other_do_no_harm() -> None:
    query = (
        "writeKey=WK&userId=u&event=x&properties=text&properties.a=1&context.page=x&context.page.url=/y&a.b.c.d.e.f=1"
    )
    assert opened("/pixel/v1/track", f"{query}&.=2")[1].name == "x"


@pytest.mark.parametrize("method", ["identify", "group", "alias", "page", "screen", "track"])
def test_the_path_says_what_it_is(method: str) -> None:
    event = opened(f"/v1/pixel/{method}", f"data={quote(packed(MESSAGE | {'type': 'merge'}))}")[1]
    assert event.name == {"page": "pageview", "screen": "pageview", "track": "Email Opened"}.get(method, method)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", Refusal.NO_SITE),
        ("userId=u&event=x", Refusal.NO_SITE),
        ("writeKey=WK&data=%7B", Refusal.BAD_JSON),
        ("writeKey=WK&data=!!", Refusal.BAD_JSON),
        ("writeKey=WK&data=" + quote(base64.b64encode(b"\xff\xfe").decode()), Refusal.BAD_JSON),
        ("writeKey=WK&data=W10=", Refusal.BAD_FIELD),
    ],
)
def test_what_is_no_message_is_refused(query: str, code: Refusal) -> None:
    with pytest.raises(Refused) as refused:
        segment_pixel.split(asked("/pixel/v1/track", query))
    assert refused.value.code is code


def test_every_answer_is_a_gif() -> None:
    request = asked("/pixel/v1/track", "")
    bad = wire.Outcome(0, Refusal.UNKNOWN_SITE, "No.")
    for reply in (
        segment_pixel.answer(request, wire.Batch(()), [bad]),
        segment_pixel.refuse(request, Refused(Refusal.BAD_JSON, "No."), 400),
    ):
        assert (reply.status, reply.content_type, reply.body[:6]) == (200, "image/gif", b"GIF89a")


def source(query: str, **headers: str) -> wire.Reply:
    return segment_pixel.source_config(asked("/sourceConfig/", query, **headers), {"WK": "a.example"}.get)


@pytest.mark.parametrize(
    ("query", "headers"),
    [("p=npm&v=3.34.1&writeKey=WK", {}), ("", {"authorization": f"Basic {base64.b64encode(b'WK:').decode()}"})],
)
def test_rudderstacks_browser_sdk_finds_a_source_without_destinations(query: str, headers: dict[str, str]) -> None:
    reply = source(query, **headers)
    found: dict[str, Any] = json.loads(reply.body)["source"]
    # What its isValidSourceConfig asks for.
    assert reply.status == 200
    assert found["id"]
    assert isinstance(found["config"], dict)
    assert found["destinations"] == []
    assert found["enabled"] is True
    assert (found["writeKey"], found["name"]) == ("WK", "WK")
    # Keys are also the small integers of all sites.
    assert b"a.example" not in reply.body


@pytest.mark.parametrize("query", ["", "writeKey=", "writeKey=other"])
def test_an_unknown_key_has_no_source(query: str) -> None:
    reply = source(query)
    assert (reply.status, json.loads(reply.body)["message"]) == (401, "Invalid Write Key")


@given(st.lists(st.tuples(st.text(alphabet="aceghinoptuxy.", max_size=20), st.text(max_size=10)), max_size=10))
@settings(max_examples=300, deadline=None)
def test_whatever_the_parameters_are_the_message_is_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    query = urlencode([("writeKey", "WK"), ("userId", "u"), ("event", "x"), *parameters])
    with contextlib.suppress(Refused):
        opened("/pixel/v1/track", query)


def test_its_hits_are_read_as_segments() -> None:
    assert (segment_pixel.NAME, segment_pixel.IDS) == (segment.NAME, segment.IDS)
