"""A person with a browser who looks at pages that carry a tracker, and what the tables then hold."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from playwright.sync_api import BrowserContext, Page, Request

from analytics.store import db
from tests import builders, processes
from tests.browser.pages import PAGE, Pages

SETTLED_MS = 400
"""Longer than the tracker waits before it sends."""


class Stored(NamedTuple):
    """An event, and the payload it came from."""

    name: str
    host: str
    path: str
    title: str
    props: dict[str, str]
    interactive: bool
    revenue: Decimal | None
    currency: str
    engagement_ms: int
    scroll_percent: int
    ts: dt.datetime
    event_id: UUID | None
    category: str
    referrer: str
    source: str
    visit_id: int
    payload: Any

    @property
    def came_from(self) -> str:
        """The event's own referrer; the column has that of the visit."""
        return str(self.payload["referrer"])


_COLUMNS = ", ".join(f"event.{name}" for name in Stored._fields[:-1])


class Visitor:
    def __init__(self, context: BrowserContext, pages: Pages, pool: str) -> None:
        self.context = context
        self.pages = pages
        self.pool = pool
        self.origin = f"http://localhost:{pages.port}"
        self.posts: list[Request] = []
        """What was sent to the pool, in order."""
        self.errors: list[str] = []
        """What the pages' console said, and what they failed with."""
        context.on("request", lambda request: self.posts.append(request) if request.method == "POST" else None)
        context.on("console", lambda message: self.errors.append(message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def tag(self, attributes: str = "", script: str = "recount.js") -> str:
        """The line that a page includes, with more attributes."""
        return f'<script defer data-site="example.com" {attributes} src="{self.pool}/js/{script}"></script>'

    def page(self, path: str, body: str = "", **given: str) -> None:
        """There is a page. `title` is its title; `head` stands in for the tag in its head, `tag` in the tag."""
        head = given.get("head") or self.tag(given.get("tag", ""))
        self.pages.documents[path] = PAGE.format(title=given.get("title", "A page"), head=head, body=body)

    def open(self, path: str, **options: Any) -> Page:
        """A new tab with a page of the site, loaded."""
        tab = self.context.new_page()
        self.go(tab, path, **options)
        return tab

    def go(self, tab: Page, path: str, **options: Any) -> None:
        """Load a page, and wait until the tracker has sent what there is."""
        tab.goto(f"{self.origin}{path}", **options)
        tab.wait_for_timeout(SETTLED_MS)

    def do(self, tab: Page, script: str) -> Any:
        """Something that the page's own script does, and wait until the tracker has sent it."""
        result = tab.evaluate(script)
        tab.wait_for_timeout(SETTLED_MS)
        return result

    def leave(self, tab: Page) -> None:
        """Go away from the site."""
        tab.goto("about:blank")

    def stored(self, count: int) -> list[Stored]:
        """The events of the table in the order of time: as many as are expected, and no more."""
        processes.wait_until(lambda: len(_stored()) >= count, f"{count} events are stored")
        time.sleep(SETTLED_MS / 1000)
        found = _stored()
        assert len(found) == count, [(event.name, event.path) for event in found]
        return found

    def kept(self, tab: Page) -> list[dict[str, Any]]:
        """The events that wait in the browser to be sent again."""
        text = tab.evaluate("localStorage['recount:example.com'] || '[]'")
        found: list[dict[str, Any]] = msgspec.json.decode(text)
        return found


def _stored() -> list[Stored]:
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute(f"SELECT {_COLUMNS}, payload FROM event JOIN hit USING (hit_id) ORDER BY event.ts, hit_id")
        rows = cursor.fetchall()
    events = [Stored._make((*row[:-1], _read(row[-1]))) for row in rows]
    return sorted(events, key=_happened)


def _read(payload: str) -> Any:
    """What it says where it is JSON, else its text."""
    return msgspec.json.decode(payload) if payload.startswith("{") else payload


def _happened(event: Stored) -> float:
    """The client's clock: the table's has the way to the pool added, which is not always as long."""
    said = event.payload.get("timestamp") if isinstance(event.payload, dict) else None
    return said if isinstance(said, int) else event.ts.timestamp() * 1000


def named(events: list[Stored], name: str) -> list[Stored]:
    return [event for event in events if event.name == name]
