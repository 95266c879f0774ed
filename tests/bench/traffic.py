"""Hits as a busy installation receives them: sites of unequal size, visits of several events, real browsers.

Everything is drawn from one seed, so that two runs write the same rows but for their ids.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from uuid import UUID

import msgspec

from analytics.events import Hit
from analytics.ingest import hits, visitor
from analytics.protocols import plausible, recount
from analytics.sites import lookup, models

PAGES = [f"/{section}/{number}" for number in range(150) for section in ("blog", "docs", "shop", "help", "pricing")]
SOURCES = [
    ("", ""),
    ("", "https://www.google.com/"),
    ("", "https://news.ycombinator.com/item?id=1"),
    ("", "https://t.co/abc"),
    ("?utm_source=newsletter&utm_medium=email&utm_campaign=autumn", ""),
    ("?gclid=x1&utm_source=google&utm_medium=cpc", "https://www.google.com/"),
]
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{m} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{m}"
    " Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
EVENTS_PER_VISIT = (1, 1, 1, 2, 3, 4, 6, 9, 14)
PROTOCOLS = (recount, recount, plausible)


def of(sites: list[models.Site], count: int, start: dt.datetime, per_second: int) -> Iterator[tuple[int, Hit]]:
    """(part, hit), `count` of them, as if `per_second` had come from `start` on."""
    draw = random.Random(20261125)
    running: list[_Visitor] = []
    for number in range(count):
        at = start + dt.timedelta(seconds=number / per_second)
        if len(running) < min(2_000, count // 10) or draw.random() < 0.02:
            running.append(_Visitor(draw, sites))
        place = draw.randrange(len(running))
        yield running[place].hit(draw, at, UUID(int=draw.getrandbits(128), version=4))
        if running[place].left == 0:
            running[place] = _Visitor(draw, sites)


class _Visitor:
    """Someone on a visit."""

    def __init__(self, draw: random.Random, sites: list[models.Site]) -> None:
        site = sites[min(int(draw.paretovariate(0.8)) - 1, len(sites) - 1)]
        self.facts = lookup.facts(site)
        self.left = draw.choice(EVENTS_PER_VISIT)
        self.query, self.referrer = draw.choice(SOURCES)
        address = f"{draw.randrange(1, 220)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
        agent = draw.choice(AGENTS).format(v=draw.randrange(120, 145), m=draw.randrange(8))
        headers = {"user-agent": agent, "accept-language": draw.choice(("en-GB,en;q=0.9", "de-DE", "et-EE", "ja-JP"))}
        self.caller = hits.caller(headers, visitor.parse_address(address))
        self.protocol = draw.choice(PROTOCOLS)

    def hit(self, draw: random.Random, at: dt.datetime, event_id: UUID) -> tuple[int, Hit]:
        url = f"https://{self.facts.domain}{draw.choice(PAGES)}{self.query}"
        event: dict[str, object] = {"name": "pageview", "url": url, "referrer": self.referrer}
        chance = draw.random()
        if chance < 0.15:
            event |= {"name": "add to cart", "props": {"sku": f"S-{draw.randrange(500)}", "list": "home"}}
        elif chance < 0.3:
            event |= {"name": "engagement", "engagement_ms": draw.randrange(60_000), "scroll": draw.randrange(100)}
        if self.protocol is plausible:
            said = event
            event = {"n": said["name"], "u": url, "r": self.referrer or None, "d": self.facts.domain}
            event |= {"p": props} if (props := said.get("props")) else {}
        else:
            event |= {"event_id": str(event_id), "title": "A page of the shop", "screen": "1920x1080"}
        self.left, self.query, self.referrer = self.left - 1, "", ""
        door = hits.Door(self.caller, at)
        return hits.admit(self.protocol, msgspec.json.encode(event).decode(), self.facts, door)
