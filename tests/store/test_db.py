"""The door to raw SQL."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from django.db import connection

from analytics.store import arrow, db
from tests import processes

pytestmark = pytest.mark.database


def ask_both() -> tuple[object, object]:
    with db.transaction() as cursor:
        cursor.execute("SELECT 7")
        plain = cursor.fetchall()
    with arrow.batches("SELECT 7 AS n", []) as reader:
        return plain, reader.read_all()["n"].to_pylist()


def test_connections_that_postgresql_ended_are_replaced(stores: None) -> None:
    with contextlib.ExitStack() as all_at_once:
        for _ in range(db.MOST_CONNECTIONS):
            all_at_once.enter_context(db.transaction())
            all_at_once.enter_context(arrow.batches("SELECT 7 AS n", []))
    with db.transaction() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = ''"
        )
    connection.close()
    assert ask_both() == ([(7,)], [7])


def test_an_error_is_described_without_the_values_that_postgresql_quotes(stores: None) -> None:
    with pytest.raises(db.UNSTORABLE) as raised, db.transaction() as cursor:
        cursor.execute("SELECT $1::text::integer", ["a secret"])
    assert "a secret" in str(raised.value)
    assert db.describe(raised.value) == "InvalidTextRepresentation (22P02)"


@pytest.mark.parametrize(
    ("statement", "sqlstate", "is_away"),
    [("SELECT * FROM nowhere", "42P01", False), ("SELECT pg_terminate_backend(pg_backend_pid())", None, True)],
)
def test_whoever_reads_by_arrow_hears_of_the_same_faults(
    stores: None, statement: str, sqlstate: str | None, is_away: bool
) -> None:
    with pytest.raises(db.FAULTS) as raised, arrow.batches(statement, []) as reader:
        reader.read_all()
    assert isinstance(raised.value, db.AWAY) is is_away
    assert getattr(raised.value, "sqlstate", None) == sqlstate or sqlstate is None


def test_the_door_does_not_load_the_lake() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, config.wsgi_ingest, analytics.ingest.urls; print(*sys.modules)"],
        cwd=processes.ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    assert {"pyarrow", "pandas", "pyiceberg", "duckdb", "boto3", "portal"}.isdisjoint(loaded)
