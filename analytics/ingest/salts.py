"""The secrets of the days, under which cookieless visitors are named; Valkey shares and destroys them."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time

from analytics import buffer
from analytics.buffer import server

DAY = dt.timedelta(days=1)
ASK_AGAIN_SECONDS = 60.0
_known: dict[dt.date, bytes] = {}
_asked_at: dict[dt.date, float] = {}

log = logging.getLogger(__name__)


def of(day: dt.date) -> bytes:
    """The secret of a UTC day, shared by all processes; Valkey destroys it when the next day ends. Raises buffer.Away.

    It is made a day ahead, so that a buffer that is away at midnight does not matter. Once a minute Valkey is asked
    again: one that lost the secret is given it back, and processes that disagree since then come to one.
    """
    for wanted in (day, day + DAY):
        if _is_due(wanted):
            _asked_at[wanted] = time.monotonic()
            try:
                _known[wanted] = _shared(wanted)
            except buffer.Fault as error:
                if wanted == day and wanted not in _known:
                    raise buffer.Away("the day's salt is not known and the buffer is away") from error
    for old in [known for known in list(_known) if known < day - DAY]:
        _known.pop(old, None)
        _asked_at.pop(old, None)
    return _known[day]


def _is_due(day: dt.date) -> bool:
    if day not in _known:
        return True
    now = time.monotonic()
    return now > _asked_at.setdefault(day, now) + ASK_AGAIN_SECONDS and not server.is_left_alone()


def _shared(day: dt.date) -> bytes:
    """The secret that Valkey has, which is ours when it had none.

    Of a day that is over by its clock it keeps none. Then ours is nobody else's, and finds no running visit.
    """
    key = f"salt:{day.isoformat()}"
    if isinstance(found := server.client().get(key), bytes):
        return found
    ours = _known.get(day) or secrets.token_bytes(32)
    midnight = dt.datetime.combine(day + 2 * DAY, dt.time(), dt.UTC)
    made = server.client().set(key, ours, nx=True, exat=midnight)
    if not isinstance(found := server.client().get(key), bytes):
        return ours
    if made:
        _destroy_on_disk(day)
    return found


def _destroy_on_disk(made: dt.date) -> None:
    """Valkey's append-only file has what expired until it is written anew: whoever makes a salt has that done."""
    try:
        server.client().exists(f"salt:{made - 3 * DAY}")  # It ended at midnight: if it is still there, it goes now.
        server.rewrite()
    except buffer.Fault as error:
        log.warning("the buffer's file could not be written anew, it may hold salts that have ended: %s", error)
