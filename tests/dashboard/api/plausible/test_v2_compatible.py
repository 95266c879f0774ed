"""POST /api/v2/query as Plausible documents it: names, goals, revenue, behaviour, comparisons, labels, files."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client

from analytics.sites import create, goals, saved
from analytics.sites.models import Site
from tests import builders

pytestmark = pytest.mark.database

DAY = "2026-11-20"
BASE: dict[str, Any] = {"site_id": "example.com", "metrics": ["visitors"], "date_range": [DAY, DAY]}
Ask = Callable[..., Any]


@pytest.fixture
def post(site: Site, client: Client) -> Ask:
    key = create.api_key(site, ["stats:read"])

    def posted(accept: str = "application/json", query: str = "", **changes: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Accept": accept}
        body = json.dumps(BASE | changes)
        return client.post(f"/api/v2/query{query}", body, content_type="application/json", headers=headers)

    return posted


@pytest.fixture
def ask(post: Ask) -> Ask:
    def asked(**changes: Any) -> Any:
        given = post(**changes)
        assert (given.status_code, given.json().get("error")) == (200, None)
        return given.json()

    return asked


def hit(ip: str, minutes: int, path: str = "/", **more: Any) -> dict[str, Any]:
    at = builders.NOW + dt.timedelta(minutes=minutes)
    return {"url": f"https://example.com{path}", "ip": ip, "at": at, **more}


@pytest.fixture
def history(site: Site, record: Callable[..., Any]) -> Site:
    """Three visitors: one reads the prices and buys, one reads the prices, one only comes; and one the day before."""
    goals.add(site, "event", "Purchase", {"currency": "USD"})
    goals.add(site, "page", "/pricing")
    dollars = {"currency": "USD", "amount": "1250.50"}
    record(
        [
            hit("81.2.60.1", -24 * 60),
            hit("81.2.69.1", 0),
            hit("81.2.69.1", 1, "/pricing"),
            hit("81.2.69.1", 2, "/pricing", name="Purchase", revenue=dollars, props={"plan": "pro"}),
            hit("81.2.70.1", 3, "/pricing", referrer="https://www.google.com/"),
            hit("81.2.71.1", 90, "/", referrer="https://www.google.com/"),
        ]
    )
    return site


def rows(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(*row["dimensions"], *row["metrics"]) for row in answer["results"]]


def test_goals_are_told_apart_with_their_rates_and_revenue(ask: Ask, history: Site) -> None:
    metrics = ["visitors", "events", "conversion_rate", "total_revenue", "average_revenue"]
    given = ask(metrics=metrics, dimensions=["event:goal"])
    bought = {"value": 1250.5, "currency": "EUR"}
    assert [row[:4] for row in rows(given)] == [("Visit /pricing", 2, 2, 66.7), ("Purchase", 1, 1, 33.3)]
    named = ask(metrics=["total_revenue"], filters=[["is", "event:goal", ["Purchase"]]])
    assert rows(named) == [({**bought, "currency": "USD", "short": "$1.3K", "long": "$1,250.50"},)]


def test_a_goal_that_the_site_does_not_have_is_named(post: Ask, history: Site) -> None:
    given = post(filters=[["is", "event:goal", ["Signup"]]])
    assert given.status_code == 400
    assert given.json()["error"] == "filters: the site has no goal 'Signup'; it has 'Purchase', 'Visit /pricing'"


def test_what_visits_did_and_did_not_do_is_a_filter(ask: Ask, history: Site) -> None:
    priced = ["is", "event:page", ["/pricing"]]
    bought = ["is", "event:goal", ["Purchase"]]
    assert rows(ask(metrics=["visitors", "pageviews"], filters=[priced, ["has_done", bought]])) == [(1, 1)]
    assert rows(ask(metrics=["visitors", "pageviews"], filters=[priced, ["has_not_done", bought]])) == [(1, 1)]
    assert rows(ask(filters=[["has_not_done", bought]])) == [(2,)]


def test_a_segment_is_named_by_its_number(ask: Ask, post: Ask, history: Site) -> None:
    made = saved.Segment.objects.create(site=history, name="Priced", filters=[["is", "event:page", ["/pricing"]]])
    assert rows(ask(filters=[["is", "segment", [made.pk]]])) == [(2,)]
    other = create.site("other.example", organisation="Other").site
    theirs = saved.Segment.objects.create(site=other, name="Theirs", filters=[["is", "event:page", ["/"]]])
    assert post(filters=[["is", "segment", [theirs.pk]]]).status_code == 400


def test_sources_have_plausibles_words(ask: Ask, history: Site) -> None:
    assert rows(ask(dimensions=["visit:source"])) == [("Google", 2), ("Direct / None", 1)]
    assert rows(ask(filters=[["is", "visit:source", ["Direct / None"]]])) == [(1,)]
    assert rows(ask(dimensions=["visit:utm_medium"])) == [("(not set)", 3)]


def test_patterns_with_stars_are_understood(ask: Ask, history: Site) -> None:
    assert rows(ask(filters=[["matches_wildcard", "event:page", ["/pri*"]]])) == [(2,)]
    assert rows(ask(filters=[["matches_wildcard_not", "event:page", ["/pri*"]]])) == [(2,)]


def test_a_day_is_compared_with_the_one_before(ask: Ask, history: Site) -> None:
    given = ask(metrics=["visitors", "bounce_rate"], include={"comparisons": {"mode": "previous_period"}})
    assert given["results"][0]["metrics"] == [3, 67]
    assert given["results"][0]["comparison"] == {"metrics": [1, 100], "dimensions": [], "change": [200, -33]}
    assert given["query"]["comparison_date_range"] == ["2026-11-19T00:00:00+00:00", "2026-11-19T23:59:59+00:00"]


def test_a_page_that_nobody_saw_before_grew_by_a_hundred_percent(ask: Ask, history: Site) -> None:
    given = ask(
        dimensions=["event:page"], include={"comparisons": {"mode": "custom", "date_range": ["2026-11-19"] * 2}}
    )
    compared = {row["dimensions"][0]: row["comparison"] for row in given["results"]}
    assert compared["/pricing"] == {"dimensions": ["/pricing"], "metrics": [0], "change": [100]}
    assert compared["/"] == {"dimensions": ["/"], "metrics": [1], "change": [100]}


def test_buckets_that_are_not_whole_are_named(ask: Ask, history: Site) -> None:
    given = ask(
        date_range=["2026-11-18", "2026-12-02"],
        dimensions=["time:week"],
        include={"time_labels": True, "partial_time_labels": True, "present_index": True},
    )["meta"]
    assert given["time_labels"] == ["2026-11-16", "2026-11-23", "2026-11-30"]
    assert {"2026-11-16", "2026-11-30"} <= {*given["partial_time_labels"]}


def test_csv_is_a_table_that_spreadsheets_may_open(post: Ask, record: Callable[..., Any]) -> None:
    record([hit("81.2.69.1", 0, "/a,b"), hit("81.2.69.1", 1, '/x"y', props={"f": "=1+1"})])
    given = post("text/csv", metrics=["visitors", "bounce_rate"], dimensions=["event:page"])
    assert given.status_code == 200
    assert given.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert given.headers["Content-Disposition"] == 'attachment; filename="example.com-2026-11-20.csv"'
    written = given.getvalue().decode()
    assert written.endswith("\r\n")
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert read[0] == ["event:page", "visitors", "bounce_rate"]
    assert sorted(row[:2] for row in read[1:]) == [["/a,b", "1"], ['/x"y', "1"]]
    formula = post("text/csv", dimensions=["event:props:f"], order_by=[["event:props:f", "desc"]])
    assert "'=1+1" in formula.getvalue().decode()


def test_parquet_has_typed_columns(post: Ask, history: Site) -> None:
    given = post(query="?format=parquet", metrics=["visitors", "bounce_rate"], dimensions=["time:day"])
    assert given.headers["Content-Type"] == "application/vnd.apache.parquet"
    table = pq.read_table(pa.BufferReader(given.getvalue()))
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64()]
    assert table.to_pylist() == [{"time:day": DAY, "visitors": 3, "bounce_rate": 67.0}]


def test_errors_are_json_whatever_was_asked_for(post: Ask, site: Site) -> None:
    for accept, query in (("text/csv", ""), ("*/*", "?format=parquet")):
        given = post(accept, query, metrics=["likes"])
        assert (given.status_code, given.headers["Content-Type"]) == (400, "application/json")
        assert given.json()["error"].startswith("metrics:")
    unknown = post(query="?format=xml")
    assert (unknown.status_code, unknown.json()["error"]) == (406, "format: write one of json, csv, parquet.")


def test_an_answer_says_how_often_the_key_may_still_ask(post: Ask, settings: Any) -> None:
    settings.STATS_API_REQUESTS_PER_HOUR = 2
    given = [post() for _ in range(3)]
    assert [one.headers["X-RateLimit-Remaining"] for one in given] == ["1", "0", "0"]
    assert {one.headers["X-RateLimit-Limit"] for one in given} == {"2"}
    assert given[2].headers["Retry-After"] == given[2].headers["X-RateLimit-Reset"]
