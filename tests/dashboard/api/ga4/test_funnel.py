"""runFunnelReport: visitors counted by hand on their way through a shop."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.sites import create
from analytics.sites.models import Site
from tests import builders

pytestmark = pytest.mark.database

DAY = "2026-11-20"
Ask = Callable[..., Any]


@pytest.fixture
def ask(site: Site, client: Client) -> Ask:
    headers = {"x-goog-api-key": create.api_key(site, ["stats:read"])}

    def asked(*steps: Any, is_open: bool = False, **changes: Any) -> Any:
        body = {
            "dateRanges": [{"startDate": "2026-11-19", "endDate": DAY}],
            "funnel": {"isOpenFunnel": is_open, "steps": list(steps)},
        } | changes
        path = f"/v1alpha/properties/{site.pk}:runFunnelReport?%24alt=json%3Benum-encoding%3Dint"
        return client.post(path, json.dumps(body), "application/json", headers=headers)

    return asked


@pytest.fixture
def shop(record: Callable[..., Any]) -> None:
    """On the 20th a and b see the first page and buy, a after a look at the help and with the plan pro, b a minute
    later; c sees it and asks for help, d on the day before, from a telephone, and leaves."""
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"  # noqa: E501

    def hit(ip: str, minute: int, path: str, **more: Any) -> dict[str, Any]:
        at = builders.NOW + dt.timedelta(minutes=minute)
        return {"url": f"https://example.com{path}", "ip": ip, "at": at, **more}

    record(
        [
            hit("81.2.4.1", -1440, "/", user_agent=phone),
            hit("81.2.1.1", 0, "/"),
            hit("81.2.1.1", 1, "/help"),
            hit("81.2.1.1", 2, "/pay", name="purchase", props={"plan": "pro"}),
            hit("81.2.2.1", 3, "/"),
            hit("81.2.2.1", 4, "/pay", name="purchase", props={"plan": "free"}),
            hit("81.2.3.1", 5, "/"),
            hit("81.2.3.1", 9, "/help"),
        ]
    )


def cells(report: Any) -> list[list[str]]:
    return [[value["value"] for value in row["dimensionValues"] + row["metricValues"]] for row in report["rows"]]


def event(name: str, parameters: Any = None) -> dict[str, Any]:
    more = {"funnelParameterFilterExpression": parameters} if parameters else {}
    return {"funnelEventFilter": {"eventName": name, **more}}


def page(path: str) -> dict[str, Any]:
    return {"funnelFieldFilter": {"fieldName": "pagePath", "stringFilter": {"matchType": 1, "value": path}}}


HOME = {
    "name": "Home",
    "filterExpression": {"andGroup": {"expressions": [event("page_view"), page("/")]}},
}
BUY = {"name": "Buy", "filterExpression": event("purchase")}


def test_tells_who_went_on_and_who_left(ask: Ask, shop: None) -> None:
    body = ask(HOME, BUY).json()
    assert [header["name"] for header in body["funnelTable"]["metricHeaders"]] == [
        "activeUsers", "funnelStepCompletionRate", "funnelStepAbandonments", "funnelStepAbandonmentRate",
    ]  # fmt: skip
    assert cells(body["funnelTable"]) == [["1. Home", "4", "0.5", "2", "0.5"], ["2. Buy", "2", "0", "0", "0"]]
    assert cells(body["funnelVisualization"]) == [["1. Home", "4"], ["2. Buy", "2"]]
    assert body["kind"] == "analyticsData#runFunnelReport"
    assert body["funnelTable"]["metadata"]["explain"]["engines"] == ["timescaledb"]


PRO = {"funnelParameterFilter": {"eventParameterName": "plan", "stringFilter": {"value": "PRO"}}}
FUNNELS: list[tuple[dict[str, Any], str]] = [
    (BUY | {"isDirectlyFollowedBy": True}, "1"),
    (BUY | {"withinDurationFromPriorStep": "60s"}, "1"),
    (BUY | {"withinDurationFromPriorStep": "120.5s"}, "2"),
    (BUY | {"withinDurationFromPriorStep": "59.999s"}, "0"),
    ({"filterExpression": event("purchase", PRO)}, "1"),
    ({"filterExpression": event("purchase", {"notExpression": PRO})}, "1"),
    ({"filterExpression": event("purchase", {"orGroup": {"expressions": [PRO, {"notExpression": PRO}]}})}, "2"),
    ({"filterExpression": {"orGroup": {"expressions": [event("purchase"), page("/help")]}}}, "3"),
    ({"filterExpression": {"notExpression": page("/")}}, "3"),
    ({"filterExpression": event("Purchase")}, "0"),
]


def test_steps_are_taken_by_what_their_filters_say(ask: Ask, shop: None) -> None:
    given = [(step, cells(ask(HOME, step).json()["funnelTable"])[1][1]) for step, _ in FUNNELS]
    assert given == FUNNELS


def test_an_open_funnel_is_entered_at_any_step(ask: Ask, shop: None) -> None:
    steps = {"filterExpression": page("/help")}, BUY
    assert [row[1] for row in cells(ask(*steps).json()["funnelTable"])] == ["2", "1"]
    assert cells(ask(*steps, is_open=True).json()["funnelTable"]) == [
        ["1. ", "2", "0.5", "1", "0.5"],
        ["2. Buy", "2", "0", "0", "0"],
    ]


def test_a_breakdown_adds_a_row_for_each_value(ask: Ask, shop: None) -> None:
    body = ask(HOME, BUY, funnelBreakdown={"breakdownDimension": {"name": "deviceCategory"}}).json()
    assert [header["name"] for header in body["funnelTable"]["dimensionHeaders"]] == [
        "funnelStepName", "deviceCategory",
    ]  # fmt: skip
    assert [row[:3] for row in cells(body["funnelTable"])] == [
        ["1. Home", "RESERVED_TOTAL", "4"],
        ["1. Home", "desktop", "3"],
        ["1. Home", "mobile", "1"],
        ["2. Buy", "RESERVED_TOTAL", "2"],
        ["2. Buy", "desktop", "2"],
        ["2. Buy", "mobile", "0"],
    ]
    limited = {"breakdownDimension": {"name": "deviceCategory"}, "limit": "1"}
    assert len(cells(ask(HOME, BUY, funnelBreakdown=limited).json()["funnelTable"])) == 4


def test_what_visitors_did_instead_of_the_next_step(ask: Ask, shop: None) -> None:
    body = ask(HOME, BUY, funnelNextAction={"nextActionDimension": {"name": "pagePath"}}).json()
    assert [header["name"] for header in body["funnelVisualization"]["dimensionHeaders"]] == [
        "funnelStepName", "funnelStepNextAction",
    ]  # fmt: skip
    assert cells(body["funnelVisualization"]) == [
        ["1. Home", "RESERVED_TOTAL", "4"],
        ["1. Home", "/help", "2"],
        ["2. Buy", "RESERVED_TOTAL", "2"],
    ]


def test_a_trend_is_of_the_days_on_which_visitors_entered(ask: Ask, shop: None) -> None:
    body = ask(HOME, BUY, funnelVisualizationType=2).json()
    assert cells(body["funnelVisualization"]) == [
        ["1. Home", "20261119", "1"],
        ["1. Home", "20261120", "3"],
        ["2. Buy", "20261119", "0"],
        ["2. Buy", "20261120", "2"],
    ]


def test_several_ranges_and_a_filter(ask: Ask, shop: None) -> None:
    spans = [{"startDate": DAY, "endDate": DAY, "name": "now"}, {"startDate": "2026-11-19", "endDate": "2026-11-19"}]
    only = {"filter": {"fieldName": "deviceCategory", "stringFilter": {"value": "mobile"}}}
    given = ask(HOME, dateRanges=spans, dimensionFilter=only).json()["funnelVisualization"]
    assert given["dimensionHeaders"] == [{"name": "funnelStepName"}, {"name": "dateRange"}]
    assert cells(given) == [["1. Home", "now", "0"], ["1. Home", "date_range_1", "1"]]


NUMBER = {"funnelFieldFilter": {"fieldName": "pagePath", "numericFilter": {}}}
ITEM = {"funnelParameterFilter": {"itemParameterName": "item_id", "stringFilter": {"value": "1"}}}


@pytest.mark.parametrize(
    ("steps", "changes", "field"),
    [
        ([], {}, "funnel.steps"),
        ([HOME] * 11, {}, "steps"),
        ([{"name": "x"}], {}, "funnel.steps[0].filterExpression"),
        ([{"filterExpression": {"surprise": {}}}], {}, "funnel.steps[0].filterExpression.surprise"),
        ([{"filterExpression": event("")}], {}, "funnel.steps[0].filterExpression.funnelEventFilter.eventName"),
        ([{"filterExpression": NUMBER}], {}, "funnel.steps[0].filterExpression.filter.numericFilter"),
        (
            [{"filterExpression": event("purchase", ITEM)}],
            {},
            "funnel.steps[0].filterExpression.funnelEventFilter.funnelParameterFilterExpression"
            ".funnelParameterFilter.itemParameterName",
        ),
        ([{"filterExpression": event("user_engagement")}], {}, "steps"),
        ([HOME | {"isDirectlyFollowedBy": True}], {}, "steps"),
        (
            [HOME, BUY | {"withinDurationFromPriorStep": "1 hour"}],
            {},
            "funnel.steps[1].withinDurationFromPriorStep",
        ),
        ([HOME], {"segments": [{}]}, "segments"),
        ([HOME], {"surprise": 1}, "request.surprise"),
        ([HOME], {"dateRanges": []}, "dateRanges"),
        (
            [HOME],
            {"funnelBreakdown": {"breakdownDimension": {"name": "soul"}}},
            "funnelBreakdown.breakdownDimension",
        ),
        (
            [HOME],
            {"funnelBreakdown": {"breakdownDimension": {"name": "platform"}}},
            "funnelBreakdown.breakdownDimension",
        ),
        ([HOME], {"funnelBreakdown": {"breakdownDimension": {"name": "city"}, "limit": 16}}, "limit"),
        ([HOME], {"funnelNextAction": {"nextActionDimension": {"name": "country"}}}, "funnelNextAction"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_name(ask: Ask, steps: Any, changes: Any, field: str) -> None:
    answer = ask(*steps, **changes)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["message"].startswith(f"{field}:"), answer.content


def test_a_funnel_of_another_organisation_is_refused(site: Site, client: Client) -> None:
    theirs = create.site("theirs.example", organisation="Other").site
    headers = {"x-goog-api-key": create.api_key(site, ["stats:read"])}
    path = f"/v1alpha/properties/{theirs.pk}:runFunnelReport"
    answer = client.post(path, json.dumps({"funnel": {"steps": [HOME]}}), "application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
