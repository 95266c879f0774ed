"""What was last found out by something that runs now and then: when a task succeeded, whether the books balanced."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from analytics.store import db

_SQL = db.statements(__file__)
TASK = "task "
"""Begins the names of tasks that succeeded."""
DIFFERENCE = "balance difference"
"""Hits and rows by which the books did not balance."""


class Reading(NamedTuple):
    name: str
    value: float
    taken_at: dt.datetime


def keep(name: str, value: float, now: dt.datetime) -> None:
    """The last one of a name stands. Raises db.FAULTS."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["keep"], [name, float(value), now])


def known(cursor: db.Cursor) -> list[Reading]:
    """The last of each name."""
    cursor.execute(_SQL["known"])
    return [Reading(*row) for row in cursor.fetchall()]
