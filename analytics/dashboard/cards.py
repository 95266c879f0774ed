"""The four cards and their tabs: which dimension each lists, and how its values are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.reports import catalog

Kind = Literal["text", "page", "country"]


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    """In the URL."""
    label: str
    dimension: str
    """In the catalogue of reports."""
    kind: Kind = "text"
    empty: str = catalog.NONE
    """What a row without a value is called."""
    columns: tuple[str, ...] = ("visitors", "visits", "bounce_rate", "visit_duration")
    """Metrics of the full table."""

    @property
    def one(self) -> str:
        """Heading of the column: what a row is."""
        return catalog.DIMENSIONS[self.dimension].label


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    label: str
    tabs: tuple[Tab, ...]

    def tab(self, name: str) -> Tab:
        """The tab of that name. Raises LookupError."""
        for tab in self.tabs:
            if tab.name == name:
                return tab
        raise LookupError(name)

    @property
    def later_tabs(self) -> tuple[str, ...]:
        """Names of the tabs that are not open by themselves."""
        return tuple(tab.name for tab in self.tabs[1:])


_SOURCES = Card(
    "sources",
    "Sources",
    (
        Tab("channels", "Channels", "visit:channel"),
        Tab("sources", "Sources", "visit:source", empty="Direct / none"),
        Tab("referrers", "Referrers", "visit:referrer", empty="Direct / none"),
        Tab("campaigns", "Campaigns", "visit:utm_campaign"),
    ),
)
_PAGES = Card(
    "pages",
    "Pages",
    (
        Tab("top", "Top pages", "event:page", kind="page", columns=("visitors", "pageviews")),
        Tab("entry", "Entry", "visit:entry_page", kind="page"),
        Tab("exit", "Exit", "visit:exit_page", kind="page"),
    ),
)
_LOCATIONS = Card(
    "locations",
    "Locations",
    (
        Tab("countries", "Countries", "visit:country", kind="country", empty="Unknown"),
        Tab("regions", "Regions", "visit:region", empty="Unknown"),
        Tab("cities", "Cities", "visit:city", empty="Unknown"),
    ),
)
_DEVICES = Card(
    "devices",
    "Devices",
    (
        Tab("browsers", "Browsers", "visit:browser", empty="Unknown"),
        Tab("systems", "Systems", "visit:os", empty="Unknown"),
        Tab("devices", "Devices", "visit:device", empty="Unknown"),
    ),
)
CARDS = {card.name: card for card in (_SOURCES, _PAGES, _LOCATIONS, _DEVICES)}
TABS = {tab.dimension: tab for card in CARDS.values() for tab in card.tabs}
ROWS = 9
