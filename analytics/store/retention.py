"""How long rows stay in the hot tier: HOT_DAYS, and never before the lake has them."""

from __future__ import annotations

import datetime as dt

from analytics.store import db

_SQL = db.statements(__file__)


def drop_before(table: str, moment: dt.datetime, reached: dict[int, int]) -> int:
    """Drop the chunks of `hit` or `event` that end before a moment and hold nothing beyond `reached`; how many.

    `reached` is part → the last batch that the lake has.
    """
    with db.transaction() as cursor:
        before = moment
        cursor.execute(_SQL["parts"])
        for (part,) in cursor.fetchall():
            cursor.execute(_SQL[f"oldest_unexported_{table}"], [part, reached.get(part, 0)])
            (oldest,) = cursor.fetchone() or (None,)
            before = min(before, oldest or before)
        cursor.execute(_SQL["drop_chunks"], [table, before])
        return len(cursor.fetchall())
