"""A Query is answered: the plan chosen, the statement composed, the engine asked, the rows put into words.

When the lake and TimescaleDB both have a part of the range, the lake's snapshot and its watermark are taken first and
the rows beyond that watermark second: what is exported meanwhile is read once, from TimescaleDB.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import duckdb

from analytics.lake import read
from analytics.reports import beside, brief, check, cold, currency, fragments, hot, leaders, plan, rows, sql, stop
from analytics.reports.currency import Rates
from analytics.reports.plan import Limits, Plan
from analytics.reports.query import Answer, Query, Row
from analytics.store import db, unsettled

log = logging.getLogger(__name__)

_Ask = Callable[..., sql.Found]
"""(query, rates) → what the engine finds."""

_Compose = Callable[[Query, fragments.Dialect], sql.Statement]
"""(query, dialect) → the statement, which may read the events of the query's window."""
_Words = Callable[[Sequence[Sequence[Any]]], tuple[Row, ...]]
"""What a statement gives → rows of an answer."""
_T = TypeVar("_T")

_QUERY_CANCELED = "57014"
"""PostgreSQL's SQLSTATE after statement_timeout."""


class Unavailable(Exception):
    """No store that has the range can be reached now."""


class TooMuch(Exception):
    """The question needs more time or memory than one question may take. The message says what to do."""


def answer(query: Query, now: dt.datetime) -> Answer:
    """The answer, computed afresh. Raises BadQuery, Unavailable, TooMuch, and stop.Stopped when it was."""
    check.query(query)
    given = plan.limits()
    return _planned(query, now, given, lambda chosen, lake: _worded(chosen, _asker(chosen, given, lake), now))


def statement(query: Query, compose: _Compose, words: _Words, now: dt.datetime) -> Answer:
    """What another module's statement gives over the events that `check.query` has passed a query for. Raises as
    `answer` does."""
    given = plan.limits()

    def use(chosen: Plan, lake: bool) -> Answer:
        found = _stated(chosen, compose, given, lake)
        return _told(chosen, found, now, words(found.rows))

    return _planned(query, now, given, use)


def _told(chosen: Plan, found: sql.Found, now: dt.datetime, given: tuple[Row, ...]) -> Answer:
    query = chosen.query
    return Answer(
        given,
        chosen.engine,
        now,
        found.rulesets,
        chosen.warning,
        provisional=unsettled.is_provisional(query.site_id, query.start, query.end),
        rows_read=found.rows_read,
        files_read=found.files_read,
    )


def _planned(query: Query, now: dt.datetime, given: Limits, use: Callable[[Plan, bool], _T]) -> _T:
    """What `use` makes of the plan, and of whether the lake is there. Raises Unavailable, TooMuch."""
    # In UTC, since Python subtracts two times of one zone by its clock and not by what has passed.
    query = replace(query, start=query.start.astimezone(dt.UTC), end=query.end.astimezone(dt.UTC))
    try:
        return _tried(query, now, given, use)
    except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
        raise _stopped(error) from error
    except db.AWAY as error:
        if getattr(error, "sqlstate", None) == _QUERY_CANCELED:
            raise _stopped(error) from error
        log.warning("TimescaleDB is away: %s", error)
        raise Unavailable("TimescaleDB cannot be reached now.") from error


def _stopped(error: Exception) -> Exception:
    if stop.was_asked():
        return stop.Stopped()
    log.warning("a question was stopped: %s", error)
    return TooMuch("The question takes too long: ask for a shorter range, fewer dimensions or a filter.")


def _tried(query: Query, now: dt.datetime, given: Limits, use: Callable[[Plan, bool], _T]) -> _T:
    chosen = plan.choose(query, now, given)
    if chosen.engine == "timescaledb":
        return use(chosen, True)
    try:
        return use(chosen, True)
    except (read.LakeAway, duckdb.IOException) as error:
        log.warning("the lake is away: %s", error)
    rest = plan.without_lake(query, now, given)
    if rest is None:
        raise Unavailable("The lake, which has this range, cannot be reached now.")
    return use(rest, False)


def _asker(chosen: Plan, given: Limits, lake: bool) -> _Ask:
    def of_hot(query: Query, rates: Rates = currency.NONE) -> sql.Found:
        return hot.answer(query, _composed(query, fragments.TIMESCALEDB, rates), given)

    def of_both(query: Query, rates: Rates = currency.NONE) -> sql.Found:
        if rates is currency.NONE and leaders.fits(query):
            return _of_leaders(query, given, lake)
        briefly, paged = brief.fits(query), rows.is_series(query) is None
        stated = brief.compose(query, paged=paged) if briefly else _composed(query, fragments.DUCKDB, rates)
        return _of_both(query, stated, given, lake)

    return of_hot if chosen.engine == "timescaledb" else of_both


def _stated(chosen: Plan, compose: _Compose, given: Limits, lake: bool) -> sql.Found:
    if chosen.engine == "timescaledb":
        return hot.answer(chosen.query, compose(chosen.query, fragments.TIMESCALEDB), given)
    return _of_both(chosen.query, compose(chosen.query, fragments.DUCKDB), given, lake)


def _of_both(query: Query, stated: sql.Statement, given: Limits, lake: bool) -> sql.Found:
    return cold.answer(query, stated, _stored(query, stated, lake), given)


def _of_leaders(query: Query, given: Limits, lake: bool) -> sql.Found:
    whole = sql.compose(query, fragments.DUCKDB)
    stored = _stored(query, replace(whole, columns=whole.columns | leaders.bounds(query).columns), lake)
    rows = stored.rows + stored.hot.num_rows
    return leaders.find(query, rows, lambda stated: cold.answer(query, stated, stored, given))


def _stored(query: Query, stated: sql.Statement, lake: bool) -> cold.Stored:
    """One consistent view of all that a statement reads."""
    span = sql.window(query)
    found = _slice(query, span, bool(stated.stretches)) if lake else read.NOTHING
    fresh = hot.beyond(found.watermark, stated.columns | {"ruleset"}, query.site_id, span)
    return cold.Stored(found.files, fresh, found.rows, found.stretches, found.ruleset)


def _slice(query: Query, span: tuple[dt.datetime, dt.datetime], briefly: bool) -> read.Slice:
    if briefly:
        return read.brief(query.site_id, *span, brief.exact_days(query))
    return read.slice(query.site_id, *span)


def _composed(query: Query, dialect: fragments.Dialect, rates: Rates) -> sql.Statement:
    return sql.compose(query, dialect, paged=rows.is_series(query) is None, rates=rates)


def _rates(query: Query, ask: _Ask) -> Rates:
    """What the revenue of the query is converted with."""
    if not beside.is_priced(query):
        return currency.NONE
    found = ask(currency.orders(query)).rows
    if len(found) == currency.MOST_DAYS:
        raise TooMuch("There are orders in too many currencies: ask for a shorter range, or filter by event:currency.")
    return currency.prepared(query, {(row[0], row[1]): row[2] for row in found if row[2]})


def _worded(chosen: Plan, ask: _Ask, now: dt.datetime) -> Answer:
    query = chosen.query
    rates = _rates(query, ask)
    found = ask(query, rates)
    if interval := rows.is_series(query):
        shares = not found.rows and rows.has_shares(query)
        whole = ask(rows.whole(query), rates).rows if shares else ()
        given, total = rows.series(query, interval, rows.Series(found.rows, whole))
    else:
        given, total = rows.page(query, found.rows)
        if query.total_rows and total is None:
            first = ask(replace(query, offset=0, limit=1), rates).rows
            total = int(first[0][-1]) if first else 0
    return replace(
        _told(chosen, found, now, given),
        warning=" ".join(filter(None, (chosen.warning, rates.missing))),
        total_rows=total,
        incomplete=rows.incomplete(query, given, now),
        currency=rates.target,
    )
