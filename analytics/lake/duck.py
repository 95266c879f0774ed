"""DuckDB in this process, over files of the lake.

It can read below the lake's folders and nowhere else: no other file, no network, no extension, and no way to change
that, whatever a statement says. Memory and threads are bounded for the process, time for each statement.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass

import duckdb
from django.conf import settings
from django.core.files.storage import FileSystemStorage

from analytics.lake import storage
from analytics.store import db

_SQL = db.statements(__file__)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Limits:
    """What DuckDB may take: threads and memory (`1GB`) of the process, seconds of a statement."""

    threads: int = 2
    memory: str = "1GB"
    timeout_seconds: int = 30


def session(limits: Limits) -> duckdb.DuckDBPyConnection:
    """A session with temporary views and variables of its own; close it, or use it as a context."""
    with _lock:
        return _database(_folders(), limits).cursor()


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
