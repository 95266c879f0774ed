"""The page of one site around its cards: header, period picker and filter chips; and the list of sites."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analytics.dashboard import breakdown, cards, chart, formats, period, top
from analytics.dashboard.reader import Reader
from analytics.dashboard.state import State
from analytics.reports.query import Condition
from analytics.sites import create
from analytics.sites.models import Site

REFRESH_SECONDS = 60
"""How often a page whose range contains now asks again."""
_SAID = {
    "is": "is", "is_not": "is not", "contains": "contains", "contains_not": "does not contain",
    "matches": "matches", "matches_not": "does not match",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in words."""

    dimension: str
    said: str
    values: tuple[str, ...]
    url: str
    """The page without it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the period menu."""

    choice: period.Choice
    url: str
    chosen: bool


def context(reader: Reader, sites: Iterable[Site]) -> dict[str, Any]:
    """What the template of the page needs; with `whole` also what its cards need."""
    state = reader.state
    page = frame(reader, sites) | {
        "whole_url": state.changed(whole=True).url(),
        "top_url": state.url("top"),
        "trigger": f"load, every {REFRESH_SECONDS}s" if reader.span.end >= reader.now else "load",
        "cards": [_shell(reader, card) for card in cards.CARDS.values()],
    }
    return page | {"top": top.context(reader), "current": current(reader)} if state.whole else page


def frame(reader: Reader, sites: Iterable[Site]) -> dict[str, Any]:
    """What the templates of header, period picker and chips need."""
    state = reader.state
    return {
        "site": reader.site,
        "sites": [(site.domain, state.changed(domain=site.domain, filters=()).url()) for site in sites],
        "state": state,
        "chips": [_chip(state, condition) for condition in state.filters],
        "clear_url": state.changed(filters=()).url(),
        "periods": _periods(state),
        "period_label": period.LABELS[state.word],
        "range": period.said(reader.span),
        "first_day": reader.span.start.date(),
        "last_day": (reader.span.end - dt.timedelta(microseconds=1)).date(),
        "compare_url": state.changed(compare=not state.compare).url() if state.word != "all" else "",
        "now_url": state.url("now"),
    }


def _shell(reader: Reader, card: cards.Card) -> dict[str, Any]:
    state = reader.state
    open_tab = state.tab(card)
    return {
        "card": card,
        "url": state.url("card", card.name),
        "tabs": [(tab, state.with_tab(card.name, tab.name).url(), tab == open_tab) for tab in card.tabs],
        "body": breakdown.card(reader, card) if state.whole else None,
    }


def _chip(state: State, condition: Condition) -> Chip:
    tab = cards.TABS.get(condition.dimension)
    return Chip(
        dimension=tab.one if tab else condition.dimension,
        said=_SAID[condition.op],
        values=tuple(" ".join(breakdown.shown(condition.dimension, value)).strip() for value in condition.values),
        url=state.without_filter(condition).url(),
    )


def _periods(state: State) -> list[list[Step]]:
    steps = [
        Step(
            choice, state.changed(word=choice.word, first=None, last=None, interval="").url(), choice.word == state.word
        )
        for choice in period.CHOICES
    ]
    return [list(group) for _, group in groupby(steps, key=lambda step: step.choice.group)]


def current(reader: Reader) -> dict[str, Any]:
    """Visitors of the last five minutes."""
    count = reader.current()
    return {"count": formats.short(count), "exact": formats.exact(count), "one": count == 1}


def site_card(site: Site, now: dt.datetime, ingest_url: str) -> dict[str, Any]:
    """A site in the list: visitors of the last 24 hours, hour by hour, against the 24 hours before."""
    reader = Reader(site, State(domain=site.domain, word="24h"), now)
    given = {row.dimensions[0]: row.metrics[0] for row in reader.series(reader.span).rows}
    hours = [b for b in period.buckets(reader.span, "hour") if b.start >= reader.span.start and b.end <= reader.now]
    new, old = top.total(reader.totals, "visitors"), top.total(reader.totals_before, "visitors")
    values = [given.get(hour.key, 0) for hour in hours]
    return {
        "site": site,
        "visitors": formats.short(new),
        "exact": formats.exact(new),
        "change": formats.change(new, old),
        "spark": chart.draw(chart.Series([hour.label for hour in hours], values, [False] * len(hours)), "count"),
        "silent": not new and not old,
        "snippet": create.snippet(site, ingest_url),
        "as_of": top.as_of(reader),
        "warnings": reader.warnings,
    }


def example_snippet(ingest_url: str) -> str:
    """The line that a page includes, for a site that does not exist yet."""
    return create.snippet(Site(domain="example.com"), ingest_url)
