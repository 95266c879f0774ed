"""The rows of a card, and the full table behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analytics.dashboard import cards, formats, places, top
from analytics.dashboard.reader import Reader
from analytics.dashboard.state import State
from analytics.reports import catalog
from analytics.reports.query import Condition, Row

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Cell:
    short: str
    exact: str


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    flag: str
    url: str
    """The page with this row as a filter; without it when it is one already."""
    chosen: bool
    outside: str
    """Where the page itself is; empty for what is no page."""
    share: str
    """Percent of the visitors under the same filters."""
    width: str
    """Of the bar behind the name, in percent of the greatest row."""
    cells: tuple[Cell, ...]


def card(reader: Reader, which: cards.Card) -> dict[str, Any]:
    """What the template of a card needs: its open tab's greatest rows."""
    tab = reader.state.tab(which)
    answer = reader.rows(tab.dimension, ("visitors",), cards.ROWS)
    return {
        "card": which,
        "tab": tab,
        "lines": _lines(reader, tab, answer.rows[: cards.ROWS]),
        "blanks": range(cards.ROWS - min(len(answer.rows), cards.ROWS)),
        "filtered": bool(reader.state.filters),
        "all_url": reader.state.url("table", which.name, tab.name),
        "heading": top.visitors_label(reader),
        "warnings": reader.warnings,
    }


def table(reader: Reader, which: cards.Card, tab: cards.Tab, page: int) -> dict[str, Any]:
    """What the template of the full table needs: one page of rows with every column."""
    answer = reader.rows(tab.dimension, tab.columns, PAGE_ROWS, offset=PAGE_ROWS * (page - 1))
    return {
        "card": which,
        "tab": tab,
        "lines": _lines(reader, tab, answer.rows[:PAGE_ROWS]),
        "columns": [
            top.visitors_label(reader) if name == "visitors" else catalog.metric(name).label for name in tab.columns
        ],
        "first": PAGE_ROWS * (page - 1) + 1,
        "last": PAGE_ROWS * (page - 1) + min(len(answer.rows), PAGE_ROWS),
        "previous_url": _page_url(reader.state, which, tab, page - 1) if page > 1 else "",
        "next_url": _page_url(reader.state, which, tab, page + 1) if len(answer.rows) > PAGE_ROWS else "",
        "as_of": top.as_of(reader),
        "warnings": reader.warnings,
    }


def page_number(text: str) -> int:
    """The page that an address asks for; the first when it says nothing that is one."""
    known = text.isascii() and text.isdigit() and len(text) < 6
    return max(1, int(text)) if known else 1


def _page_url(state: State, which: cards.Card, tab: cards.Tab, page: int) -> str:
    address = state.url("table", which.name, tab.name)
    return f"{address}{'&' if '?' in address else '?'}page={page}" if page > 1 else address


def shown(dimension: str, value: str) -> tuple[str, str]:
    """(flag, name) of a dimension's value, for rows and filter chips."""
    tab = cards.TABS.get(dimension)
    if value in ("", catalog.NONE):
        return "", tab.empty if tab else catalog.NONE
    if tab and tab.kind == "country":
        return places.flag(value), places.country(value)
    return "", value


def _lines(reader: Reader, tab: cards.Tab, rows: tuple[Row, ...]) -> list[Line]:
    greatest = max((row.metrics[0] or 0 for row in rows), default=0)
    made = []
    for row in rows:
        value = row.dimensions[0]
        flag, name = shown(tab.dimension, value)
        condition = Condition("is", tab.dimension, (value,))
        chosen = condition in reader.state.filters
        made.append(
            Line(
                name=name,
                flag=flag,
                url=_toggled(reader.state, condition, chosen).url(),
                chosen=chosen,
                outside=_outside(reader.site.domain, value) if tab.kind == "page" else "",
                share=formats.short(row.metrics[-1], "percent"),
                width=f"{formats.share(row.metrics[0], greatest) or 0:.1f}%",
                cells=tuple(_cell(*pair) for pair in zip(tab.columns, row.metrics[:-1], strict=False)),
            )
        )
    return made


def _cell(metric: str, value: formats.Number) -> Cell:
    unit = catalog.metric(metric).unit
    return Cell(formats.short(value, unit), formats.exact(value, unit))


def _toggled(state: State, condition: Condition, chosen: bool) -> State:
    return state.without_filter(condition) if chosen else state.with_filter(condition)


def _outside(domain: str, path: str) -> str:
    """Address of a page of the site. A text that is no path could lead elsewhere (`@evil.example`) and gets none."""
    return f"https://{domain}{path}" if path.startswith("/") else ""
