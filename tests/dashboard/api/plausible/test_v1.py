"""GET /api/v1/stats/…: Plausible's legacy API, with answers counted by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.dashboard.api.plausible import v1, v1_filters
from analytics.reports import parse
from analytics.reports.query import BadQuery
from analytics.sites import create, goals
from analytics.sites.models import Site
from tests import builders

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SITE = Site(pk=1, domain="example.com", timezone="Europe/Berlin")
Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({"period": "day"}, "2026-11-23", "2026-11-23"),
        ({"period": "day", "date": "2026-11-20"}, "2026-11-20", "2026-11-20"),
        ({"period": "7d"}, "2026-11-17", "2026-11-23"),
        ({}, "2026-10-24", "2026-11-23"),
        ({"period": "month"}, "2026-11-01", "2026-11-30"),
        ({"period": "6mo"}, "2026-06-01", "2026-11-30"),
        ({"period": "12mo", "date": "2024-02-29"}, "2023-03-01", "2024-02-29"),
        ({"period": "custom", "date": "2026-01-02, 2026-01-03"}, "2026-01-02", "2026-01-03"),
        ({"period": "year"}, "2026-01-01", "2026-12-31"),
    ],
)
def test_periods_are_plausibles(given: dict[str, str], first: str, last: str) -> None:
    begin, end = v1.period(given, SITE, NOW)
    clock = dt.timedelta(hours=3)  # Berlin is one or two hours ahead: three hours on, its day has begun in UTC too
    assert (f"{begin + clock:%Y-%m-%d}", f"{end - dt.timedelta(days=1) + clock:%Y-%m-%d}") == (first, last)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event:page==/a", ["is", "event:page", ["/a"]]),
        ("event:page==/blog/**", ["matches", "event:page", ["^/blog/.*$"]]),
        ("event:page!=/blog*", ["matches_not", "event:page", ["^/blog.*$"]]),
        ("visit:source==Google|Bing", ["is", "visit:source", ["Google", "Bing"]]),
        (r"visit:utm_campaign==campaign\|one", ["is", "visit:utm_campaign", ["campaign|one"]]),
        ("event:page=~blog", ["contains", "event:page", ["blog"]]),
        ("event:page!~blog", ["contains_not", "event:page", ["blog"]]),
        ("visit:campaign==a", ["is", "visit:utm_campaign", ["a"]]),
        (
            "event:page==/;visit:country_name!=Estonia",
            ["and", [["is", "event:page", ["/"]], ["is_not", "visit:country", ["EE"]]]],
        ),
        ('[["is","event:page",["/a;b"]]]', ["is", "event:page", ["/a;b"]]),
    ],
)
def test_filters_are_plausibles(text: str, expected: list[Any]) -> None:
    found = v1_filters.read(text, SITE, v1.dimension)
    assert found is not None
    assert parse.as_list(found) == expected


@pytest.mark.parametrize(
    ("reads", "given", "field"),
    [
        (v1.aggregate, {"period": "fortnight"}, "date_range"),
        (v1.aggregate, {"period": "custom"}, "date_range"),
        (v1.aggregate, {"date": "today!", "period": "day"}, "date"),
        (v1.aggregate, {"date": "0001-01-01"}, "date"),
        (v1.aggregate, {"metrics": "likes"}, "metrics"),
        (v1.aggregate, {"metrics": "visitors,visitors"}, "metrics"),
        (v1.aggregate, {"filters": "page"}, "filters"),
        (v1.aggregate, {"filters": "event:pages==/"}, "filters"),
        (v1.aggregate, {"filters": "[" * 400 + "]" * 400}, "filters"),
        (v1.aggregate, {"filters": "[{]"}, "filters"),
        (v1.aggregate, {"compare": "last_year"}, "compare"),
        (v1.timeseries, {"interval": "fortnight"}, "interval"),
        (v1.breakdown, {}, "property"),
        (v1.breakdown, {"property": "event:pages"}, "dimensions"),
        (v1.breakdown, {"property": "event:page", "limit": "1001"}, "limit"),
        (v1.breakdown, {"property": "event:page", "page": "0"}, "page"),
    ],
)
def test_what_is_wrong_is_refused_by_name(reads: Callable[..., Any], given: dict[str, str], field: str) -> None:
    with pytest.raises(BadQuery) as refused:
        reads(given, SITE, NOW)
    assert refused.value.field == field


@pytest.fixture
def ask(site: Site, client: Client) -> Ask:
    key = create.api_key(site, ["stats:read"])

    def asked(what: str, accept: str = "application/json", **parameters: str) -> Any:
        given = {"site_id": "example.com", "period": "day", "date": "2026-11-20"} | parameters
        headers = {"Authorization": f"Bearer {key}", "Accept": accept}
        return client.get(f"/api/v1/stats/{what}", given, headers=headers)

    return asked


@pytest.fixture
def history(site: Site, record: Callable[..., Any]) -> None:
    """Two visitors on the day, one of them buys; one on the day before."""
    goals.add(site, "event", "Purchase")

    def hit(ip: str, minutes: int, path: str = "/", **more: Any) -> dict[str, Any]:
        at = builders.NOW + dt.timedelta(minutes=minutes)
        return {"url": f"https://example.com{path}", "ip": ip, "at": at, **more}

    record(
        [
            hit("81.2.60.1", -24 * 60),
            hit("81.2.69.1", 0),
            hit("81.2.69.1", 1, "/blog/a"),
            hit("81.2.69.1", 2, "/blog/a", name="Purchase", props={"plan": "pro"}),
            hit("81.2.70.1", 65, "/blog/b", referrer="https://www.google.com/"),
        ]
    )


@pytest.mark.database
class TestStats:
    def test_totals_and_how_they_changed(self, ask: Ask, history: None) -> None:
        given = ask("aggregate", metrics="visitors,pageviews,bounce_rate", compare="previous_period").json()
        assert given["results"] == {
            "visitors": {"value": 2, "change": 100},
            "pageviews": {"value": 3, "change": 200},
            "bounce_rate": {"value": 50, "change": -50},
        }
        assert ask("aggregate").json()["results"] == {"visitors": {"value": 2}}
        assert given["meta"]["explain"]["definitions"]["visitors"].startswith("Distinct visitors")

    def test_a_day_is_drawn_by_hour_and_a_month_by_day(self, ask: Ask, history: None) -> None:
        hours = ask("timeseries", metrics="visitors,bounce_rate").json()["results"]
        assert len(hours) == 24
        assert hours[12] == {"date": "2026-11-20 12:00:00", "visitors": 1, "bounce_rate": 0}
        assert hours[14] == {"date": "2026-11-20 14:00:00", "visitors": 0, "bounce_rate": None}
        days = ask("timeseries", period="month", interval="date").json()["results"]
        assert len(days) == 30
        assert [day for day in days if day["visitors"]] == [
            {"date": "2026-11-19", "visitors": 1}, {"date": "2026-11-20", "visitors": 2},
        ]  # fmt: skip

    def test_pages_come_in_pages(self, ask: Ask, history: None) -> None:
        def rows(**parameters: str) -> Any:
            return ask("breakdown", property="event:page", **parameters).json()["results"]

        assert rows(metrics="visitors,pageviews") == [
            {"page": "/", "visitors": 1, "pageviews": 1},
            {"page": "/blog/a", "visitors": 1, "pageviews": 1},
            {"page": "/blog/b", "visitors": 1, "pageviews": 1},
        ]
        assert rows(limit="1", page="2") == [{"page": "/blog/a", "visitors": 1}]
        assert rows(filters="event:page==/blog/*;visit:source==Google") == [{"page": "/blog/b", "visitors": 1}]

    def test_properties_of_events_and_goals_are_broken_down(self, ask: Ask, history: None) -> None:
        props = ask("breakdown", property="event:props:plan", filters="event:goal==Purchase").json()["results"]
        assert props == [{"plan": "pro", "visitors": 1}]
        reached = ask("breakdown", property="event:goal", metrics="visitors,events,conversion_rate").json()["results"]
        assert reached == [{"goal": "Purchase", "visitors": 1, "events": 1, "conversion_rate": 50.0}]
        sources = ask("breakdown", property="visit:source").json()["results"]
        assert sources == [{"source": "Direct / None", "visitors": 1}, {"source": "Google", "visitors": 1}]

    def test_current_visitors_are_a_number(self, ask: Ask, record: Callable[..., Any]) -> None:
        now = dt.datetime.now(dt.UTC)
        record([{"url": "/", "ip": f"81.2.{n}.1", "at": now - dt.timedelta(minutes=n)} for n in (1, 2, 20)])
        given = ask("realtime/visitors")
        assert (given.headers["Content-Type"], given.content) == ("application/json", b"2")

    def test_rows_can_be_had_as_a_table(self, ask: Ask, history: None) -> None:
        given = ask("breakdown", accept="text/csv", property="visit:source", metrics="visitors,bounce_rate")
        assert given.getvalue().decode() == "visit:source,visitors,bounce_rate\r\nDirect / None,1,0\r\nGoogle,1,100\r\n"
        assert ask("aggregate", accept="text/csv").getvalue() == b"visitors\r\n2\r\n"
        assert (
            ask("timeseries", period="month", format="csv").getvalue().startswith(b"date,visitors\r\n2026-11-01,0\r\n")
        )

    def test_errors_say_what_to_do(self, ask: Ask) -> None:
        assert ask("aggregate", site_id="").json() == {"error": "site_id: give the domain of the site"}
        assert ask("aggregate", metrics="likes").status_code == 400
        assert ask("aggregate", site_id="nobody.example").status_code == 401
