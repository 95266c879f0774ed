"""The one Query that every page, API and export builds, and the Answer it gets.

A Query is complete: nothing else (no clock, no session, no settings) decides what it means.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Op = Literal["is", "is_not", "contains", "contains_not", "matches", "matches_not"]


class BadQuery(ValueError):
    """The question cannot be answered. `field` names the part that is wrong, the message says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Condition:
    """`dimension op values`: any of the values for `is`, `contains` and `matches` (RE2), none for the negated."""

    op: Op
    dimension: str
    values: tuple[str, ...]
    case_sensitive: bool = True


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: Filter


@dataclass(frozen=True, slots=True)
class Done:
    """Of a whole visit: it has an event in the range that `of` holds for (`has_done`), or none (`has_not_done`)."""

    of: Filter
    negated: bool = False


Filter = Condition | All | AnyOf | Not | Done


@dataclass(frozen=True, slots=True)
class Goal:
    """What a site wants its visitors to do: an event that `filter` holds for reaches it."""

    name: str
    filter: Filter


@dataclass(frozen=True, slots=True)
class Query:
    site_id: int
    metrics: tuple[str, ...]
    start: dt.datetime
    """Aware; first instant of the range."""
    end: dt.datetime
    """Aware; first instant after the range."""
    zone: str
    """IANA name; days, weeks and months are this zone's."""
    dimensions: tuple[str, ...] = ()
    """Catalogue names, at most one of them `time:minute|hour|day|week|month`."""
    filter: Filter | None = None
    order: tuple[tuple[str, Literal["asc", "desc"]], ...] = ()
    """(metric or dimension, direction); empty: time ascending, else the first metric descending."""
    limit: int = 10_000
    offset: int = 0
    with_bots: bool = False
    """Count bots and other left-out events too."""
    total_rows: bool = False
    fill: bool = True
    """With one time dimension alone: give every bucket of the range, also those in which nothing happened."""
    goals: tuple[Goal, ...] = ()
    """What `event:goal` and the metrics of conversions speak of."""
    only: tuple[tuple[str, ...], ...] = ()
    """Give these rows alone, by their values of all dimensions but buckets of time; everything else, such as shares of
    the whole, stays as it is. Empty: give all."""
    currency: str = ""
    """ISO 4217: revenue is converted to it. Empty: it stays in its own currency, which must then be one."""


@dataclass(frozen=True, slots=True)
class Row:
    dimensions: tuple[str, ...]
    """Text; time buckets in ISO form (`2026-11-23`, or `2026-11-23 14:00:00`); `(none)` for what is not set."""
    metrics: tuple[float | int | None, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    rows: tuple[Row, ...]
    engine: Literal["timescaledb", "duckdb"]
    as_of: dt.datetime
    """When the newest row that could be in it was looked for."""
    rulesets: tuple[int, ...] = ()
    """Ruleset versions of the events it is made of."""
    warning: str = ""
    """Said when the answer is not whole, such as when the lake is away."""
    total_rows: int | None = None
    cached: bool = False
    provisional: bool = False
    """Late events wait to be put into their visits: visits, and what is counted of them, may still change a little."""
    rows_read: int = 0
    """Rows that the engine had to look at: those of the lake's files that it read, whichever site or hour they are of,
    and those taken from TimescaleDB. Of an answer by TimescaleDB alone: the site's events in the range, bots too."""
    files_read: int = 0
    """Files of the lake that the engine read."""
    incomplete: tuple[str, ...] = ()
    """Time buckets of its rows that contain now, as the rows name them."""
    currency: str = ""
    """What its revenue is in; empty when none was asked for, or there is none."""
