"""Embedded ClickHouse (the package `chdb`) over the same rows, asked the same questions, in a process of its own.

The table is laid out as Plausible lays out its own: monthly partitions, ordered by site, day, name, visitor and time,
words as LowCardinality, properties as a map. The statements are written for ClickHouse, not translated.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import multiprocessing
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from analytics.reports import catalog
from analytics.reports.fragments import LONGEST_IDLE, LONGEST_VISIT
from analytics.reports.query import All, AnyOf, Condition, Done, Filter, Not, Query

_TABLE = """
CREATE TABLE events (
    site_id UInt32, ts DateTime64(6, 'UTC'), visitor_id Int64, visit_id Int64, visit_started_at DateTime64(6, 'UTC'),
    name LowCardinality(String), host LowCardinality(String), path String CODEC(ZSTD(3)), title String CODEC(ZSTD(3)),
    entry_path String CODEC(ZSTD(3)), referrer String CODEC(ZSTD(3)), source LowCardinality(String),
    medium LowCardinality(String), channel LowCardinality(String), utm_source LowCardinality(String),
    utm_medium LowCardinality(String), utm_campaign LowCardinality(String), country LowCardinality(String),
    region LowCardinality(String), city LowCardinality(String), browser LowCardinality(String),
    browser_version LowCardinality(String), os LowCardinality(String), os_version LowCardinality(String),
    device LowCardinality(String), screen LowCardinality(String), language LowCardinality(String), interactive Bool,
    engagement_ms Int32, revenue Nullable(Decimal(18, 4)), currency LowCardinality(String),
    props Map(LowCardinality(String), String), category LowCardinality(String)
) ENGINE = MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (site_id, toDate(ts), name, visitor_id, ts)
"""
_COLUMNS = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events' ORDER BY position"
_SIZE = "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND table = 'events'"
_INSERT = """
INSERT INTO events ({columns}) SELECT * REPLACE (JSONExtract(props, 'Map(String, String)') AS props)
FROM (SELECT {columns} FROM file('{path}', 'Parquet'))
"""
_EVENTS = {
    "visitors": "uniqExact(visitor_id)",
    "pageviews": "countIf(name = 'pageview')",
    "events": "countIf(name != 'engagement')",
}
_VISITS = {
    "visits": "count()",
    "bounce_rate": "100 * countIf(bounced) / count()",
    "visit_duration": "sum(if(bounced, 0, lasted)) / count() / 1000000",
    "views_per_visit": "sum(views) / count()",
}
_VISIT = """
SELECT {keys}countIf(name = 'pageview') AS views,
       views < 2 AND countIf(interactive AND name NOT IN ('pageview', 'engagement')) = 0 AS bounced,
       dateDiff('microsecond', min(ts), max(ts)) AS lasted
FROM events WHERE {site} AND ts >= {low} AND ts < {high}
    AND visit_started_at >= {start} AND visit_started_at < {end}{matching} GROUP BY visit_id
"""


def is_there() -> bool:
    """Whether the package `chdb` is installed."""
    return importlib.util.find_spec("chdb") is not None


class ClickHouse:
    """The process; a context."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._folder.name), daemon=True)
        self._process.start()
        self._ask(_TABLE)
        self._columns = [name for (name,) in self._ask(_COLUMNS)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._process.join(10)
        self._process.kill()
        self._folder.cleanup()

    def load(self, rows: pa.Table) -> None:
        """Rows as the lake has them."""
        path = Path(self._folder.name, "rows.parquet")
        pq.write_table(rows, path)
        self._ask(_INSERT.format(columns=", ".join(self._columns), path=path))
        path.unlink()

    def finish(self) -> None:
        """Merge what was loaded, as ClickHouse would in time."""
        self._ask("OPTIMIZE TABLE events FINAL")

    def bytes_per_row(self) -> float:
        ((found,),) = self._ask(_SIZE)
        return float(found)

    def answer(self, query: Query) -> list[tuple[Any, ...]]:
        """(dimensions …, metrics …) in the query's order."""
        return [tuple(row) for row in self._ask(statement(query))]

    def _ask(self, text: str) -> Sequence[Sequence[Any]]:
        self._line.send(text)
        found = self._line.recv()
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]


def _serve(line: Connection, folder: str) -> None:
    """Answers one statement after the other until the line is closed."""
    session = importlib.import_module("chdb.session").Session(f"{folder}/data")
    while True:
        try:
            text = line.recv()
        except EOFError:
            return
        try:
            line.send(_rows(str(session.query(text, "JSONCompact"))))
        except Exception as error:  # told to the caller, who ends the run
            line.send(RuntimeError(f"{error}\n{text}"))


def _rows(said: str) -> list[Any]:
    return json.loads(said)["data"] if said else [True]


def statement(query: Query) -> str:
    """The query in ClickHouse's SQL. Only what the benchmark asks: KeyError for other metrics."""
    start, end = _instant(query.start), _instant(query.end)
    matching = f" AND ({_filter(query, query.filter)})" if query.filter else ""
    keys = {f"d{index}": _key(name) for index, name in enumerate(query.dimensions)}
    own = "".join(f"{sql} AS {name}, " for name, sql in keys.items())
    grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
    sides = []
    if events := [f"{_EVENTS[name]} AS {name}" for name in query.metrics if name in _EVENTS]:
        sides.append(f"(SELECT {own}{', '.join(events)} FROM events WHERE {_range(query)}{matching}{grouped}) AS a")
    if visits := [f"{_VISITS[name]} AS {name}" for name in query.metrics if name in _VISITS]:
        each = _VISIT.format(
            keys="".join(f"any({sql}) AS {name}, " for name, sql in keys.items()),
            site=_site(query),
            low=_instant(query.start - LONGEST_IDLE),
            high=_instant(query.end + LONGEST_VISIT),
            start=start,
            end=end,
            matching=matching,
        )
        names = "".join(f"{name}, " for name in keys)
        sides.append(f"(SELECT {names}{', '.join(visits)} FROM ({each}){grouped}) AS b")
    joined = f" FULL JOIN {sides[-1]} USING ({', '.join(keys)})" if keys else f" CROSS JOIN {sides[-1]}"
    return (
        f"SELECT {', '.join([*keys, *query.metrics])} FROM {sides[0]}{joined if len(sides) > 1 else ''}"
        f" ORDER BY {_order(query)} LIMIT {query.limit}"
    )


def _site(query: Query) -> str:
    return f"site_id = {query.site_id} AND category = ''"


def _range(query: Query) -> str:
    return f"{_site(query)} AND ts >= {_instant(query.start)} AND ts < {_instant(query.end)}"


def _instant(at: Any) -> str:
    return f"toDateTime64('{at:%Y-%m-%d %H:%M:%S}', 6, 'UTC')"


def _order(query: Query) -> str:
    if query.dimensions and query.dimensions[0].startswith("time:"):
        return "d0"
    return ", ".join([f"{query.metrics[0]} DESC", *(f"d{index}" for index in range(len(query.dimensions)))])


def _key(name: str) -> str:
    if name == "time:day":
        return "toString(toDate(ts))"
    return f"if({_column(name)} = '', '(none)', {_column(name)})"


def _column(name: str) -> str:
    dimension = catalog.dimension(name)
    return f"props['{dimension.column}']" if name.startswith(catalog.PROPS) else dimension.column


def _filter(query: Query, tree: Filter) -> str:
    match tree:
        case Condition("is", name, values):
            return f"{_column(name)} IN ({', '.join(map(_text, values))})"
        case Done(of, negated):
            inside = f"{_range(query)} AND ({_filter(query, of)})"
            return f"visit_id {'NOT ' if negated else ''}IN (SELECT visit_id FROM events WHERE {inside})"
        case All(parts):
            return " AND ".join(f"({_filter(query, part)})" for part in parts)
        case AnyOf(parts):
            return " OR ".join(f"({_filter(query, part)})" for part in parts)
        case Not(of):
            return f"NOT ({_filter(query, of)})"
    raise KeyError(tree)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
