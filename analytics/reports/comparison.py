"""The range that another is compared with, and the rows of the two side by side."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from analytics.reports.query import Answer, BadQuery, Query, Row

Kind = Literal["previous_period", "year_over_year", "custom"]


@dataclass(frozen=True, slots=True)
class Mode:
    """What to compare with."""

    kind: Kind = "previous_period"
    match_day_of_week: bool = True
    """Move the other range by up to three days, so that it begins on the same weekday. Not for `custom`."""
    start: dt.datetime | None = None
    """`custom` only, aware: first instant."""
    end: dt.datetime | None = None
    """`custom` only, aware: first instant after."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A row, and what it was."""

    row: Row
    old: Row | None
    """None: the other range has no such row."""
    change: tuple[float | None, ...]
    """For each metric (new - old) / old; None when the old value is 0 or either is not known."""


def against(query: Query, mode: Mode, now: dt.datetime) -> Query:
    """The same question of the other range. Of a range that is not over, the same elapsed part is compared.
    Raises BadQuery."""
    raise BadQuery("comparisons", "comparisons cannot be asked for yet")


def matched(query: Query, answer: Answer, other: Answer) -> tuple[Compared, ...]:
    """The rows of `answer`, each with its row of the other: by the values of its dimensions, by position in time."""
    raise BadQuery("comparisons", "comparisons cannot be asked for yet")
