"""DuckDB over files of the lake: it can read the files it is given and nothing else.

No other file, no network, no extension, and no way to change that, whatever a statement says.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb


def connect(
    files: Sequence[str], *, threads: int = 2, memory: str = "1GB", timeout_seconds: int = 30
) -> duckdb.DuckDBPyConnection:
    """An in-memory database of its own; its files are fixed from now on."""
    return duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory,
            "max_execution_time": timeout_seconds * 1000,
            "temp_directory": "",
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
            "allowed_paths": list(files),
            "enable_external_access": False,
            "lock_configuration": True,
        },
    )
