"""The same (site, event id) counts once, for as long as `seen_event` remembers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from analytics.events import Hit
from analytics.store import db

_SQL = db.statements(__file__)
REMEMBERED = dt.timedelta(days=30)


def drop_repeats(cursor: db.Cursor, hits: Sequence[Hit], now: dt.datetime) -> tuple[list[Hit], list[Hit]]:
    """(hits seen for the first time, repeats). Hits without a client's id cannot repeat."""
    first: dict[tuple[int, object], Hit] = {}
    repeats: list[Hit] = []
    anonymous: list[Hit] = []
    for hit in hits:
        if hit.event_id is None:
            anonymous.append(hit)
        elif first.setdefault((hit.site_id, hit.event_id), hit) is not hit:
            repeats.append(hit)
    if first:
        ids = sorted(first, key=lambda key: (key[0], str(key[1])))  # one order everywhere: no deadlocks
        cursor.execute(_SQL["remember"], [[site for site, _ in ids], [event for _, event in ids], now])
        new = set(cursor.fetchall())
        repeats += [hit for key, hit in first.items() if key not in new]
        anonymous += [hit for key, hit in first.items() if key in new]
    return anonymous, repeats


def forget(before: dt.datetime) -> int:
    """Forget event ids seen before a moment; how many."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["forget"], [before])
        return cursor.rowcount
