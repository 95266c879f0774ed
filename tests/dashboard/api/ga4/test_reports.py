"""GA4's reports: rows counted by hand, filters, order, pages, totals, and refusals that name the field."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.sites import create
from analytics.sites.models import Alias, ApiKey, Site

pytestmark = pytest.mark.database

DAY = "2026-11-20"
BASE: dict[str, Any] = {"dateRanges": [{"startDate": DAY, "endDate": DAY}], "metrics": [{"name": "activeUsers"}]}
Ask = Callable[..., Any]


@pytest.fixture
def key(site: Site) -> str:
    return create.api_key(site, ["stats:read"])


@pytest.fixture
def ask(site: Site, client: Client, key: str) -> Ask:
    def asked(method: str = "runReport", **changes: Any) -> Any:
        body = {name: value for name, value in (BASE | changes).items() if value is not None}
        path = f"/v1beta/properties/{site.pk}:{method}?%24alt=json%3Benum-encoding%3Dint"
        return client.post(path, json.dumps(body), "application/json", headers={"Authorization": f"Bearer {key}"})

    return asked


def table(answer: Any) -> list[list[str]]:
    """Rows, dimensions first."""
    assert answer.status_code == 200, answer.content
    return [[value["value"] for value in row["dimensionValues"] + row["metricValues"]] for row in answer.json()["rows"]]


def dims(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def matching(field: str, **test: Any) -> dict[str, Any]:
    return {"filter": {"fieldName": field, **test}}


def test_a_report_has_headers_rows_and_what_they_are_made_of(ask: Ask, history: None, site: Site) -> None:
    metrics = dims("activeUsers", "sessions", "bounceRate", "averageSessionDuration", "screenPageViews", "eventCount")
    given = ask(dimensions=dims("pagePath"), metrics=metrics, orderBys=[{"dimension": {"dimensionName": "pagePath"}}])
    assert table(given) == [
        ["/", "3", "3", "0.3333333333333333", "100", "3", "3"],
        ["/docs", "1", "1", "0", "120", "1", "1"],
        ["/pricing", "1", "1", "0", "180", "1", "2"],
    ]
    body = given.json()
    assert body["dimensionHeaders"] == [{"name": "pagePath"}]
    assert body["metricHeaders"][1] == {"name": "sessions", "type": "TYPE_INTEGER"}
    assert (body["rowCount"], body["kind"]) == (3, "analyticsData#runReport")
    assert (body["metadata"]["currencyCode"], body["metadata"]["timeZone"]) == ("EUR", "UTC")
    assert body["metadata"]["explain"]["engines"] == ["timescaledb"]


WRITTEN = [
    ("date", [["20261120", "3"]]),
    ("nthDay", [["0000", "3"]]),
    ("dayOfWeekName", [["Friday", "3"]]),
    ("sessionSourceMedium", [["(direct) / (none)", "2"], ["Google / organic", "1"]]),
    ("sessionDefaultChannelGroup", [["Direct", "2"], ["Organic Search", "1"]]),
    ("fullPageUrl", [["example.com/", "3"], ["example.com/docs", "1"], ["example.com/pricing", "1"]]),
    ("landingPage", [["/", "3"]]),
    ("platform", [["web", "3"]]),
    ("streamName", [["example.com", "3"]]),
    ("eventName", [["page_view", "3"], ["Signup", "1"]]),
    ("customEvent:plan", [["(not set)", "3"], ["pro", "1"]]),
]


def test_dimensions_are_written_as_ga4_writes_them(ask: Ask, history: None) -> None:
    assert [(name, table(ask(dimensions=dims(name)))) for name, _ in WRITTEN] == WRITTEN


FILTERED: list[tuple[dict[str, Any], list[str]]] = [
        (matching("pagePath", stringFilter={"matchType": 1, "value": "/DOCS"}), ["/docs"]),
        (matching("pagePath", stringFilter={"matchType": "EXACT", "value": "/DOCS", "caseSensitive": True}), []),
        (matching("pagePath", stringFilter={"value": "/docs"}), ["/docs"]),
        (matching("pagePath", stringFilter={"matchType": "BEGINS_WITH", "value": "/p"}), ["/pricing"]),
        (matching("pagePath", stringFilter={"matchType": 3, "value": "cs"}), ["/docs"]),
        (matching("pagePath", stringFilter={"matchType": 4, "value": "IC"}), ["/pricing"]),
        (matching("pagePath", stringFilter={"matchType": 5, "value": "/(docs|x)"}), ["/docs"]),
        (matching("pagePath", stringFilter={"matchType": 6, "value": "^/d"}), ["/docs"]),
        (matching("pagePath", inListFilter={"values": ["/docs", "/pricing"]}), ["/docs", "/pricing"]),
        ({"notExpression": matching("pagePath", stringFilter={"value": "/"})}, ["/docs", "/pricing"]),
        (matching("sessionSource", stringFilter={"value": "(direct)"}), ["/", "/pricing"]),
        (matching("sessionSource", stringFilter={"matchType": 4, "value": "oo"}), ["/", "/docs"]),
        (matching("sessionSourceMedium", stringFilter={"value": "google / organic"}), ["/", "/docs"]),
        (matching("eventName", stringFilter={"value": "page_view"}), ["/", "/docs", "/pricing"]),
        (matching("eventName", stringFilter={"value": "pageview"}), []),
        (matching("eventName", stringFilter={"matchType": 6, "value": "^sign"}), ["/pricing"]),
        (matching("date", stringFilter={"value": "20261120"}), ["/", "/docs", "/pricing"]),
        (matching("dayOfWeekName", inListFilter={"values": ["monday"]}), []),
        (matching("customEvent:plan", emptyFilter={}), ["/", "/docs", "/pricing"]),
        (
            {"andGroup": {"expressions": [
                matching("pagePath", stringFilter={"matchType": 4, "value": "/"}),
                {"orGroup": {"expressions": [
                    matching("pagePath", stringFilter={"value": "/docs"}),
                    matching("customEvent:plan", stringFilter={"value": "pro"}),
                ]}},
            ]}},
            ["/docs", "/pricing"],
        ),
    ]  # fmt: skip


def test_dimension_filters(ask: Ask, history: None) -> None:
    order = [{"dimension": {"dimensionName": "pagePath"}}]

    def pages(test: Any) -> list[str]:
        return [row[0] for row in table(ask(dimensions=dims("pagePath"), dimensionFilter=test, orderBys=order))]

    assert [(test, pages(test)) for test, _ in FILTERED] == FILTERED


def test_metric_filters_leave_rows_out_before_they_are_counted(ask: Ask, history: None) -> None:
    def kept(**test: Any) -> list[list[str]]:
        return table(ask(dimensions=dims("pagePath"), metricFilter=matching("activeUsers", **test)))

    assert kept(numericFilter={"operation": 4, "value": {"int64Value": "1"}}) == [["/", "3"]]
    assert kept(numericFilter={"operation": "EQUAL", "value": {"doubleValue": 3}}) == [["/", "3"]]
    assert len(kept(betweenFilter={"fromValue": {"int64Value": 1}, "toValue": {"int64Value": 2}})) == 2


def test_expressions_hidden_metrics_and_joined_dimensions(ask: Ask, history: None) -> None:
    metrics = [{"name": "activeUsers", "invisible": True}, {"name": "epu", "expression": "eventCount/activeUsers + 1"}]
    path = {"name": "where", "dimensionExpression": {"upperCase": {"dimensionName": "pagePath"}}}
    both = {
        "name": "both",
        "dimensionExpression": {"concatenate": {"dimensionNames": ["platform", "pagePath"], "delimiter": ":"}},
    }
    rows = table(
        ask(dimensions=[path, both], metrics=metrics, orderBys=[{"metric": {"metricName": "epu"}, "desc": True}])
    )
    assert rows == [["/PRICING", "web:/pricing", "3"], ["/", "web:/", "2"], ["/DOCS", "web:/docs", "2"]]


def test_several_ranges_are_a_column_of_their_own(ask: Ask, history: None) -> None:
    spans = [{"startDate": DAY, "endDate": DAY, "name": "cur"}, {"startDate": "2026-11-19", "endDate": DAY}]
    given = ask(dimensions=dims("pagePath"), dateRanges=spans, metricAggregations=[1, "COUNT", 5, 6])
    body = given.json()
    assert body["dimensionHeaders"] == [{"name": "pagePath"}, {"name": "dateRange"}]
    assert table(given)[0] == ["/", "cur", "3"]
    assert body["rowCount"] == 6
    assert [[v["value"] for v in row["dimensionValues"] + row["metricValues"]] for row in body["totals"]] == [
        ["RESERVED_TOTAL", "cur", "3"],
        ["RESERVED_TOTAL", "date_range_1", "3"],
    ]
    assert [row["metricValues"][0]["value"] for row in body["maximums"]] == ["3", "3"]


PAGED: list[dict[str, Any]] = [
    {},
    {"orderBys": [{"metric": {"metricName": "activeUsers"}, "desc": True}]},
    {"metrics": dims("activeUsers", "sessions"), "keepEmptyRows": True},
    # Of these every row is looked at here.
    {
        "orderBys": [
            {"metric": {"metricName": "activeUsers"}, "desc": True},
            {"dimension": {"dimensionName": "pagePath"}},
        ]
    },
    {"metricAggregations": ["MAXIMUM"]},
    {"metrics": dims("activeUsers", "engagementRate")},
]


@pytest.mark.parametrize("changes", PAGED)
def test_pages_of_rows_have_the_count_of_all(ask: Ask, history: None, changes: dict[str, Any]) -> None:
    given = [ask(dimensions=dims("pagePath"), limit="1", offset=str(offset), **changes) for offset in range(4)]
    assert [[row[:2] for row in table(one)] for one in given] == [
        [["/", "3"]],
        [["/docs", "1"]],
        [["/pricing", "1"]],
        [],
    ]
    assert [one.json()["rowCount"] for one in given] == [3] * 4
    assert "emptyReason" not in given[3].json()["metadata"]


def test_more_rows_than_a_report_looks_at_can_be_paged_through(
    ask: Ask, history: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.dashboard.api.ga4.rows.MOST_READ", 2)
    assert table(ask(dimensions=dims("pagePath"), offset=2)) == [["/pricing", "1"]]
    refused = ask(dimensions=dims("pagePath"), metricAggregations=["MINIMUM"])
    assert refused.json()["error"]["message"].startswith("dimensions: more than 2 rows")


def test_rows_in_which_a_figure_is_0_stay_and_those_without_any_go(ask: Ask, history: None) -> None:
    assert table(ask(dimensions=dims("pagePath"), metrics=dims("keyEvents"))) == []
    assert table(ask(dimensions=dims("customUser:plan"), metrics=dims("keyEvents", "totalUsers"))) == [
        ["(not set)", "0", "3"],
        ["pro", "0", "1"],
    ]


def test_more_rows_than_there_may_be_are_cut_and_not_refused(ask: Ask, history: None) -> None:
    assert len(table(ask(dimensions=dims("pagePath"), limit=str(2**62)))) == 3


def test_what_is_nested_without_end_is_refused(ask: Ask) -> None:
    test: Any = matching("pagePath", stringFilter={"value": "/"})
    for _ in range(400):
        test = {"notExpression": test}
    answer = ask(dimensionFilter=test)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "nested deeper" in answer.json()["error"]["message"]


def test_a_batch_may_name_its_property_again(ask: Ask, history: None, site: Site) -> None:
    other = create.site("second.example", organisation=site.organisation.name).site
    Alias.objects.create(site=site, protocol="ga4", identifier="987654")
    for named, status in ((site.pk, 200), ("987654", 200), (other.pk, 400), ("nowhere", 400)):
        body = {"requests": [BASE | {"property": f"properties/{named}"}]}
        assert ask("batchRunReports", dateRanges=None, metrics=None, **body).status_code == status


def test_rows_are_ordered_by_what_is_asked_for(ask: Ask, history: None) -> None:
    def ordered(*orders: Any) -> list[str]:
        rows = table(ask(dimensions=dims("pagePath"), metrics=dims("eventCount"), orderBys=list(orders)))
        return [row[0] for row in rows]

    assert ordered({"metric": {"metricName": "eventCount"}}) == ["/docs", "/pricing", "/"]
    assert ordered({"dimension": {"dimensionName": "pagePath", "orderType": 1}, "desc": True}) == [
        "/pricing", "/docs", "/",
    ]  # fmt: skip


def test_nothing_happened(ask: Ask, site: Site) -> None:
    body = ask(dimensions=dims("pagePath")).json()
    assert (body["rows"], body["rowCount"]) == ([], 0)
    assert table(ask(keepEmptyRows=True)) == [["0"]]


def test_a_batch_answers_each_report_and_quota_is_what_is_left(ask: Ask, history: None) -> None:
    one = BASE | {"returnPropertyQuota": True}
    body = ask("batchRunReports", dateRanges=None, metrics=None, requests=[one, one]).json()
    assert [report["rowCount"] for report in body["reports"]] == [1, 1]
    assert body["reports"][0]["propertyQuota"]["tokensPerHour"]["remaining"] > 0


def test_a_pivot_shows_the_cells_of_what_each_pivot_shows(ask: Ask, history: None) -> None:
    pivots = [
        {
            "fieldNames": ["pagePath"],
            "limit": "2",
            "orderBys": [{"metric": {"metricName": "activeUsers"}, "desc": True}],
        },
        {"fieldNames": ["sessionSource"], "limit": 1},
    ]
    body = ask("runPivotReport", dimensions=dims("pagePath", "sessionSource"), pivots=pivots).json()
    assert [header["rowCount"] for header in body["pivotHeaders"]] == [3, 2]
    shown = [
        [value["value"] for value in one["dimensionValues"]] for one in body["pivotHeaders"][0]["pivotDimensionHeaders"]
    ]
    assert shown == [["/"], ["/docs"]]
    assert [[v["value"] for v in row["dimensionValues"] + row["metricValues"]] for row in body["rows"]] == [
        ["/", "(direct)", "2"]
    ]


def test_realtime_is_of_the_last_minutes(ask: Ask, site: Site, record: Callable[..., Any]) -> None:
    now = dt.datetime.now(dt.UTC)
    record(
        [
            {"url": "https://example.com/", "ip": "81.2.69.1", "at": now - dt.timedelta(seconds=5)},
            {"url": "https://example.com/", "ip": "81.2.70.1", "at": now - dt.timedelta(minutes=10)},
        ],
        now=now,
    )
    body = ask("runRealtimeReport", dateRanges=None).json()
    assert [row["metricValues"][0]["value"] for row in body["rows"]] == ["2"]
    spans = [{"startMinutesAgo": 4, "name": "last5"}]
    given = ask("runRealtimeReport", dateRanges=None, minuteRanges=spans, dimensions=dims("eventName"))
    assert table(given) == [["page_view", "1"]]
    assert "metadata" not in given.json()


def test_metadata_lists_what_can_be_asked(client: Client, site: Site, key: str, ask: Ask) -> None:
    headers = {"x-goog-api-key": key}
    listed = client.get(f"/v1beta/properties/{site.pk}/metadata", headers=headers).json()
    assert listed["name"] == f"properties/{site.pk}/metadata"
    names = [one["apiName"] for one in listed["dimensions"]]
    for name in names:
        assert ask(dimensions=dims(name)).status_code == 200, name
    for one in listed["metrics"]:
        assert ask(metrics=dims(one["apiName"])).status_code == 200, one
    assert client.get("/v1beta/properties/0/metadata", headers=headers).status_code == 200


def test_compatibility_says_what_may_be_added(ask: Ask) -> None:
    body = ask("checkCompatibility", dateRanges=None, dimensions=dims("date"), metrics=dims("sessions")).json()
    states = {one["dimensionMetadata"]["apiName"]: one["compatibility"] for one in body["dimensionCompatibilities"]}
    assert (states["country"], states["dateHour"]) == ("COMPATIBLE", "INCOMPATIBLE")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metrics": dims("fame")}, "metrics[0]"),
        ({"metrics": []}, "metrics"),
        ({"metrics": [{"name": "x", "expression": "__import__('os')"}]}, "metrics[0]"),
        ({"metrics": [{"name": "x", "expression": "(" * 400}]}, "metrics[0]"),
        ({"dimensions": dims("soul")}, "dimensions[0]"),
        ({"dimensions": "pagePath"}, "dimensions"),
        ({"dimensions": dims(*["pagePath"] * 2)}, "dimensions"),
        ({"dimensions": dims("minutesAgo")}, "dimensions"),
        ({"dateRanges": []}, "dateRanges"),
        ({"dateRanges": [{"startDate": "tomorrow", "endDate": DAY}]}, "dateRanges[0].startDate"),
        ({"dateRanges": [{"startDate": DAY, "endDate": "2026-11-01"}]}, "dateRanges[0]"),
        ({"dateRanges": [{"startDate": "99999daysAgo", "endDate": DAY}]}, "date_range"),
        ({"limit": -1}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"offset": 1e99}, "offset"),
        ({"orderBys": [{"metric": {"metricName": "sessions"}}]}, "orderBys[0]"),
        ({"surprise": 1}, "request.surprise"),
        ({"cohortSpec": {"cohorts": [{}]}}, "cohortSpec"),
        ({"dimensionFilter": {"filter": {}}}, "dimensionFilter.filter.fieldName"),
        ({"dimensionFilter": matching("pagePath", stringFilter={"matchType": 5, "value": "("})},
         "dimensionFilter.filter.stringFilter"),
        ({"dimensionFilter": matching("pagePath", stringFilter={"matchType": 99, "value": "x"})},
         "dimensionFilter.filter.stringFilter.matchType"),
        ({"dimensionFilter": matching("pagePath", numericFilter={})}, "dimensionFilter.filter.numericFilter"),
        ({"metricFilter": matching("activeUsers", stringFilter={})}, "metricFilter.filter.stringFilter"),
        ({"currencyCode": "gold"}, "currency"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_its_name(ask: Ask, site: Site, changes: Any, field: str) -> None:
    answer = ask(**changes)
    assert answer.status_code == 400, answer.content
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["message"].startswith(f"{field}:"), error


def test_who_may_not_read_a_property_is_told_nothing_of_it(client: Client, site: Site, key: str) -> None:
    theirs = create.site("theirs.example", organisation="Other").site
    answers = [
        client.post(f"/v1beta/properties/{reference}:runReport", json.dumps(BASE), "application/json", headers=headers)
        for reference, headers in (
            (theirs.pk, {"x-goog-api-key": key}),
            (999_999, {"x-goog-api-key": key}),
            (site.pk, {"x-goog-api-key": "AIza"}),
        )
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["error"]["status"] == "PERMISSION_DENIED"
    ApiKey.objects.update(scopes=["sites:read"])
    path = f"/v1beta/properties/{site.pk}:runReport"
    assert client.post(path, json.dumps(BASE), "application/json", headers={"x-goog-api-key": key}).status_code == 403


def test_a_property_has_the_number_that_it_had_at_google(client: Client, site: Site, key: str) -> None:
    Alias.objects.create(site=site, protocol="ga4", identifier="123456789")
    path = f"/v1beta/properties/123456789:runReport?key={key}"
    assert client.post(path, json.dumps(BASE), "application/json").status_code == 200
