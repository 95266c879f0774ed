"""What a page shows, as its URL says it. Every link of a page is a changed State, and so can be shared."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.urls import reverse

from analytics.dashboard import cards, period, tiles
from analytics.reports import parse, timerange
from analytics.reports.query import All, BadQuery, Condition, Filter
from analytics.sites.models import Site

MOST_FILTERS = 20


@dataclass(frozen=True, slots=True)
class State:
    """Everything a page's URL says; the defaults are not written."""

    domain: str
    word: str = period.DEFAULT
    first: dt.date | None = None
    """First day of custom dates."""
    last: dt.date | None = None
    """Last day of custom dates, itself included."""
    metric: str = tiles.METRICS[0].name
    interval: str = ""
    """Empty: the one that fits the range."""
    compare: bool = True
    filters: tuple[Condition, ...] = ()
    tabs: Mapping[str, str] = field(default_factory=dict)
    """Card → tab, for tabs other than the first."""
    whole: bool = False
    """Everything in one answer, for a reader without JavaScript."""

    def changed(self, **what: Any) -> State:
        return replace(self, **what)

    @property
    def filter(self) -> Filter | None:
        if not self.filters:
            return None
        return self.filters[0] if len(self.filters) == 1 else All(self.filters)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Names and values of everything but the dates."""
        pairs = []
        if self.metric != tiles.METRICS[0].name:
            pairs.append(("metric", self.metric))
        if self.interval:
            pairs.append(("interval", self.interval))
        if not self.compare:
            pairs.append(("compare", "off"))
        pairs += [(card, tab) for card, tab in sorted(self.tabs.items())]
        pairs += [("f", parse.filter_text(condition)) for condition in self.filters]
        if self.whole:
            pairs.append(("whole", "1"))
        return pairs

    @property
    def query_string(self) -> str:
        pairs = [("period", self.word)] if self.word != period.DEFAULT else []
        if self.word == "custom" and self.first and self.last:
            pairs += [("from", self.first.isoformat()), ("to", self.last.isoformat())]
        pairs += self.kept
        return urlencode(pairs, safe=",:/", quote_via=quote)

    def url(self, name: str = "site", *parts: str) -> str:
        """Address of the site page, or of another page or fragment with the same state."""
        path = _path(name, self.domain, *parts)
        query = self.query_string
        return f"{path}?{query}" if query else path

    def with_filter(self, condition: Condition) -> State:
        """The state after a click on a row: a filter of the same kind on the dimension is replaced."""
        kept = tuple(f for f in self.filters if (f.dimension, f.op) != (condition.dimension, condition.op))
        return self.changed(filters=(*kept, condition))

    def without_filter(self, condition: Condition) -> State:
        return self.changed(filters=tuple(f for f in self.filters if f != condition))

    def with_tab(self, card: str, tab: str) -> State:
        others = {name: chosen for name, chosen in self.tabs.items() if name != card}
        first = cards.CARDS[card].tabs[0].name
        return self.changed(tabs=others if tab == first else {**others, card: tab})

    def tab(self, card: cards.Card) -> cards.Tab:
        """The open tab of a card."""
        return card.tab(self.tabs.get(card.name, card.tabs[0].name))

    def span(self, zone: str, now: dt.datetime) -> period.Span:
        """The range in the site's time zone, future hours of today included."""
        if self.word == "custom" and self.first and self.last:
            return period.in_zone(*timerange.between(self.first.isoformat(), self.last.isoformat(), zone), zone)
        return period.in_zone(*timerange.resolve(self.word, zone, now), zone)


@functools.lru_cache(maxsize=4096)
def _path(name: str, *parts: str) -> str:
    """Remembered, since a page has some sixty links."""
    return reverse(f"dashboard:{name}", args=parts)


def read(site: Site, given: QueryDict) -> State:
    """The state that an address says. Raises BadQuery, naming the part that cannot be read."""
    word = given.get("period", period.DEFAULT)
    if word not in period.LABELS:
        raise BadQuery("period", f"there is no period “{word}”")
    first, last = (_day(given, "from"), _day(given, "to")) if word == "custom" else (None, None)
    if word == "custom" and (first is None or last is None or first > last):
        raise BadQuery("from", "give the first and the last day, the first one first")
    metric = given.get("metric", tiles.METRICS[0].name)
    if metric not in tiles.BY_NAME:
        raise BadQuery("metric", f"there is no metric “{metric}”")
    interval = given.get("interval", "")
    if interval and interval not in period.INTERVALS:
        raise BadQuery("interval", f"there is no interval “{interval}”")
    texts = given.getlist("f")
    if len(texts) > MOST_FILTERS:
        raise BadQuery("f", f"at most {MOST_FILTERS} filters")
    return State(
        domain=site.domain,
        word=word,
        first=first,
        last=last,
        metric=metric,
        interval=interval,
        compare=given.get("compare") != "off",
        filters=tuple(parse.condition(text) for text in texts),
        tabs=_tabs(given),
        whole=given.get("whole") == "1",
    )


def _tabs(given: QueryDict) -> dict[str, str]:
    chosen = {name: given.get(name, "") for name in cards.CARDS}
    return {name: tab for name, tab in chosen.items() if tab in cards.CARDS[name].later_tabs}


def _day(given: QueryDict, name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(given.get(name, ""))
    except ValueError:
        return None
