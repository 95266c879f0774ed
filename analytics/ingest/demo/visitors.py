"""The model of a visitor: who comes, from where, through which pages, for how long. Pure; the seed decides all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from analytics.ingest.demo import world
from analytics.ingest.demo.world import Page, Source

BOUNCES = 0.42
BOTS = 0.08
RETURNING = 0.22
SIGNED_IN = 0.06
MOST_PAGES = 12
REMEMBERED_PEOPLE = 400
BOT_PREFIX = "66.249"
SCREENS = {
    "mobile": ("390x844", "393x852", "412x915", "360x800", "430x932"),
    "tablet": ("820x1180", "1024x1366", "800x1280"),
    "desktop": ("1920x1080", "1536x864", "2560x1440", "1440x900", "1366x768"),
    "bot": ("",),
}
SHARED_LINKS = ("https://www.gardenmuseum.example/", "https://seedlibrary.example/catalogue", "https://maps.example/")
FILES = {"guide": "sowing-calendar-2026.pdf", "post": "planting-plan.pdf"}


@dataclass(frozen=True, slots=True)
class Person:
    """One browser somewhere. The address exists in memory only."""

    address: str
    user_agent: str
    device: str
    language: str
    screen: str
    utc_offset_hours: int
    user_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """An event of the own format without its time, so many seconds after the visit began."""

    after_seconds: float
    event: dict[str, Any]


@dataclass
class Model:
    """Draws people and visits."""

    random: Random
    world: world.World = field(default_factory=world.load)
    _people: list[Person] = field(default_factory=list)

    def person(self) -> Person:
        """Someone new, or someone who was here lately."""
        if self._people and self.random.random() < RETURNING:
            return self.random.choice(self._people)
        person = self._bot() if self.random.random() < BOTS else self._newcomer()
        if person.device != "bot":
            self._people.append(person)
            del self._people[:-REMEMBERED_PEOPLE]
        return person

    def visit(self, person: Person, source: Source | None = None) -> list[Step]:
        """What the person does, in the order of time; every event has an id of its own."""
        walk = Walk(self.random, self.world, person)
        walk.go(source or self.world.sources.draw(self.random), self._pages(person))
        return walk.steps

    def _pages(self, person: Person) -> int:
        if person.device == "bot":
            return self.random.randint(1, 4)
        if self.random.random() < BOUNCES:
            return 1
        pages = 2
        while pages < MOST_PAGES and self.random.random() < 0.66:
            pages += 1
        return pages

    def _newcomer(self) -> Person:
        network = self.world.networks.draw(self.random)
        agent = self.world.agents.draw(self.random)
        prefix = self.random.choice(network.prefixes)
        address = f"{prefix}.{self.random.randint(0, 255)}.{self.random.randint(1, 254)}"
        known = f"customer-{self.random.randint(1000, 9999)}" if self.random.random() < SIGNED_IN else ""
        screen = self.random.choice(SCREENS[agent.device])
        language = network.language
        return Person(address, agent.user_agent, agent.device, language, screen, network.utc_offset_hours, known)

    def _bot(self) -> Person:
        agent = self.world.bots.draw(self.random)
        address = f"{BOT_PREFIX}.{self.random.randint(64, 79)}.{self.random.randint(1, 254)}"
        return Person(address, agent.user_agent, "bot", "", "", 0, "")


@dataclass
class Walk:
    """One visit as it grows."""

    random: Random
    world: world.World
    person: Person
    steps: list[Step] = field(default_factory=list)
    _at: float = 0.0
    _referrer: str = ""
    _url: str = ""
    _title: str = ""
    _basket: Page | None = None

    def go(self, source: Source, pages: int) -> None:
        """Land from a source and look at so many pages."""
        section = source.landing.draw(self.random)
        query = source.query.replace("{id}", f"{self.random.getrandbits(96):x}")
        for number in range(pages):
            page = self.world.pages[section].draw(self.random)
            self._referrer = source.referrer if number == 0 else self._url
            self._url = f"{page.url}?{query}" if query and number == 0 else page.url
            self._title = page.title
            self._tell("pageview")
            self._look(page, alone=pages == 1)
            section = self.world.ways[section].draw(self.random)

    def _look(self, page: Page, *, alone: bool) -> None:
        """Stay on a page for a while, and perhaps do something there."""
        if self.person.device == "bot":
            self._at += self.random.uniform(1, 8)
            return
        seconds = min(self.random.lognormvariate(2.4 if alone else 3.3, 0.9), 900.0)
        for name, more in self._deeds(page, alone=alone):
            self._at += seconds * self.random.uniform(0.2, 0.6)
            self._tell(name, **more)
        self._at += seconds * 0.5
        if not alone or self.random.random() < 0.7:
            seen = self.random.randint(15, 70) if alone else self.random.randint(30, 100)
            self._tell("engagement", engagement_ms=int(seconds * 800), scroll=seen, interactive=False)
        self._at += self.random.uniform(0.3, 2)

    def _deeds(self, page: Page, *, alone: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the person does on a page besides reading."""
        chance = self.random.random()
        if page.price and chance < 0.5:
            self._basket = page
        if page.section == "thanks" and self._basket:
            items = self.random.choices((1, 2, 3), (70, 22, 8))[0]
            amount = f"{float(self._basket.price) * items:.2f}"
            props = {"product": self._basket.name, "items": str(items)}
            yield "Purchase", {"revenue": {"amount": amount, "currency": "EUR"}, "props": props}
            self._basket = None
        elif page.section == "newsletter" and chance < 0.4:
            yield "Signup", {"props": {"list": self.random.choice(("monthly", "new seeds"))}}
        elif page.section == "missing":
            yield "404", {"props": {"path": page.path}, "interactive": False}
        elif page.section in FILES and chance < 0.05 and not alone:
            yield "File Download", {"props": {"url": f"https://{world.DOMAIN}/files/{FILES[page.section]}"}}
        elif page.section in {"post", "guide"} and chance > 0.95:
            yield "Outbound Link: Click", {"props": {"url": self.random.choice(SHARED_LINKS)}}

    def _tell(self, name: str, **more: Any) -> None:
        event_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        event = {"name": name, "url": self._url, "referrer": self._referrer, "title": self._title, "event_id": event_id}
        known = {"screen": self.person.screen, "language": self.person.language, "user_id": self.person.user_id}
        self.steps.append(Step(self._at, event | {key: value for key, value in known.items() if value} | more))
