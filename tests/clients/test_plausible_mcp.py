"""plausible-mcp, a client of Plausible's Stats API v1 and Sites API from PyPI, against a running dashboard pool."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from analytics.sites import create
from analytics.sites.models import Site
from tests import processes, shared

pytestmark = pytest.mark.flow

pytest.importorskip("plausible_mcp")
_CALL = (
    "import json, sys; from plausible_mcp import server; print(getattr(server, sys.argv[1])(**json.loads(sys.argv[2])))"
)
Call = Callable[..., Any]


@pytest.fixture
def key(site: Site) -> str:
    return create.api_key(site, ["stats:read", "sites:read"])


@pytest.fixture
def dashboard(environment: dict[str, str]) -> Iterator[str]:
    with processes.pool("dashboard", environment) as address:
        yield address


@pytest.fixture
def call(dashboard: str, key: str) -> Call:
    """A tool of the client, in a process of its own: what it answered, read as JSON where it is that."""

    def called(tool: str, key: str = key, **arguments: Any) -> Any:
        variables = {"PLAUSIBLE_BASE_URL": dashboard, "PLAUSIBLE_API_KEY": key, "DO_NOT_TRACK": "1"}
        done = subprocess.run(
            [sys.executable, "-c", _CALL, tool, json.dumps(arguments)],
            env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return called


@pytest.fixture
def history(record: Callable[..., Any]) -> None:
    """Three visitors today: one of two pages, two of one, of whom one came from Google a moment ago."""
    now = dt.datetime.now(dt.UTC)
    record(
        [
            {"url": "/", "ip": "81.2.69.1", "at": now - dt.timedelta(seconds=9)},
            {"url": "/pricing", "ip": "81.2.69.1", "at": now - dt.timedelta(seconds=8)},
            {"url": "/", "ip": "81.2.70.1", "at": now - dt.timedelta(seconds=7)},
            {"url": "/", "ip": "81.2.71.1", "at": now - dt.timedelta(seconds=6), "referrer": "https://www.google.com/"},
        ]
    )


def test_every_tool_of_the_client_gets_its_numbers(call: Call, history: None) -> None:
    totals = call("get_aggregate_stats", site_id="https://example.com/", date_range="7d")["totals"]
    assert totals == {"visitors": 3, "pageviews": 4, "bounce_rate": 67, "visit_duration": 0}
    pages = call("get_breakdown", site_id="example.com", property_name="page")["results"]
    assert pages == [{"page": "/", "visitors": 3}, {"page": "/pricing", "visitors": 1}]
    for alias in ("source", "country", "browser", "os", "device", "entry_page", "exit_page", "medium", "campaign"):
        rows = call("get_breakdown", site_id="example.com", property_name=alias)["results"]
        assert sum(row["visitors"] for row in rows) == 3, alias
    series = call("get_timeseries", site_id="example.com", date_range="7d")
    assert (series["data_points"], sum(day["visitors"] for day in series["timeseries"])) == (7, 3)
    assert call("get_realtime_visitors", site_id="example.com")["realtime_visitors"] == 3
    checked = call("doctor")
    assert (checked["status"], checked["sample_sites"]) == ("healthy", ["example.com"])


def test_the_client_tells_its_user_what_was_wrong(call: Call, site: Site) -> None:
    assert "Authentication failed (HTTP 401)" in call("get_realtime_visitors", key="ak_unknown", site_id="example.com")
    refused = call("get_aggregate_stats", site_id="example.com", metrics=["likes"])
    assert "metrics: there is no metric 'likes'" in refused


def test_what_it_sent_elsewhere_is_answered_here(client: Client, key: str, history: None) -> None:
    answers = []
    for request in shared.read_json("captures/plausible-mcp-py.json"):
        headers = {name: value for name, value in request["headers"] if name not in ("Host", "Authorization")}
        given = client.get(request["path"], headers={**headers, "Authorization": f"Bearer {key}"})
        answers.append((given.status_code, given.json()))
    assert [status for status, _ in answers] == [200] * 5
    assert answers[0][1]["results"]["visitors"] == {"value": 3}
    assert answers[3][1] == 3
    assert answers[4][1]["sites"] == [{"domain": "example.com", "timezone": "UTC"}]
