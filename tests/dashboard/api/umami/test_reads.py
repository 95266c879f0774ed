"""Umami's read calls: its shapes, numbers counted by hand, who may ask, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.dashboard.api.umami import login, names, question, tokens
from analytics.sites import create
from analytics.sites.models import Alias, ApiKey, Membership, Site
from tests import builders
from tests.protocols import replays

pytestmark = pytest.mark.database

DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
START, END = int(DAY.timestamp() * 1000), int((DAY + dt.timedelta(days=1)).timestamp() * 1000) - 1
ALIAS = "c0ffee00-0000-4000-8000-000000000001"


@pytest.fixture
def user(site: Site) -> User:
    made = User.objects.create_user("ada")
    Membership.objects.create(organisation=site.organisation, user=made)
    return made


@pytest.fixture
def token(user: User) -> str:
    return tokens.issue(user)


@pytest.fixture
def ask(client: Client, site: Site, token: str) -> Callable[..., Any]:
    def asked(call: str, **given: Any) -> Any:
        path = f"/api/websites/{site.uuid}/{call}"
        return client.get(path, {"startAt": START, "endAt": END} | given, headers={"Authorization": f"Bearer {token}"})

    return asked


def test_a_login_gives_a_token_that_tells_who_asks(client: Client, user: User) -> None:
    user.set_password("correct horse")
    user.save()
    answer = client.post("/api/auth/login", {"username": "ada", "password": "correct horse"}, "application/json")
    token = answer.json()["token"]
    verified = client.post("/api/auth/verify", headers={"Authorization": f"Bearer {token}"}).json()
    assert (verified["id"], verified["username"], verified["role"]) == (str(user.pk), "ada", "user")
    assert verified == answer.json()["user"]
    me = client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert (me["authType"], me["user"]["username"], me["user"]["isAdmin"]) == ("session", "ada", False)
    user.set_password("new")
    user.save()
    assert client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"username": "ada"}, {"username": "ada", "password": 5}, {"username": "", "password": "x"}, []]
)
def test_a_login_without_name_and_password_is_refused(client: Client, user: User, body: Any) -> None:
    answer = client.post("/api/auth/login", json.dumps(body), "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad-request")


def test_a_wrong_password_is_refused_and_may_not_be_guessed_for_ever(client: Client, user: User) -> None:
    def tried(password: str) -> Any:
        return client.post("/api/auth/login", {"username": "ADA", "password": password}, "application/json")

    assert {tried(f"guess {number}").status_code for number in range(login.MOST_TRIES)} == {401}
    refused = tried("correct horse")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too-many-requests")
    assert 0 < int(refused.headers["Retry-After"]) <= login.WINDOW_SECONDS


def test_websites_are_those_of_the_user_page_by_page(client: Client, site: Site, token: str) -> None:
    create.site("theirs.example", organisation="Other")
    given = client.get("/api/websites?pageSize=1", headers={"Authorization": f"Bearer {token}"}).json()
    assert (given["count"], given["page"], given["pageSize"]) == (1, 1, 1)
    assert [(one["id"], one["domain"]) for one in given["data"]] == [(str(site.uuid), "example.com")]
    none = client.get("/api/websites?search=theirs", headers={"Authorization": f"Bearer {token}"}).json()
    assert (none["data"], none["count"]) == ([], 0)


@pytest.mark.parametrize(
    "call",
    ["", "/stats", "/pageviews", "/metrics?type=path", "/metrics/expanded?type=path", "/active", "/daterange",
     "/events/series", "/events/stats", "/values?type=path", "/sessions/stats", "/sessions/weekly",
     "/event-data/values?propertyName=plan", "/replays"],
)  # fmt: skip
def test_a_website_of_someone_else_is_like_one_that_does_not_exist(client: Client, token: str, call: str) -> None:
    theirs = create.site("theirs.example", organisation="Other").site
    there, nowhere = (
        client.get(f"/api/websites/{reference}{call}", headers={"Authorization": f"Bearer {token}"})
        for reference in (theirs.uuid, "c0ffee00-0000-4000-8000-00000000dead")
    )
    assert (there.status_code, there.content) == (404, nowhere.content)


def test_stats_are_totals_of_the_range_and_of_the_one_before(ask: Callable[..., Any], history: None) -> None:
    """Three visits of 3, 0 and 2 minutes."""
    assert ask("stats").json() == {
        "pageviews": 5, "visitors": 3, "visits": 3, "bounces": 1, "totaltime": 300,
        "comparison": {"pageviews": 0, "visitors": 0, "visits": 0, "bounces": 0, "totaltime": 0},
    }  # fmt: skip
    tomorrow = {"startAt": END + 1, "endAt": END + 86_400_000}
    assert ask("stats", **tomorrow).json()["comparison"]["pageviews"] == 5
    year = {name: value + 365 * 86_400_000 for name, value in (("startAt", START), ("endAt", END))}
    assert ask("stats", compare="yoy", **year).json()["comparison"]["visits"] == 3


def test_a_series_has_pageviews_and_sessions_by_unit(ask: Callable[..., Any], history: None) -> None:
    first, second = builders.NOW.replace(minute=0), builders.NOW.replace(minute=0) + dt.timedelta(hours=1)
    assert ask("pageviews", unit="hour").json() == {
        "pageviews": [{"x": f"{first:%Y-%m-%dT%H:00:00Z}", "y": 3}, {"x": f"{second:%Y-%m-%dT%H:00:00Z}", "y": 2}],
        "sessions": [{"x": f"{first:%Y-%m-%dT%H:00:00Z}", "y": 2}, {"x": f"{second:%Y-%m-%dT%H:00:00Z}", "y": 1}],
    }
    local = ask("pageviews", unit="day", timezone="Europe/Tallinn", compare="prev").json()
    assert local["pageviews"] == [{"x": "2026-11-20 00:00:00", "y": 5}]
    assert local["compare"]["pageviews"] == []


def test_dimensions_are_ranked_by_visitors_and_events_by_how_often(ask: Callable[..., Any], history: None) -> None:
    assert ask("metrics", type="path").json() == [{"x": "/", "y": 3}, {"x": "/docs", "y": 1}, {"x": "/pricing", "y": 1}]
    assert ask("metrics", type="event").json() == [{"x": "Signup", "y": 1}]
    assert ask("metrics", type="domain").json() == [{"x": "Google", "y": 1}]
    assert ask("metrics", type="path", limit=1, offset=1).json() == [{"x": "/docs", "y": 1}]
    assert ask("metrics", type="path", search="DOC,pric").json() == [{"x": "/docs", "y": 1}, {"x": "/pricing", "y": 1}]
    assert ask("metrics/expanded", type="entry").json() == [
        {"name": "/", "pageviews": 5, "visitors": 3, "visits": 3, "bounces": 1, "totaltime": 300}
    ]
    assert [(row["x"], row["y"]) for row in ask("events/series", unit="hour").json()] == [("Signup", 1)]


@pytest.mark.parametrize(
    ("filters", "pageviews"),
    [
        ({"path": "/"}, 3),
        ({"path": "eq./,/docs"}, 4),
        ({"path": "neq./"}, 2),
        ({"path": "neq./", "path1": "neq./docs"}, 1),
        ({"path": "/,/docs", "path2": "c.doc"}, 1),
        ({"referrer": "google.com"}, 2),
        ({"referrer": "neq.google.com"}, 3),
        ({"referrer": "google.co"}, 0),
        ({"epf0": "1.eq.plan.pro"}, 0),
        ({"path": "c.DOC"}, 1),
        ({"path": "dnc.doc"}, 4),
        ({"path": "re.^/p"}, 1),
        ({"domain": "s."}, 2),
        ({"domain": "ns."}, 3),
        ({"path": "/docs", "domain": "Google"}, 1),
        ({"path": "/docs", "domain": "ns.", "match": "any"}, 4),
        ({"path": "/docs", "domain": "ns."}, 0),
        ({"eventType": "2"}, 0),
        ({"utm_source": "x"}, 0),
        ({"utmSource": "x"}, 0),
    ],
)
def test_filters_have_umamis_operators(
    ask: Callable[..., Any], history: None, filters: dict[str, str], pageviews: int
) -> None:
    assert ask("stats", **filters).json()["pageviews"] == pageviews


@pytest.mark.parametrize(
    "filters",
    [{"pf_plan": "1.eq.pro"}, {"pf_plan": "c.PR"}, {"epf0": "1.eq.plan.pro", "epf1": "2.eq.seats.3"},
     {"epf0": "1.s.plan."}, {"tag": "ns."}, {"pf_plan": "neq.free"}],
)  # fmt: skip
def test_properties_of_events_are_filtered_by(ask: Callable[..., Any], history: None, filters: dict[str, str]) -> None:
    assert ask("metrics", type="event", **filters).json() == [{"x": "Signup", "y": 1}]
    assert ask("metrics", type="event", **filters, epf7="1.eq.plan.free").json() == []


def test_all_of_time_may_be_asked_for(ask: Callable[..., Any], history: None) -> None:
    for compare in ("prev", "yoy"):
        found = ask("stats", startAt=0, compare=compare).json()
        assert (found["visits"], found["comparison"]["visits"]) == (3, 0)
    assert len(ask("pageviews", startAt=0, unit="month").json()["pageviews"]) == 1


def test_events_sessions_and_values_are_counted(ask: Callable[..., Any], history: None) -> None:
    """The visits begin at noon of a Friday, two of them in the first hour."""
    none = {"events": 0, "visitors": 0, "visits": 0, "uniqueEvents": 0}
    counted = {"events": 1, "visitors": 1, "visits": 1, "uniqueEvents": 1}
    assert ask("events/stats").json() == {"data": counted | {"comparison": none}}
    assert {name: one["value"] for name, one in ask("sessions/stats").json().items()} == {
        "pageviews": 5, "visitors": 3, "visits": 3, "countries": 1, "events": 1,
    }  # fmt: skip
    week = ask("sessions/weekly").json()
    assert [len(day) for day in week] == [24] * 7
    hour = builders.NOW.hour
    friday = 5
    assert {(day, at): n for day, hours in enumerate(week) for at, n in enumerate(hours) if n} == {
        (friday, hour): 2, (friday, hour + 1): 1,
    }  # fmt: skip
    assert ask("values", type="path").json() == [
        {"value": "/", "count": 3}, {"value": "/pricing", "count": 2}, {"value": "/docs", "count": 1},
    ]  # fmt: skip
    assert ask("values", type="path", search="doc").json() == [{"value": "/docs", "count": 1}]
    assert ask("event-data/values", event="Signup", propertyName="plan").json() == [{"value": "pro", "total": 1}]
    assert ask("event-data/values", event="Login", propertyName="plan").json() == []
    assert ask("event-data/values").status_code == 400


@pytest.mark.parametrize("kind", names.TYPES)
def test_every_type_can_be_ranked_and_filtered(ask: Callable[..., Any], history: None, kind: str) -> None:
    rows = ask("metrics/expanded", type=kind).json()
    assert all(set(row) == {"name", "pageviews", "visitors", "visits", "bounces", "totaltime"} for row in rows)
    for row in rows:
        filters = {kind: f"eq.{row['name']}" if row["name"] else "ns."}
        again = ask("metrics/expanded", type=kind, **filters).json()
        assert row["visitors"] == {one["name"]: one for one in again}[row["name"]]["visitors"]


def test_more_points_than_fit_are_refused_and_not_cut(
    ask: Callable[..., Any], history: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "MOST_ROWS", 2)
    assert ask("pageviews", unit="hour", limit=1).status_code == 200
    refused = ask("pageviews", unit="minute", limit=1)
    assert (refused.status_code, refused.json()["error"]["message"][:5]) == (400, "unit:")


def test_a_call_that_there_is_not_says_so(ask: Callable[..., Any], history: None) -> None:
    answer = ask("replays/saved")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")
    assert "replays/saved" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"startAt": "yesterday"}, "startAt"),
        ({"startAt": ""}, "startAt"),
        ({"startAt": END, "endAt": START}, "startAt"),
        ({"endAt": "7258118400000"}, "endAt"),
        ({"startAt": "", "startDate": "0001-01-01T00:00:00+14:00"}, "startDate"),
        ({"startAt": "", "startDate": "9999-12-31", "endAt": "", "endDate": "9999-12-31"}, "endAt"),
        ({"endAt": "9" * 40}, "endAt"),
        ({"startAt": "", "startDate": "soon"}, "startDate"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"unit": "fortnight"}, "unit"),
        ({"limit": "-1"}, "limit"),
        ({"offset": "x"}, "offset"),
        ({"type": "soul"}, "type"),
        ({"type": "query"}, "type"),
        ({"match": "some"}, "match"),
        ({"limit": "0"}, "limit"),
        ({"search": "\0"}, "filters"),
        ({"query1": "x"}, "query1"),
        ({"minDuration": "5"}, "minDuration"),
        ({"epf0": "plan"}, "epf0"),
        ({"epf0": "2.gt.seats.1"}, "epf0"),
        ({"pf_plan": "pro"}, "pf_plan"),
        ({"pf_": "eq.pro"}, "pf_"),
        ({"distinctId": "7"}, "distinctId"),
        ({"eventType": "3"}, "eventType"),
        ({"segment": "x"}, "segment"),
        ({"path": "re.("}, "filters"),
        ({"path": "\0"}, "filters"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_name(
    ask: Callable[..., Any], given: dict[str, Any], field: str
) -> None:
    answer = ask("metrics", **({"type": "path"} | given))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{field}:")


def test_a_key_asks_by_the_websites_old_id(client: Client, site: Site, history: None) -> None:
    Alias.objects.create(site=site, protocol="umami", identifier=ALIAS)
    path, given = f"/api/websites/{ALIAS}/stats", {"startAt": START, "endAt": END}
    key = create.api_key(site, ["stats:read"])
    assert client.get(path, given, headers={"x-umami-api-key": key}).json()["pageviews"] == 5
    assert client.get(path, given, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert client.get(path, given).status_code == 401
    assert client.get(path, given, headers={"x-umami-api-key": "umami_unknown"}).status_code == 401
    ApiKey.objects.update(scopes=["events:write"])
    assert client.get(path, given, headers={"x-umami-api-key": key}).status_code == 404


def test_an_answer_says_how_many_requests_are_left(ask: Callable[..., Any]) -> None:
    left = [int(ask("active").headers["X-RateLimit-Remaining"]) for _ in range(2)]
    assert left[0] - left[1] == 1


def test_active_and_the_range_of_days(ask: Callable[..., Any], history: None) -> None:
    assert ask("active").json() == {"visitors": 0, "x": 0}
    assert ask("daterange").json()["startDate"].startswith("2026-11-20T00:00:00")


def test_the_calls_of_a_recorded_client_are_answered(client: Client, site: Site, user: User) -> None:
    """umami-analytics 1.0.0, which had signed in as admin at an Umami; the token alone is today's."""
    Alias.objects.create(site=site, protocol="umami", identifier=ALIAS)
    user.username = "admin"
    user.set_password("pw")
    user.save()
    sent = [one for one in replays.requests("umami-analytics-py.json") if not one["path"].startswith("/api/send")]
    answers = {}
    for request in sent:
        headers = [[name, value.replace("tok123", tokens.issue(user))] for name, value in request["headers"]]
        answer = replays.send(client, request | {"headers": headers})
        assert answer.status_code == 200, request["path"]
        answers[request["path"].partition("?")[0].rpartition("/")[2]] = json.loads(answer.content)
    assert tokens.owner(answers["login"]["token"]) == user
    assert answers["verify"]["username"] == "admin"
    assert answers["heartbeat"] == {"ok": True}
    assert [website["id"] for website in answers["websites"]["data"]] == [str(site.uuid)]
    assert answers["active"]["visitors"] == 0
    assert answers["stats"]["visits"] == 0
