"""The demo's world, read from `data/`: pages, ways between them, sources, networks, user agents."""

from __future__ import annotations

import csv
import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

DOMAIN = "demo.example"
_DATA = Path(__file__).with_name("data")

T = TypeVar("T")


@dataclass
class Weighted(Generic[T]):
    """Things, each with a weight by which it is drawn."""

    things: list[T] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    _sums: list[float] = field(default_factory=list)

    def put(self, thing: T, weight: float) -> None:
        """One more thing."""
        self.things.append(thing)
        self.weights.append(weight)
        self._sums = []

    def draw(self, random: Random) -> T:
        """One of the things."""
        self._sums = self._sums or list(accumulate(self.weights))
        return random.choices(self.things, cum_weights=self._sums)[0]


@dataclass(frozen=True, slots=True)
class Page:
    section: str
    path: str
    title: str
    price: str
    """In the site's currency; empty when it sells nothing."""

    @property
    def url(self) -> str:
        return f"https://{DOMAIN}{self.path}"

    @property
    def name(self) -> str:
        """What it sells."""
        return self.path.rpartition("/")[2].replace("-", " ").capitalize()


@dataclass(frozen=True)
class Source:
    referrer: str
    query: str
    """Of the landing page's address; `{id}` stands for a click id."""
    landing: Weighted[str]
    """Sections."""


@dataclass(frozen=True, slots=True)
class Network:
    country: str
    utc_offset_hours: int
    language: str
    prefixes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Agent:
    user_agent: str
    device: str
    """mobile, tablet, desktop or bot."""


@dataclass
class World:
    pages: dict[str, Weighted[Page]] = field(default_factory=lambda: defaultdict(Weighted))
    """By section."""
    ways: dict[str, Weighted[str]] = field(default_factory=lambda: defaultdict(Weighted))
    """Section → the sections that follow."""
    sources: Weighted[Source] = field(default_factory=Weighted)
    networks: Weighted[Network] = field(default_factory=Weighted)
    agents: Weighted[Agent] = field(default_factory=Weighted)
    bots: Weighted[Agent] = field(default_factory=Weighted)


@functools.cache
def load() -> World:
    """The world as the data files have it."""
    world = World()
    for row in _rows("pages"):
        page = Page(row["section"], row["path"], row["title"], row["price"])
        world.pages[page.section].put(page, float(row["popularity"]))
    for row in _rows("paths"):
        world.ways[row["from"]].put(row["to"], float(row["weight"]))
    for row in _rows("sources"):
        world.sources.put(Source(row["referrer"], row["query"], _landing(row["landing"])), float(row["weight"]))
    for row in _rows("networks"):
        network = Network(row["country"], int(row["utc_offset_hours"]), row["language"], row["prefixes"].split())
        world.networks.put(network, float(row["weight"]))
    for row in _rows("user_agents"):
        world.agents.put(Agent(row["user_agent"], row["device"]), float(row["weight"]))
    for row in _rows("bots"):
        world.bots.put(Agent(row["user_agent"], "bot"), float(row["weight"]))
    return world


def _rows(name: str) -> list[dict[str, str]]:
    with (_DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _landing(text: str) -> Weighted[str]:
    sections: Weighted[str] = Weighted()
    words = text.split()
    for section, weight in zip(words[::2], words[1::2], strict=True):
        sections.put(section, float(weight))
    return sections
