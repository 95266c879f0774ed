"""Each kind of question that Plausible's documentation shows is answered in the form that it shows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.sites import create, goals, saved
from analytics.sites.models import Site
from tests import builders

pytestmark = pytest.mark.database

DAY = ["2026-11-20", "2026-11-20"]
WEEK = ["2026-11-16", "2026-11-22"]
KINDS: dict[str, tuple[dict[str, Any], list[str], set[str]]] = {
    "totals": ({"metrics": ["visitors", "pageviews", "bounce_rate"], "date_range": "7d"}, ["int"] * 3, set()),
    "custom range": (
        {
            "metrics": ["visitors", "visit_duration"],
            "date_range": ["2026-11-20T12:00:00+02:00", "2026-11-20T15:59:59+02:00"],
        },
        ["int"] * 2, set(),
    ),
    "country and city": (
        {
            "metrics": ["visitors", "pageviews", "bounce_rate"],
            "dimensions": ["visit:country_name", "visit:city_name"],
            "filters": [["is_not", "visit:country_name", [""]]],
            "date_range": WEEK,
        },
        ["int"] * 3, set(),
    ),
    "utm": (
        {"metrics": ["visitors", "events"], "dimensions": ["visit:utm_medium", "visit:utm_source"], "date_range": WEEK},
        ["int"] * 2, set(),
    ),
    "filters": (
        {
            "metrics": ["visitors", "views_per_visit"],
            "filters": [
                ["contains", "event:page", ["/pri"]],
                ["or", [["is", "visit:country_name", ["Estonia"]], ["not", ["is", "visit:source", ["Bing"]]]]],
            ],
            "date_range": WEEK,
        },
        ["int", "float"], set(),
    ),
    "filters of any case": (
        {
            "metrics": ["visitors"],
            "dimensions": ["event:page"],
            "filters": [["contains", "event:page", ["PRIC"], {"case_sensitive": False}]],
            "date_range": WEEK,
        },
        ["int"], set(),
    ),
    "a series": ({"metrics": ["visitors", "events"], "dimensions": ["time"], "date_range": "all"}, ["int"] * 2, set()),
    "hours with labels": (
        {
            "metrics": ["visitors"], "dimensions": ["time:hour"], "date_range": DAY,
            "include": {"time_labels": True},
        },
        ["int"], {"time_labels"},
    ),
    "custom properties": (
        {
            "metrics": ["visitors"],
            "dimensions": ["time:day", "event:props:plan"],
            "order_by": [["time:day", "asc"], ["event:props:plan", "desc"]],
            "date_range": WEEK,
        },
        ["int"], set(),
    ),
    "pages of rows": (
        {
            "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "date_range": WEEK,
            "include": {"total_rows": True}, "pagination": {"limit": 1, "offset": 1},
        },
        ["int"] * 2, {"total_rows"},
    ),
    "imports": (
        {
            "metrics": ["visitors"], "dimensions": ["visit:source"], "date_range": WEEK,
            "include": {"imports": True},
        },
        ["int"], {"imports_included", "imports_skip_reason"},
    ),
    "revenue": (
        {
            "metrics": ["total_revenue", "average_revenue"], "dimensions": ["event:goal"], "date_range": WEEK,
            "filters": [["is", "event:goal", ["Purchase"]]],
        },
        ["dict"] * 2, set(),
    ),
    "behaviour": (
        {
            "metrics": ["visitors", "pageviews"],
            "filters": [
                ["is", "event:page", ["/pricing"]],
                ["has_done", ["is", "event:goal", ["Purchase"]]],
                ["has_not_done", ["is", "event:name", ["Login", "Register"]]],
            ],
            "date_range": WEEK,
        },
        ["int"] * 2, set(),
    ),
    "a segment": (
        {"metrics": ["visitors", "events"], "filters": [["is", "segment", [1]]], "date_range": WEEK},
        ["int"] * 2, set(),
    ),
}  # fmt: skip
"""Kind → the question, the types of its metrics, what `meta` has."""


@pytest.fixture
def history(site: Site, record: Callable[..., Any]) -> None:
    goals.add(site, "event", "Purchase", {"currency": "USD"})
    saved.Segment.objects.create(pk=1, site=site, name="Priced", filters=[["is", "event:page", ["/pricing"]]])

    def hit(minutes: int, path: str, **more: Any) -> dict[str, Any]:
        return {"url": f"https://example.com{path}", "at": builders.NOW + dt.timedelta(minutes=minutes), **more}

    bought = {"name": "Purchase", "revenue": {"currency": "USD", "amount": "20"}, "props": {"plan": "pro"}}
    record([hit(0, "/?utm_source=x&utm_medium=y"), hit(1, "/pricing"), hit(2, "/pricing", **bought)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_documented_question_is_answered_in_the_documented_form(
    kind: str, client: Client, site: Site, history: None
) -> None:
    asked, types, meta = KINDS[kind]
    headers = {"Authorization": f"Bearer {create.api_key(site, ['stats:read'])}"}
    body = json.dumps({"site_id": "example.com", **asked})
    given = client.post("/api/v2/query", body, content_type="application/json", headers=headers).json()
    assert {*given} == {"results", "meta", "query"}
    assert {*given["meta"]} == meta | {"explain"}
    if kind != "totals" and kind != "country and city":  # no event of the last days; no address database
        assert given["results"]
    for row in given["results"]:
        assert {*row} == {"metrics", "dimensions"}
        assert [type(value).__name__ for value in row["metrics"]] == types
        assert [type(value) for value in row["dimensions"]] == [str] * len(asked.get("dimensions", []))
    echoed = given["query"]
    assert {*echoed} == {
        "site_id", "metrics", "date_range", "filters", "dimensions", "order_by", "include", "pagination",
    }  # fmt: skip
    assert (echoed["filters"], echoed["include"]) == (asked.get("filters", []), asked.get("include", {}))
    assert [len(at) for at in echoed["date_range"]] == [25, 25]
    assert all(direction in ("asc", "desc") for _, direction in echoed["order_by"])
