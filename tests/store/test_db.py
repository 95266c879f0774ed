"""The door to raw SQL."""

from __future__ import annotations

import contextlib

import pytest
from django.db import connection

from analytics.store import db

pytestmark = pytest.mark.database


def ask_both() -> tuple[object, object]:
    with db.transaction() as cursor:
        cursor.execute("SELECT 7")
        plain = cursor.fetchall()
    with db.arrow("SELECT 7 AS n", []) as reader:
        return plain, reader.read_all()["n"].to_pylist()


def test_connections_that_postgresql_ended_are_replaced(stores: None) -> None:
    with contextlib.ExitStack() as all_at_once:
        for _ in range(db.MOST_CONNECTIONS):
            all_at_once.enter_context(db.transaction())
            all_at_once.enter_context(db.arrow("SELECT 7 AS n", []))
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
