"""Our own pixel, for pages without scripts and for mails: GET /pixel.gif?site=example.com&name=…&url=…&p.KEY=VALUE."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.events import PAGEVIEW, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, flat, wire

NAME = "pixel"
IDS = ""
METHODS = ("GET",)
KEYS = {
    "site": "site",
    "name": "name",
    "url": "url",
    "referrer": "referrer",
    "title": "title",
    "event_id": "event_id",
    "props": "p.KEY",
}
"""Ours → the parameter."""

_PREFIX = KEYS["props"].removesuffix("KEY")


def split(request: wire.Request) -> wire.Batch:
    """One event; the page that shows the image is its `url` when it names none. Raises Refused."""
    payload = flat.asked(request)
    said = wire.parameters(payload)
    if not said.get("site"):
        raise Refused(Refusal.NO_SITE, "Name the site: /pixel.gif?site=example.com.")
    if not said.get("url"):
        payload = flat.with_(payload, "url", request.headers.get("referer", "")[: Limits.URL_CHARS])
    return wire.Batch(events=(wire.Addressed(said["site"], payload),))


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said = wire.parameters(payload)
    return ClientEvent(
        name=clean.name(said.get("name", "").strip() or PAGEVIEW),
        url=clean.url(said.get("url")),
        referrer=clean.text(said.get("referrer"), Limits.URL_CHARS),
        title=clean.text(said.get("title"), Limits.TITLE_CHARS),
        event_id=clean.event_id(said.get("event_id")),
        props=clean.props(
            {name.removeprefix(_PREFIX): value for name, value in said.items() if name.startswith(_PREFIX)},
            strict=True,
        ),
    )


def answer(_: wire.Request, __: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """The image, whatever became of the event; the status says it."""
    return wire.pixel(200 if outcomes[0].refused is None else 400)


def refuse(_: wire.Request, __: Refused, status: int) -> wire.Reply:
    """The image all the same: a page must not show a broken one."""
    return wire.pixel(status)
