"""POST /api/v2/query: Plausible's form there and back, refusals that say what is allowed, and walls between tenants."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.reports import run, shelf
from analytics.sites import create
from analytics.sites.models import ApiKey, Site
from tests import builders

pytestmark = pytest.mark.database

DAY = "2026-11-20"
BASE: dict[str, Any] = {"site_id": "example.com", "metrics": ["visitors"], "date_range": [DAY, DAY]}


@pytest.fixture
def ask(site: Site, client: Client) -> Callable[..., Any]:
    key = create.api_key(site, ["stats:read"])

    def asked(key: str = key, **changes: Any) -> Any:
        body = {name: value for name, value in (BASE | changes).items() if value is not None}
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return client.post("/api/v2/query", json.dumps(body), content_type="application/json", headers=headers)

    return asked


@pytest.fixture
def history(record: Callable[..., Any]) -> None:
    def page(path: str, ip: str, minutes: int, **more: Any) -> dict[str, Any]:
        return {
            "url": f"https://example.com{path}", "ip": ip, "at": builders.NOW + dt.timedelta(minutes=minutes), **more,
        }  # fmt: skip

    record(
        [
            page("/", "81.2.69.1", 0),
            page("/pricing", "81.2.69.1", 2, props={"plan": "pro"}),
            page("/", "81.2.70.1", 5),
            page("/", "81.2.71.1", 61, referrer="https://www.google.com/"),
            page("/é,", "81.2.71.1", 63),
        ]
    )


def test_every_metric_has_plausibles_rounding(ask: Callable[..., Any], history: None) -> None:
    expected = {
        "visitors": 3, "visits": 3, "pageviews": 5, "events": 5, "views_per_visit": 1.67, "bounce_rate": 33,
        "visit_duration": 80, "median_visit_duration": 120, "engagement_rate": 67, "unique_pageviews": 5,
        "time_on_page": None, "percentage": 100.0, "scroll_depth": None, "average_revenue": None,
        "total_revenue": {"value": 0.0, "currency": "EUR", "short": "€0", "long": "€0.00"},
    }  # fmt: skip
    given = ask(metrics=list(expected))
    assert (given.status_code, given.json().get("error")) == (200, None)
    assert given.json()["results"] == [{"metrics": list(expected.values()), "dimensions": []}]


def test_a_site_without_events_has_zeros(ask: Callable[..., Any]) -> None:
    given = ask(metrics=["visitors", "bounce_rate", "visit_duration", "views_per_visit"]).json()
    assert given["results"] == [{"metrics": [0, 0, 0, 0.0], "dimensions": []}]


def test_the_query_is_echoed_as_it_was_understood(ask: Callable[..., Any], site: Site, history: None) -> None:
    Site.objects.filter(pk=site.pk).update(timezone="Europe/Berlin")
    filters = [["is", "event:page", ["/"]], ["or", [["contains", "visit:source", ["G"], {"case_sensitive": False}]]]]
    given = ask(
        dimensions=["visit:source", "time"],
        filters=filters,
        include={"total_rows": True, "imports": True, "time_labels": False},
        pagination={"limit": 5},
    ).json()
    assert given["query"] == {
        "site_id": "example.com",
        "metrics": ["visitors"],
        "date_range": ["2026-11-20T00:00:00+01:00", "2026-11-20T23:59:59+01:00"],
        "filters": filters,
        "dimensions": ["visit:source", "time:hour"],
        "order_by": [["time:hour", "asc"], ["visitors", "desc"]],
        "include": {"total_rows": True, "imports": True},
        "pagination": {"limit": 5, "offset": 0},
    }
    assert given["results"] == [{"metrics": [1], "dimensions": ["Google", "2026-11-20 14:00:00"]}]
    assert given["meta"]["total_rows"] == 1
    assert (given["meta"]["imports_included"], given["meta"]["imports_skip_reason"]) == (False, "no_imported_data")


def test_a_series_leaves_out_what_is_empty_and_labels_everything(ask: Callable[..., Any], history: None) -> None:
    given = ask(dimensions=["time:hour"], include={"time_labels": True}).json()
    assert [row["dimensions"] for row in given["results"]] == [["2026-11-20 12:00:00"], ["2026-11-20 13:00:00"]]
    assert len(given["meta"]["time_labels"]) == 24
    assert given["meta"]["time_labels"][0] == "2026-11-20 00:00:00"


def test_rows_come_in_the_order_and_page_asked_for(ask: Callable[..., Any], history: None) -> None:
    def rows(dimension: str = "event:page", **more: Any) -> list[Any]:
        return [row["dimensions"][0] for row in ask(dimensions=[dimension], **more).json()["results"]]

    assert rows() == ["/", "/pricing", "/é,"]
    assert rows(order_by=[["event:page", "desc"]]) == ["/é,", "/pricing", "/"]
    assert rows(pagination={"limit": 1, "offset": 1}) == ["/pricing"]
    assert rows("event:props:plan") == ["(none)", "pro"]


def test_an_answer_explains_itself(ask: Callable[..., Any], history: None) -> None:
    first, second = ask().json()["meta"]["explain"], ask().json()["meta"]["explain"]
    assert (first["cached"], second["cached"], second["as_of"]) == (False, True, first["as_of"])
    assert (first["engine"], first["rulesets"]) in (("timescaledb", [1]), ("duckdb", [1]))
    assert first["definitions"]["visitors"].startswith("Distinct visitors")


def test_all_of_history_begins_with_the_first_event(ask: Callable[..., Any], history: None) -> None:
    given = ask(date_range="all", metrics=["pageviews"]).json()
    assert given["query"]["date_range"][0] == "2026-11-20T00:00:00+00:00"
    assert given["results"][0]["metrics"] == [5]


def test_a_question_without_sense_is_refused_by_the_name_of_the_field(ask: Callable[..., Any]) -> None:
    given = ask(metrics=["likes"])
    assert given.status_code == 400
    assert given.json()["error"].startswith("metrics: there is no metric 'likes'; choose from visitors, visits,")


def test_a_body_that_is_no_json_object_is_refused(site: Site, client: Client) -> None:
    headers = {"Authorization": f"Bearer {create.api_key(site, ['stats:read'])}"}
    for body in (b"", b"{", b"[]", b'"x"', b"NaN", b"\xff", b"[" * 100_000, b" " * 300_000):
        given = client.post("/api/v2/query", body, content_type="text/plain", headers=headers)
        assert (given.status_code, list(given.json())) == (400, ["error"])


def test_a_body_that_is_nested_deeply_is_refused(ask: Callable[..., Any], site: Site) -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    for filters in (deep, [["not", deep]], [["is", "event:page", deep]], [["is", "event:page", ["/"], deep]]):
        given = ask(filters=filters)
        assert (given.status_code, given.json()) == (400, {"error": "The body is nested deeper than 64 levels."})


def test_only_post_is_answered(site: Site, client: Client) -> None:
    headers = {"Authorization": f"Bearer {create.api_key(site, ['stats:read'])}"}
    given = client.get("/api/v2/query", headers=headers)
    assert (given.status_code, list(given.json())) == (405, ["error"])


def test_without_a_known_key_nothing_is_read(ask: Callable[..., Any], client: Client) -> None:
    missing, unknown = ask(key=""), ask(key="ak_unknown")
    assert (missing.status_code, unknown.status_code) == (401, 401)
    assert missing.headers["WWW-Authenticate"] == "Bearer"
    assert "error" in missing.json()
    wrong = client.post("/api/v2/query", "{}", content_type="application/json", headers={"Authorization": "Basic eDp5"})
    assert wrong.status_code == 401


def test_another_tenants_site_is_as_one_that_does_not_exist(ask: Callable[..., Any], history: None) -> None:
    theirs = create.site("other.example", organisation="Other").site
    answers = [
        ask(site_id=reference)
        for reference in (
            "other.example",
            str(theirs.pk),
            str(theirs.uuid),
            theirs.measurement_id,
            theirs.public_key,
            "nobody.example",
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[-1].content)}


def test_a_revoked_key_and_one_of_another_scope_read_nothing(ask: Callable[..., Any], site: Site) -> None:
    assert ask(key=create.api_key(site, ["sites:read"])).status_code == 401
    assert ask().status_code == 200
    ApiKey.objects.update(revoked_at=builders.NOW)
    assert ask().status_code == 401


def test_a_site_is_found_by_any_of_its_ids(ask: Callable[..., Any], site: Site) -> None:
    for reference in ("example.com", "www.example.com", str(site.pk), str(site.uuid), site.measurement_id):
        given = ask(site_id=reference)
        assert (given.status_code, given.json()["query"]["site_id"]) == (200, "example.com")


def test_a_key_is_limited_by_the_hour(ask: Callable[..., Any], settings: Any) -> None:
    settings.STATS_API_REQUESTS_PER_HOUR = 2
    given = [ask() for _ in range(3)]
    assert [answer.status_code for answer in given] == [200, 200, 429]
    assert 0 < int(given[-1].headers["Retry-After"]) <= 3600
    assert "2 requests per hour" in given[-1].json()["error"]


def test_the_limit_does_not_hold_while_the_cache_is_away(
    ask: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATS_API_REQUESTS_PER_HOUR = 1
    monkeypatch.setattr(shelf, "_away_until", float("inf"))
    assert [ask().status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(("error", "status"), [(run.Unavailable("away"), 503), (run.TooMuch("too long"), 422)])
def test_what_cannot_be_answered_now_says_why(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run, "answer", failing)
    given = ask()
    assert (given.status_code, given.json()) == (status, {"error": str(error)})
