"""Which files of the lake answer a question."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from analytics.lake import files, storage, stretches, tables


class LakeAway(Exception):
    """The lake's catalog or files cannot be read now."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One consistent view: local Parquet files that hold every row asked for (and others), and how far they reach."""

    files: tuple[str, ...]
    watermark: dict[int, int]
    """Part → the last batch in the lake; rows of later batches are in TimescaleDB only."""
    snapshot_id: int | None
    rows: int = 0
    """Rows of all files here, of whichever site."""
    stretches: tuple[str, ...] = ()
    """Local Parquet files of stretches that stand for events that are in none of `files`."""
    ruleset: int | None = None
    """The ruleset version of all events in all of these files, if it is one."""


NOTHING = Slice((), {}, None)
"""What a lake has that is not asked."""


def slice(site_id: int, start: dt.datetime, end: dt.datetime, table: tables.Name = "events") -> Slice:
    """The files with a site's rows of start ≤ ts < end in the table's newest snapshot. Raises LakeAway."""
    with _reading():
        found = tables.load(table)
        snapshot = found.current_snapshot()
        if snapshot is None:
            return NOTHING
        wanted = files.of_site(found, snapshot, site_id, (start, end))
        return Slice(
            _local(wanted),
            tables.watermark(found),
            snapshot.snapshot_id,
            sum(file.rows for file in wanted),
            ruleset=_ruleset(wanted),
        )


def brief(site_id: int, start: dt.datetime, end: dt.datetime, exact: frozenset[dt.date]) -> Slice:
    """The same of the events, with files of stretches in place of those of events where there are some.

    `exact`: days (UTC) of which the events are wanted. Raises LakeAway.
    """
    with _reading():
        found = tables.load("events")
        snapshot = found.current_snapshot()
        if snapshot is None:
            return NOTHING
        days = files.days((start, end))
        known = files.of_site_on(found, snapshot, site_id, stretches.whole_months(days))
        (events, derived), paths = _there(lambda: stretches.choose(known, days, exact))
        rows = sum(file.rows for file in events) + sum(file.rows for file in derived)
        watermark = tables.watermark(found)
        return Slice(_local(events), watermark, snapshot.snapshot_id, rows, paths, _ruleset(known))


def _there(choose: Callable[[], stretches.Chosen]) -> tuple[stretches.Chosen, tuple[str, ...]]:
    """What is chosen, and the local files of its stretches; chosen again when one has gone since they were listed."""
    chosen = choose()
    with contextlib.suppress(FileNotFoundError):
        paths = _local(chosen.derived)
        if all(map(os.path.exists, paths)):
            return chosen, paths
    stretches.look_again()
    chosen = choose()
    return chosen, _local(chosen.derived)


def _ruleset(known: Sequence[files.DataFile]) -> int | None:
    versions = {file.ruleset for file in known}
    return versions.pop() if len(versions) == 1 else None


def _local(wanted: Sequence[files.DataFile | stretches.Derived]) -> tuple[str, ...]:
    return tuple(sorted(map(str, storage.local_all([file.address for file in wanted]))))


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (*storage.FAULTS, SQLAlchemyError) as error:
        raise LakeAway(f"the lake cannot be read: {error}") from error
