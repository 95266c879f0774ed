"""Hits that the buffer delivers a second time: after a loss its streams are read again from their start."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from analytics.events import Hit
from analytics.store import db

_SQL = db.statements(__file__)


def drop(cursor: db.Cursor, hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those whose fate is booked already.

    Those that are stored or in quarantine (or on their way out of it, through the overflow table) are known by their
    own id. A repeat was not stored; but a stream is written in its order, so whatever stands before a stored hit was
    committed with it or before.
    """
    kept = _kept(cursor, hits)
    last = max((place for place, hit in enumerate(hits) if hit.hit_id in kept), default=-1)
    repeats = _repeats(cursor, [hit for hit in hits[:last] if hit.hit_id not in kept and hit.event_id])
    return [hit for hit in hits if hit.hit_id not in kept and hit.hit_id not in repeats]


def _kept(cursor: db.Cursor, hits: Sequence[Hit]) -> set[UUID]:
    cursor.execute(_SQL["kept"], [[hit.hit_id for hit in hits], [hit.received_at for hit in hits]])
    return {hit_id for (hit_id,) in cursor.fetchall()}


def _repeats(cursor: db.Cursor, hits: Sequence[Hit]) -> set[UUID]:
    """Ids of hits whose event ids are known."""
    ids = ([hit.hit_id for hit in hits], [hit.site_id for hit in hits], [hit.event_id for hit in hits])
    cursor.execute(_SQL["repeats"], [*ids])
    return {hit_id for (hit_id,) in cursor.fetchall()}
