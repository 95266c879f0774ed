"""How much of a site's month is used up."""

from __future__ import annotations

import datetime as dt

from analytics.sites import lookup
from analytics.store import db, ledger


def accepted(site_id: int, now: dt.datetime) -> int:
    """Events accepted for a site this UTC month, as the ledger has them: a minute or two late.

    While PostgreSQL is away, as they were last known: a quota must not close the door.
    """
    month = now.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def load() -> int:
        try:
            with db.transaction() as cursor:
                return ledger.accepted_since(cursor, site_id, month)
        except db.FAULTS as error:
            raise lookup.DatabaseFault(db.describe(error)) from error

    try:
        return lookup.remembered("month", (site_id, month), load)
    except lookup.LookupAway:
        return 0
