"""The engine TimescaleDB: whole answers about recent days, and the rows that the lake does not have yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from analytics.reports import stop
from analytics.reports.plan import Limits
from analytics.reports.query import Query
from analytics.reports.sql import Found, Statement
from analytics.store import arrow, db

_SQL = db.statements(__file__)
_AS_TEXT = {"props": "CAST(props AS text) AS props", "hit_id": "CAST(hit_id AS text) AS hit_id"}
"""Columns whose Arrow form DuckDB would not read as the lake's."""


def answer(query: Query, statement: Statement, limits: Limits) -> Found:
    """Rows and rulesets of one moment."""
    with db.transaction() as cursor, stop.by(cursor.connection.cancel):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_SQL["settings"], [str(limits.engine.timeout_seconds * 1000)])
        # Not prepared: a plan for any range could not leave out chunks.
        cursor.execute(statement.text, statement.parameters, prepare=False)
        rows = cursor.fetchall()
        cursor.execute(_SQL["rulesets"], [query.site_id, query.start, query.end, query.with_bots], prepare=False)
        found = cursor.fetchall()
        return Found(rows, tuple(version for version, _, used in found if used), sum(read for _, read, _ in found))


def beyond(
    watermark: Mapping[int, int], columns: Iterable[str], site_id: int, span: tuple[dt.datetime, dt.datetime]
) -> pa.Table:
    """The site's events of a span of ts that are not in the lake: of later batches than its watermark."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["parts"])
        parts = sorted({part for (part,) in cursor.fetchall()} | set(watermark))
    chosen = sorted(columns)
    parameters: list[Any] = [site_id, *span]
    conditions = []
    for part in parts:
        parameters += [part, watermark.get(part, -1)]
        places = {"part": f"${len(parameters) - 1}", "batch": f"${len(parameters)}"}
        conditions.append(_SQL["part"].format(**places))
    text = _SQL["beyond"].format(
        columns=", ".join(_AS_TEXT.get(name, name) for name in chosen),
        parts=" OR ".join(conditions) or "FALSE",
    )
    with arrow.batches(text, parameters) as reader:
        return reader.read_all()
