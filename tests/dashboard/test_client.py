"""Whatever many clients ask of several processes at once is computed once, and no longer than anybody waits."""

from __future__ import annotations

import datetime as dt
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from analytics.sites import create
from analytics.sites.models import Site
from analytics.store import db
from tests import processes

pytestmark = pytest.mark.flow

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%visitor_id%'
"""


@pytest.fixture
def pool(environment: dict[str, str]) -> Iterator[str]:
    with processes.pool("dashboard", environment, REPORT_QUESTIONS="1", DASHBOARD_WORKERS="1") as address:
        yield address


def waiting() -> int:
    """Questions that wait for the locked table."""
    with db.transaction() as cursor:
        cursor.execute(_WAITING)
        ((found,),) = cursor.fetchall()
        return int(found)


def asked(pool: str, key: str) -> socket.socket:
    """A connection on which today's visitors were asked for."""
    where = urlsplit(pool)
    body = json.dumps({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"})
    connection = socket.create_connection((where.hostname or "", where.port or 0), timeout=20)
    head = f"POST /api/v2/query HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {key}\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection


def test_it_is_stopped_and_its_place_is_free(pool: str, site: Site, record: Callable[..., Any]) -> None:
    key = create.api_key(site, ["stats:read"])
    with db.connect() as locking:
        locking.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        one, other = asked(pool, key), asked(pool, key)
        processes.wait_until(lambda: waiting() == 1, "both wait for one computation")
        one.close()
        with pytest.raises(AssertionError):
            _never(lambda: waiting() == 0)
        other.close()
        processes.wait_until(lambda: waiting() == 0, "the statement is cancelled")
        locking.rollback()
    with asked(pool, key) as third:
        assert third.recv(12) == b"HTTP/1.1 200"


def test_another_process_takes_over_from_one_that_is_killed(
    pool: str, environment: dict[str, str], site: Site, record: Callable[..., Any]
) -> None:
    key = create.api_key(site, ["stats:read"])
    with db.connect() as locking:
        locking.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        with processes.pool("dashboard", environment, DASHBOARD_WORKERS="1") as other, asked(other, key):
            processes.wait_until(lambda: waiting() == 1, "it is at it")
            caller = asked(pool, key)
            with pytest.raises(AssertionError):
                _never(lambda: waiting() > 1)
        processes.wait_until(lambda: waiting() == 2, "the other one asks too")  # the one that is gone waits on
        locking.rollback()
    with caller:
        assert caller.recv(12) == b"HTTP/1.1 200"


def test_200_callers_of_three_processes_cost_one_computation(
    environment: dict[str, str], site: Site, record: Callable[..., Any]
) -> None:
    record([{"url": "https://example.com/", "ip": "81.2.69.1"}], now=dt.datetime.now(dt.UTC))
    key = create.api_key(site, ["stats:read"])
    with (
        processes.pool("dashboard", environment, DASHBOARD_WORKERS="3", DASHBOARD_THREADS="8") as pool,
        db.connect() as locking,
    ):
        locking.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        callers = [asked(pool, key) for _ in range(200)]
        processes.wait_until(lambda: waiting() == 1, "one of them asks")
        with pytest.raises(AssertionError):
            _never(lambda: waiting() > 1)
        locking.rollback()
        answers = [caller.makefile("rb").readline() for caller in callers]
        for caller in callers:
            caller.close()
    assert set(answers) == {b"HTTP/1.1 200 OK\r\n"}


def _never(true: Callable[[], bool]) -> None:
    """For a second it must not become true."""
    patience, processes.PATIENCE_SECONDS = processes.PATIENCE_SECONDS, 1.0
    try:
        processes.wait_until(true, "as it should be")
    finally:
        processes.PATIENCE_SECONDS = patience
