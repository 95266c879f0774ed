"""The only place where answers are kept. The key is the query and the site's data version, so that numbers of before a
change of history are never served; what can still change lives shortly.

One process computes a key at a time, and in each process one thread (`flights.py`): the others are served the stale
answer meanwhile, or wait for the new one. When the cache server is away every process computes: slower, never wrong.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import logging
import time
from collections.abc import Callable

import msgspec

from analytics.reports import check, flights, parse, plan, run, shelf, stop, timerange
from analytics.reports.query import Answer, Query
from analytics.store import unsettled

log = logging.getLogger(__name__)

CURRENT = dt.timedelta(seconds=30)
RECENT = dt.timedelta(minutes=5)
RECENTLY = dt.timedelta(days=3) + unsettled.AROUND
"""An event up to three days late may change visits so far around it."""
CLOSED = dt.timedelta(days=1)
STALE = dt.timedelta(minutes=30)
"""An answer that can still change is never served when it is older."""
_STALE_SHARE = 5
"""An answer is never served when it is older than so many times what was called fresh."""
_PATIENCE_SECONDS = 0.25
"""So long a caller waits for a new answer where a stale one could be served."""
_STEP_SECONDS = 0.01
_LONGEST_STEP_SECONDS = 0.16
"""Between looks at an answer that another process makes."""
_SPARE_SECONDS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """What lies in the cache: an answer, or why there is none."""

    answer: Answer | None
    refused: str
    made_at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A question of any kind, and how to answer it."""

    query: Query
    """The events it is about: its range decides for how long an answer is fresh."""
    name: str
    """By `key`."""
    make: Callable[[], Answer]
    now: dt.datetime
    fresh: dt.timedelta = CLOSED


_decode = msgspec.msgpack.Decoder(Kept).decode


def answer(query: Query, data_version: int, now: dt.datetime, fresh: dt.timedelta = CLOSED) -> Answer:
    """The answer, from the cache when one that is fresh enough is there: as fresh as its range demands, and not older
    than `fresh`. Raises what `run.answer` raises."""
    check.query(query)
    return through(Asked(query, key(query, data_version), lambda: run.answer(query, now), now, fresh))


def through(asked: Asked) -> Answer:
    """The same for a question of another kind. Raises what its `make` raises."""
    query, name, now, fresh = asked.query, asked.name, asked.now, asked.fresh
    kept = _kept(name)
    if kept and is_fresh(query, kept, now, fresh):
        return _served(kept)
    seconds = plan.limits().engine.timeout_seconds + _SPARE_SECONDS

    def compute() -> tuple[Kept, bool]:
        return _made(asked)

    if kept and kept.answer and now - kept.made_at < min(STALE, fresh * _STALE_SHARE):
        return _renewed(name, compute, kept)
    try:
        return _served(*flights.wait(name, compute, seconds))
    except flights.Busy:
        raise run.Unavailable("Too many questions are being answered now; ask again in a moment.") from None


def _renewed(name: str, compute: Callable[[], tuple[Kept, bool]], stale: Kept) -> Answer:
    """The new answer when it is made soon, else the stale one; also while no store can be reached."""
    try:
        made = flights.renew(name, compute, _PATIENCE_SECONDS)
    except run.Unavailable:
        made = None
    return _served(*made) if made else _served(stale)


def first_day(site_id: int, zone: str, data_version: int, now: dt.datetime) -> dt.date | None:
    """The local day of the site's first counted event; None when there is none before today."""
    _, today = timerange.resolve("yesterday", zone, now)
    query = Query(
        site_id=site_id,
        metrics=("events",),
        start=timerange.EARLIEST,
        end=today,
        zone=zone,
        dimensions=("time:day",),
        limit=1,
        fill=False,
    )
    rows = answer(query, data_version, now).rows
    return dt.date.fromisoformat(rows[0].dimensions[0]) if rows else None


def key(query: Query, data_version: int, *more: object) -> str:
    """Equal for equal questions about the same state of history. `more`: what other kinds of questions have besides."""
    parts = {field.name: getattr(query, field.name) for field in dataclasses.fields(query)}
    parts["filter"] = parse.as_list(query.filter) if query.filter else None
    parts["goals"] = [(goal.name, parse.as_list(goal.filter)) for goal in query.goals]
    parts["start"], parts["end"] = query.start.timestamp(), query.end.timestamp()
    packed = msgspec.msgpack.encode([data_version, parts, *more])
    return f"answer:{query.site_id}:{hashlib.sha256(packed).hexdigest()}"


def lifetime(query: Query, kept: Kept) -> dt.timedelta:
    """For how long it is served without asking again. What mattered is when it was made, not when it is read."""
    if kept.answer is None or kept.answer.warning or kept.answer.provisional or query.end > kept.made_at:
        return CURRENT
    return RECENT if query.end > kept.made_at - RECENTLY else CLOSED


def is_fresh(query: Query, kept: Kept, now: dt.datetime, fresh: dt.timedelta = CLOSED) -> bool:
    return now - kept.made_at < min(lifetime(query, kept), fresh)


def _made(asked: Asked) -> tuple[Kept, bool]:
    """The answer and whether another process made it: when it is this process' turn it makes it. Raises stop.Stopped
    when nobody waits any more."""
    seconds = plan.limits().engine.timeout_seconds + _SPARE_SECONDS
    until, step = time.monotonic() + seconds, _STEP_SECONDS
    while True:
        with shelf.turn(asked.name, seconds) as mine:
            kept = _kept(asked.name)
            if kept and is_fresh(asked.query, kept, asked.now, asked.fresh):
                return kept, True
            if mine or time.monotonic() > until:
                return _computed(asked), False
        if stop.was_asked():
            raise stop.Stopped
        time.sleep(step)
        step = min(step * 2, _LONGEST_STEP_SECONDS)


def _computed(asked: Asked) -> Kept:
    try:
        kept = Kept(asked.make(), "", asked.now)
    except run.TooMuch as error:
        kept = Kept(None, str(error), asked.now)  # whoever waits need not try it again
    useful = min(max(lifetime(asked.query, kept), STALE), asked.fresh * _STALE_SHARE)
    shelf.put(asked.name, msgspec.msgpack.encode(kept), int(useful.total_seconds()))
    return kept


def _kept(name: str) -> Kept | None:
    found = shelf.get(name)
    try:
        return _decode(found) if found is not None else None
    except msgspec.DecodeError as error:  # of another version of this program
        log.warning("an answer in the cache cannot be read: %s", error)
        return None


def _served(kept: Kept, cached: bool = True) -> Answer:
    if kept.answer is None:
        raise run.TooMuch(kept.refused)
    return dataclasses.replace(kept.answer, cached=cached)
