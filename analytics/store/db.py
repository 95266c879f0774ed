"""The only door to raw SQL: named statements from `.sql` files, connections, COPY.

Statements live in a `.sql` file beside the module that runs them, each under a line `-- name: NAME`. They use
PostgreSQL's own placeholders ($1, $2 …), so that the same text also runs in DuckDB.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from analytics.store import binary

FAULTS = (psycopg.Error, PoolTimeout)
"""What TimescaleDB raises when it is away or refuses."""
UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded, *binary.FAULTS)
"""What a row raises that PostgreSQL cannot keep."""
AWAY = (psycopg.OperationalError, PoolTimeout)
"""The part of it that says nothing about the statement."""
Cursor = psycopg.Cursor[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]


MOST_CONNECTIONS = 8


@functools.cache
def statements(module_file: str) -> dict[str, str]:
    """The named statements of the `.sql` file with the stem of `module_file`."""
    text = Path(module_file).with_suffix(".sql").read_text()
    parts = re.split(r"^-- name: (\w+).*$", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


def parameters() -> dict[str, str | None]:
    """libpq's names → values of Django's default database (the test database while tests run)."""
    given = connections["default"].settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: given[setting] or None for name, setting in names.items()}


def conninfo() -> str:
    """libpq's connection string of the same."""
    timeout = connections["default"].settings_dict["OPTIONS"].get("connect_timeout")
    return make_conninfo("", **parameters(), connect_timeout=timeout)


def connect(*, autocommit: bool = False) -> Connection:
    """A connection of its own for a long-lived process, with native `$1` placeholders."""
    return psycopg.connect(conninfo(), autocommit=autocommit, cursor_factory=psycopg.RawCursor)


_pools: dict[str, ConnectionPool[Connection]] = {}
_pools_lock = threading.Lock()


@contextlib.contextmanager
def transaction() -> Iterator[Cursor]:
    """A cursor in a transaction on a pooled connection: commits on leaving, rolls back on an exception."""
    info = conninfo()
    with _pools_lock:
        if info not in _pools:
            _pools[info] = ConnectionPool(
                info,
                min_size=0,
                max_size=MOST_CONNECTIONS,
                timeout=5,
                max_idle=60,
                open=True,
                kwargs={"cursor_factory": psycopg.RawCursor},
            )
    pool = _pools[info]
    connection = _working(pool)
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        pool.putconn(connection)


def _working(pool: ConnectionPool[Connection]) -> Connection:
    """A connection of the pool that PostgreSQL has not ended. Raises PoolTimeout.

    The pool's own check waits longer after each broken one; after a restart of PostgreSQL all of them are broken.
    """
    while True:
        connection = pool.getconn()
        try:
            pool.check_connection(connection)
        except psycopg.OperationalError:
            pool.putconn(connection)
        else:
            return connection


def close_pools() -> None:
    """Close every pooled connection; tests call it before the test database goes."""
    with _pools_lock:
        while _pools:
            _pools.popitem()[1].close()


def describe(error: Exception) -> str:
    """An error for the log, without the values that PostgreSQL quotes in its messages."""
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} ({state})" if state else f"{type(error).__name__}: {error}"


def with_names(statement: str, **names: str | int) -> psycopg.sql.Composed:
    """A statement with `{name}`s in it that stand for identifiers, or for numbers."""
    kinds = {str: psycopg.sql.Identifier, int: psycopg.sql.Literal}
    return psycopg.sql.SQL(statement).format(**{name: kinds[type(value)](value) for name, value in names.items()})


def copy(cursor: Cursor, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` into the columns `names` of `table`."""
    with cursor.copy(_copy_into(table, names, "FORMAT TEXT")) as copying:
        for row in rows:
            copying.write_row(row)


_BLOCK_BYTES = 1 << 18


def copy_binary(cursor: Cursor, table: str, names: Sequence[str], rows: Iterable[bytes]) -> None:
    """COPY rows that `binary` encoded into the columns `names` of `table`."""
    with cursor.copy(_copy_into(table, names, "FORMAT BINARY")) as copying:
        block, size = [binary.HEADER], 0
        for row in rows:
            block.append(row)
            size += len(row)
            if size > _BLOCK_BYTES:
                copying.write(b"".join(block))
                block, size = [], 0
        copying.write(b"".join([*block, binary.TRAILER]))


def _copy_into(table: str, names: Sequence[str], options: LiteralString) -> psycopg.sql.Composed:
    columns = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, names))
    statement = psycopg.sql.SQL("COPY {} ({}) FROM STDIN ({})")
    return statement.format(psycopg.sql.Identifier(table), columns, psycopg.sql.SQL(options))


_types: dict[tuple[str, str], dict[str, str]] = {}


def column_types(cursor: Cursor, table: str) -> dict[str, str]:
    """Column → PostgreSQL's name of its type, asked for once in a process and database."""
    key = (cursor.connection.info.dbname, table)
    if key not in _types:
        cursor.execute(
            "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid"
            " WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        _types[key] = dict(cursor.fetchall())
    return _types[key]
