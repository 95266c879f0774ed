"""The engine DuckDB: answers from files of the lake and the rows of the hot tier that are not in them yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from analytics.lake import duck
from analytics.reports import catalog, stop
from analytics.reports.plan import Limits
from analytics.reports.query import Query
from analytics.reports.sql import Found, Statement
from analytics.store import db

_SQL = db.statements(__file__)
_HOT = {"revenue": "CAST(revenue AS decimal(18, 4)) AS revenue"}
"""Columns whose Arrow form from TimescaleDB is text."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the events are: files of the lake (which may hold others too), and rows that are not in them."""

    files: Sequence[str]
    hot: pa.Table
    rows: int = 0
    """Rows of the files."""
    stretches: Sequence[str] = ()
    """Files of stretches that stand for further events, for a statement that reads stretches."""
    ruleset: int | None = None
    """The ruleset version of all events in all files, if it is one."""


def why_no_expression(pattern: str) -> str:
    """What is wrong with a regular expression; empty when it can be used."""
    with duck.session(duck.Limits()) as session:
        try:
            session.execute(_SQL["expression"], [pattern])
        except duckdb.InvalidInputException as error:
            return str(error).removeprefix("Invalid Input Error: ").partition("\n")[0]
    return ""


def matching(words: Sequence[str], pattern: str, case_sensitive: bool) -> list[str]:
    """Those of some words that a regular expression is found in, as filters find it: in linear time."""
    with duck.session(duck.Limits()) as session:
        given = [list(words), pattern, "c" if case_sensitive else "i"]
        return [word for (word,) in session.execute(_SQL["words"], given).fetchall()]


def answer(query: Query, statement: Statement, stored: Stored, limits: Limits) -> Found:
    """Rows and rulesets of the union of files and hot rows.

    Raises duckdb.InterruptException when it takes too long, OutOfMemoryException when too much, and IOException when a
    file has gone.
    """
    with duck.session(limits.engine) as session, stop.by(session.interrupt):
        session.register("hot", stored.hot)
        session.execute(_SQL["files"], [list(stored.files)])
        name = "both" if stored.files and stored.hot.num_rows else "lake" if stored.files else "hot"
        columns = sorted(statement.columns | {"ruleset"})
        hot_columns = ", ".join(_HOT.get(column, column) for column in columns)
        session.execute(_SQL[name].format(columns=", ".join(columns), hot=hot_columns))
        relation = _stretch(session, statement, stored) if statement.stretches else "event"
        rows = session.execute(statement.text, statement.parameters).fetchall()
        read = stored.rows + stored.hot.num_rows
        files = len(stored.files) + len(stored.stretches)
        return Found(rows, _rulesets(session, query, relation, stored), read, files)


def _rulesets(session: duckdb.DuckDBPyConnection, query: Query, relation: str, stored: Stored) -> tuple[int, ...]:
    """Ruleset versions of the events in the range. When the files have but one it is enough to find one such event."""
    counted = "TRUE" if query.with_bots or relation == "stretch" else catalog.COUNTED
    given: list[Any] = [query.site_id, query.start, query.end]
    if stored.ruleset is None:
        found = session.execute(_SQL["rulesets"].format(relation=relation, counted=counted), given).fetchall()
        return tuple(version for (version,) in found)
    only = _SQL["ruleset"].format(relation=relation, counted=counted)
    found = session.execute(only, [*given, stored.ruleset]).fetchall()
    if stored.hot.num_rows:
        counted = "TRUE" if query.with_bots else catalog.COUNTED
        found += session.execute(_SQL["rulesets"].format(relation="hot", counted=counted), given).fetchall()
    return tuple(sorted({version for (version,) in found}))


def _stretch(session: duckdb.DuckDBPyConnection, statement: Statement, stored: Stored) -> str:
    """The view `stretch`, of files of stretches and of the events that are in none."""
    columns = ", ".join(name for name, _ in statement.stretches)
    of_events = ", ".join(f"{of_event} AS {name}" for name, of_event in statement.stretches)
    session.execute(_SQL["stretches"], [list(stored.stretches)])
    name = "briefly" if stored.stretches else "at_length"
    session.execute(_SQL[name].format(columns=columns, of_events=of_events))
    return "stretch"
