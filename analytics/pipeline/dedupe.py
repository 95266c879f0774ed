"""The same (site, event id) counts once, for as long as `seen_event` remembers: at least (KEPT - 1) PERIODs.

Ids are kept by period, and a period is forgotten as a whole: no row is ever deleted, and nothing grows without bound.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from analytics.events import Hit
from analytics.store import db, ledger

_SQL = db.statements(__file__)
PERIOD = dt.timedelta(days=4)
KEPT = 3
"""Periods that are remembered, the running one included."""
REMEMBERED = (KEPT - 1) * PERIOD


def drop_repeats(cursor: db.Cursor, hits: Sequence[Hit]) -> tuple[list[Hit], list[Hit]]:
    """(hits seen for the first time, repeats). Hits without a client's id cannot repeat."""
    first: dict[tuple[int, int], Hit] = {}
    repeats: list[Hit] = []
    fresh: list[Hit] = []
    for hit in hits:
        if hit.event_id is None:
            fresh.append(hit)
        elif first.setdefault((hit.site_id, hit.event_id.int), hit) is not hit:
            repeats.append(hit)
    if first:
        known = _remember(cursor, first)
        repeats += [first.pop(key) for key in known]
        fresh += first.values()
    return fresh, repeats


def _remember(cursor: db.Cursor, ids: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of the (site, event id) that were known already."""
    ordered = sorted(ids)  # one order everywhere: no deadlocks
    cursor.execute(_SQL["hold"])
    period, _ = _period(cursor)
    # As text: psycopg would turn each id into text by itself, one by one.
    sites = ",".join(str(ledger.bookable(site)) for site, _ in ordered)
    events = ",".join(f"{event:032x}" for _, event in ordered)
    cursor.execute(_SQL["remember"], [f"{{{sites}}}", f"{{{events}}}", period])
    return [ordered[place - 1] for (place,) in cursor.fetchall()]


def _period(cursor: db.Cursor) -> tuple[int, dt.datetime]:
    cursor.execute(_SQL["period"])
    ((period, opened_at),) = cursor.fetchall()
    return period, opened_at


def open_next(now: dt.datetime) -> bool:
    """Open the next period when the running one has lasted long enough, and forget the oldest; whether it did.

    Writers wait meanwhile, and this waits at most five seconds for them.
    """
    with db.transaction() as cursor:
        if now - _period(cursor)[1] < PERIOD:
            return False
        cursor.execute(_SQL["lock_timeout"])
        cursor.execute(_SQL["lock"])
        period, opened_at = _period(cursor)
        if now - opened_at < PERIOD:
            return False
        cursor.execute(_SQL["open"], [period + 1, now])
        cursor.execute(db.with_names(_SQL["add"], table=_table(period + 1), number=period + 1))
        cursor.execute(db.with_names(_SQL["index"], table=_table(period + 1)))
        cursor.execute(_SQL["over"], [period + 1 - KEPT])
        for (over,) in cursor.fetchall():
            cursor.execute(db.with_names(_SQL["drop"], table=_table(over)))
    return True


def _table(period: int) -> str:
    return f"seen_event_{period}"
