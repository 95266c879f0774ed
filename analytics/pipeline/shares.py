"""Which parts a writer process writes: a fair share of them, each under an advisory lock that ends with its connection.

Every writer holds a shared lock too, by which the writers are counted. So whoever dies is not counted any more and its
parts are free, at once and without a heartbeat; and whoever joins is given what the others hold beyond their share.
"""

from __future__ import annotations

from django.conf import settings

from analytics.store import db

_SQL = db.statements(__file__)
LOCK_SPACE = 7001
"""Of the locks of the parts."""
WRITERS_SPACE = 7005
"""Of the lock that all writers share."""


class Shares:
    """The parts that one connection holds."""

    def __init__(self, connection: db.Connection) -> None:
        self._connection = connection
        self._joined = False
        self.held: set[int] = set()

    def settle(self) -> None:
        """Give up what is beyond the fair share, or take what is free up to it. Raises db.FAULTS."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            if not self._joined:
                cursor.execute(_SQL["join"], [WRITERS_SPACE])
                self._joined = True
            cursor.execute(_SQL["writers"], [WRITERS_SPACE])
            ((writers,),) = cursor.fetchall()
            share = -(-int(settings.BUFFER_PARTS) // max(writers, 1))
            for surplus in sorted(self.held)[share:]:
                cursor.execute(_SQL["give_up"], [LOCK_SPACE, surplus])
                self.held.discard(surplus)
            if len(self.held) < share:
                self._claim(cursor, share)

    def _claim(self, cursor: db.Cursor, share: int) -> None:
        cursor.execute(_SQL["locked"], [LOCK_SPACE])
        locked = {part for (part,) in cursor.fetchall()}
        for part in range(settings.BUFFER_PARTS):
            if part not in locked and len(self.held) < share:
                cursor.execute(_SQL["claim"], [LOCK_SPACE, part])
                if cursor.fetchall() == [(True,)]:
                    self.held.add(part)
