"""Rows of TimescaleDB as Arrow batches, by ADBC.

Apart from `db`, because Arrow takes half a second and 100 MB to load, which the door has no use for.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from analytics.store import db

_idle: dict[str, queue.LifoQueue[dbapi.Connection]] = {}


@contextlib.contextmanager
def batches(statement: str, parameters: Sequence[Any]) -> Iterator[pa.RecordBatchReader]:
    """The rows of `statement` as a stream. Raises what `db` raises. Connections are kept for the next time."""
    idle = _idle.setdefault(db.conninfo(), queue.LifoQueue(db.MOST_CONNECTIONS))
    with _as_of_psycopg():
        connection = _connection(idle)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                yield cursor.fetch_record_batch()
            idle.put_nowait(connection)
        except queue.Full:
            connection.close()
        except BaseException:
            connection.close()
            raise


def _connection(idle: queue.LifoQueue[Any]) -> Any:
    """One that was kept and still works, else a new one."""
    while not idle.empty():
        with contextlib.suppress(queue.Empty):
            kept = idle.get_nowait()
            try:
                with kept.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    cursor.fetchall()
            except dbapi.Error:
                kept.close()
            else:
                return kept
    return dbapi.connect(db.conninfo(), autocommit=True)


@contextlib.contextmanager
def _as_of_psycopg() -> Iterator[None]:
    """Faults of ADBC as the same of psycopg, so that whoever waits for PostgreSQL need not know both."""
    try:
        yield
    except dbapi.Error as error:
        kind: type[psycopg.Error] = psycopg.Error
        with contextlib.suppress(KeyError):
            kind = psycopg.errors.lookup(error.sqlstate or "")
        if isinstance(error, dbapi.OperationalError) and not issubclass(kind, psycopg.OperationalError):
            kind = psycopg.OperationalError
        raise kind(str(error)) from error
    except OSError as error:
        # A session that ends while its batches are read; Arrow has no other name for it. Other files may fail too.
        if not str(error).startswith("[libpq]"):
            raise
        raise psycopg.OperationalError(str(error)) from error


def close() -> None:
    """Close every connection that is kept; tests call it before the test database goes."""
    while _idle:
        left = _idle.popitem()[1]
        while not left.empty():
            left.get_nowait().close()
