"""Our own pixel."""

from __future__ import annotations

import contextlib
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import pixel, wire
from tests.protocols import storable

BATCH = wire.Batch(())


def get(query: str, **headers: str) -> wire.Request:
    return wire.Request("GET", "/pixel.gif", query, headers, b"")


def read(query: str) -> ClientEvent:
    (event,) = pixel.split(get(query)).events
    return pixel.read(event.payload)


def refusal(query: str) -> Refusal:
    with pytest.raises(Refused) as refused:
        read(query)
    return refused.value.code


def test_every_parameter_has_its_place() -> None:
    query = urlencode({
        "site": "example.com", "name": "mail opened", "url": "https://example.com/mail/7", "title": "Tést",
        "referrer": "https://news.example/", "event_id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "p.list": "weekly",
        "p.a.b": "c", "p.empty": "", "zz": "1",
    })  # fmt: skip
    assert pixel.split(get(query, referer="https://other.example/")).events == (wire.Addressed("example.com", query),)
    assert read(query) == ClientEvent(
        name="mail opened",
        url="https://example.com/mail/7",
        referrer="https://news.example/",
        title="Tést",
        event_id=UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        props={"list": "weekly", "a.b": "c"},
    )


def test_a_name_is_not_needed() -> None:
    assert read("site=example.com&url=/a") == ClientEvent(name="pageview", url="/a")
    assert read("site=example.com&name=+&title=x").name == "pageview"


def test_the_page_is_the_one_that_shows_the_image() -> None:
    page = "https://example.com/a?b=1&c=%20#d"
    (event,) = pixel.split(get("site=example.com&p.x=1", referer=page)).events
    assert pixel.read(event.payload) == ClientEvent(name="pageview", url=page, props={"x": "1"})
    (event,) = pixel.split(get("site=example.com&url=", referer=page)).events
    assert pixel.read(event.payload).url == page


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", Refusal.NO_SITE),
        ("site=&name=x", Refusal.NO_SITE),
        ("site=a&url=ftp://x", Refusal.BAD_URL),
        (f"site=a&name={'x' * 129}", Refusal.BAD_NAME),
        ("site=a&p.=1", Refusal.BAD_PROPS),
        ("site=a&" + "&".join(f"p.{n}=1" for n in range(101)), Refusal.BAD_PROPS),
        ("&".join(["site=a"] * 1001), Refusal.BAD_FIELD),
        (f"site=a&event_id={'x' * 257}", Refusal.BAD_EVENT_ID),
    ],
)
def test_what_is_wrong_is_refused(query: str, code: Refusal) -> None:
    assert refusal(query) is code


def test_there_is_always_an_image() -> None:
    good, bad = wire.Outcome(0), wire.Outcome(0, Refusal.UNKNOWN_SITE, "No.")
    for reply, status in (
        (pixel.answer(get(""), BATCH, [good]), 200),
        (pixel.answer(get(""), BATCH, [bad]), 400),
        (pixel.refuse(get(""), Refused(Refusal.RATE_LIMITED, "No."), 429), 429),
    ):
        assert (reply.status, reply.content_type, len(reply.body)) == (status, "image/gif", 43)
        assert reply.body.startswith(b"GIF89a")


@given(st.text(max_size=80), st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_read_or_refused(query: str, referer: str) -> None:
    with contextlib.suppress(Refused):
        for event in pixel.split(get(f"site=a&{query}", referer=referer)).events:
            assert "\x00" not in event.payload
            storable.check(pixel.read(event.payload))
