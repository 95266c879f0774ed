"""The door's counters into the ledger, and the balance of everything that came against everything that is kept."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from analytics import buffer
from analytics.store import db, ledger


def enter_door_counters(part: int) -> None:
    """Move the counters that the door keeps beside a part's stream into the ledger, exactly once.

    The counters are set aside under a number; the ledger remembers the number in the transaction that books them. After
    a crash in between the same number is taken again, and nothing is booked twice.
    """
    with db.transaction() as cursor:
        taking = ledger.taken(cursor).get(part, 0) + 1
        buffer.end_taking(part, taking - 1)
        counters = buffer.begin_taking(part, taking)
        if counters:
            ledger.take_over(cursor, part, taking, _by_minute(counters))


def _by_minute(counters: dict[str, int]) -> ledger.Counts:
    counts: ledger.Counts = Counter()
    for name, n in counters.items():
        minute, site, outcome, reason = name.split(":")
        counts[dt.datetime.fromtimestamp(int(minute), dt.UTC), int(site), outcome, reason] += n
    return counts
