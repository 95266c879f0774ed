"""The engine DuckDB: in this process, over files of the lake and rows of the hot tier.

It can read below the lake's folders and nowhere else: no other file, no network, no extension, and no way to change
that. Memory and threads are bounded for the process, time for each statement.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence

import duckdb
import pyarrow as pa
from django.conf import settings
from django.core.files.storage import FileSystemStorage

from analytics.lake import storage
from analytics.reports.plan import Limits
from analytics.reports.query import Query
from analytics.reports.sql import Found, Statement
from analytics.store import db

_SQL = db.statements(__file__)
_lock = threading.Lock()


def answer(
    query: Query, statement: Statement, files: Sequence[str], hot: pa.Table, limits: Limits
) -> Found:
    """Rows and rulesets of the union of files and hot rows.

    Raises duckdb.InterruptException after `limits.timeout_seconds`, OutOfMemoryException, and IOException when a
    file has gone.
    """
    with _lock:
        database = _database(_folders(), limits)
    with database.cursor() as session:
        session.register("hot", hot)
        session.execute(_SQL["files"], [list(files)])
        name = "both" if files and hot.num_rows else "lake" if files else "hot"
        session.execute(_SQL[name].format(columns=", ".join(sorted(statement.columns | {"ruleset"}))))
        rows = session.execute(statement.text, statement.parameters).fetchall()
        found = session.execute(_SQL["rulesets"], [query.site_id, query.start, query.end]).fetchall()
        return rows, tuple(version for (version,) in found)


def _folders() -> tuple[str, ...]:
    store = storage.storage()
    own = (str(store.location),) if isinstance(store, FileSystemStorage) else ()
    return (*own, settings.LAKE_CACHE_DIR)


@functools.lru_cache(maxsize=4)
def _database(folders: tuple[str, ...], limits: Limits) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(
        ":memory:",
        config={
            "threads": limits.threads,
            "memory_limit": limits.memory,
            "max_execution_time": limits.timeout_seconds * 1000,
            "temp_directory": "",
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    database.execute(_SQL["folders"], [list(folders)])
    database.execute(_SQL["walled"])
    database.execute(_SQL["locked"])
    return database
