"""An event over HTTP is a number in the Stats API: from TimescaleDB, from the lake and after a recount."""

from __future__ import annotations

import datetime as dt
import json
import urllib.request
from typing import Any

import pytest

from analytics.lake import export
from analytics.pipeline import books
from analytics.reprocess import jobs
from analytics.sites import create, models
from tests import processes

pytestmark = pytest.mark.flow
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def post(url: str, body: object, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, json.dumps(body).encode(), named)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.read()


def send_everything(address: str) -> None:
    """Three people, five pageviews, four visits (one person comes with two browsers), one bot."""
    own, plausible = f"{address}/v1/events", f"{address}/api/event"
    for ip, url, referrer in (
        ("198.51.100.1", "https://example.com/", "https://www.google.com/"),
        ("198.51.100.1", "https://example.com/pricing", ""),
        ("198.51.100.2", "https://example.com/", "https://www.google.com/"),
    ):
        event = {"name": "pageview", "url": url, "referrer": referrer}
        post(own, {"site": "example.com", "events": [event]}, User_Agent=CHROME, X_Forwarded_For=ip)
    for ip, agent, page in (
        ("198.51.100.3", CHROME, "blog"),
        ("198.51.100.3", CHROME.replace("142", "141"), "blog"),
        ("198.51.100.9", GOOGLEBOT, "blog"),
    ):
        said = {"n": "pageview", "u": f"https://example.com/{page}?utm_source=news", "d": "example.com"}
        assert post(plausible, said, User_Agent=agent, X_Forwarded_For=ip) == (202, b"ok")


def ask(address: str, key: str, **query: Any) -> list[dict[str, Any]]:
    today = dt.datetime.now(dt.UTC).date()
    span = [str(today - dt.timedelta(days=1)), str(today)]
    body = {"site_id": "example.com", "date_range": span, **query}
    _, answer = post(f"{address}/api/v2/query", body, Authorization=f"Bearer {key}", Content_Type="application/json")
    results: list[dict[str, Any]] = json.loads(answer)["results"]
    return results


def questions(address: str, key: str) -> list[Any]:
    return [
        ask(address, key, metrics=["visitors", "visits", "pageviews"]),
        ask(address, key, metrics=["visitors"], dimensions=["visit:source"]),
        ask(address, key, metrics=["pageviews"], dimensions=["event:page"]),
    ]


def test_the_same_numbers_from_timescaledb_from_the_lake_and_after_a_recount(
    site: models.Site, environment: dict[str, str]
) -> None:
    key = create.api_key(site, ["stats:read"])
    trusting = environment | {"TRUSTED_PROXIES": "127.0.0.1/32"}
    with (
        processes.pool("ingest", trusting) as ingest,
        processes.pool("dashboard", environment) as dashboard,
        processes.running(["manage.py", "write"], environment),
    ):
        send_everything(ingest)
        processes.wait_until(lambda: sum(line.stored for line in books.balance().sites) == 6, "six events are stored")
        fresh = questions(dashboard, key)
        export.export("hits")
        export.export("events")
        create.data_changed(site.pk)
        exported = questions(dashboard, key)
        today = dt.datetime.now(dt.UTC).date()
        assert jobs.perform(jobs.ask(site.pk, today - dt.timedelta(days=1), today))
        recounted = questions(dashboard, key)
    assert fresh == [
        [{"metrics": [4, 4, 5], "dimensions": []}],
        [{"metrics": [2], "dimensions": ["Google"]}, {"metrics": [2], "dimensions": ["news"]}],
        [
            {"metrics": [2], "dimensions": ["/"]},
            {"metrics": [2], "dimensions": ["/blog"]},
            {"metrics": [1], "dimensions": ["/pricing"]},
        ],
    ]
    assert fresh == exported == recounted
    assert books.balance().holds
