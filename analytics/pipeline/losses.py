"""What the buffer lost: said in the log, and kept beside the offset for the metrics and the balance."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from analytics.buffer.place import Loss, Place
from analytics.pipeline.write import Overtaken
from analytics.store import db

log = logging.getLogger(__name__)
_SQL = db.statements(__file__)
WHAT_TO_DO = (
    "The stream is read again from its start; what is stored already is not stored twice. Find out who emptied,"
    " trimmed or replaced the buffer, or why it lost its newest writes (appendfsync must be always); then see what the"
    ' books miss with "bin/manage balance", and book it with "bin/manage balance --write-off REASON"'
)


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of the entries of a part that vanished before they were taken."""

    part: int
    entries: int
    """At least."""
    at: dt.datetime


def move(cursor: db.Cursor, part: int, batch: int, place: Place) -> None:
    """Set the offset of a part on without a batch. Raises write.Overtaken."""
    cursor.execute(_SQL["move"], [part, batch, place.entry_id, place.epoch, place.entries])
    if cursor.rowcount != 1:
        raise Overtaken(f"part {part} is not at batch {batch} any more")


def keep(cursor: db.Cursor, part: int, lost: int, now: dt.datetime) -> None:
    """Remember that entries of a part were lost, be it unknown how many."""
    cursor.execute(_SQL["keep"], [part, lost, now])


def tell(part: int, loss: Loss, lost: int) -> None:
    """Say it in the log."""
    many = f"{lost} entries or more are lost" if lost else "how many entries are lost is not known"
    log.error("part %d: %s; %s. %s", part, loss.what, many, WHAT_TO_DO)


def known(cursor: db.Cursor) -> list[Lost]:
    """The parts that ever lost something."""
    cursor.execute(_SQL["known"])
    return [Lost(*found) for found in cursor.fetchall()]
