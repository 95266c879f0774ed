"""The secrets of the days, under which cookieless visitors are named; Valkey makes, shares and destroys them."""

from __future__ import annotations

import datetime as dt
import secrets

from analytics import buffer
from analytics.buffer import server

DAY = dt.timedelta(days=1)
_known: dict[dt.date, bytes] = {}


def of(day: dt.date) -> bytes:
    """The secret of a UTC day, shared by all processes; Valkey destroys it when the next day ends. Raises buffer.Away.

    It is made a day ahead, so that a buffer that is away at midnight does not matter.
    """
    for wanted in (day, day + DAY):
        if wanted not in _known:
            try:
                _known[wanted] = _shared(wanted)
            except buffer.Fault as error:
                if wanted == day:
                    raise buffer.Away("the day's salt is not known and the buffer is away") from error
    for old in [known for known in list(_known) if known < day - DAY]:
        _known.pop(old, None)
    return _known[day]


def _shared(day: dt.date) -> bytes:
    key = f"salt:{day.isoformat()}"
    midnight = dt.datetime.combine(day + 2 * DAY, dt.time(), dt.UTC)
    found = server.client().get(key)
    if found is None:
        server.client().set(key, secrets.token_bytes(32), nx=True, exat=midnight)
        found = server.client().get(key)
    if not isinstance(found, bytes):
        raise buffer.Away(f"the buffer keeps no salt for {day}")
    return found
