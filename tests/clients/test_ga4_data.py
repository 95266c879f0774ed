"""google-analytics-data, Google's own client of the GA4 Data API from PyPI, against a running dashboard pool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analytics.sites import create
from analytics.sites.models import Site
from tests import processes

pytestmark = pytest.mark.flow

alpha = pytest.importorskip("google.analytics.data_v1alpha")
beta = pytest.importorskip("google.analytics.data_v1beta")
exceptions = pytest.importorskip("google.api_core.exceptions")
options = pytest.importorskip("google.api_core.client_options")
google = pytest.importorskip("google.auth.credentials")
oauth = pytest.importorskip("google.oauth2.credentials")

NOW = dt.datetime.now(dt.UTC)
TODAY = [{"start_date": "yesterday", "end_date": "today"}]


@pytest.fixture
def pool(environment: dict[str, str]) -> Iterator[str]:
    with processes.pool("dashboard", environment) as address:
        yield address


@pytest.fixture
def history(site: Site, record: Callable[..., Any]) -> Site:
    """Two visitors with three pageviews in the last minutes."""
    pages = [("/", "81.2.69.1", 3), ("/pricing", "81.2.69.1", 2), ("/", "81.2.70.1", 1)]
    record(
        [
            {"url": f"https://example.com{path}", "ip": ip, "at": NOW - dt.timedelta(minutes=ago)}
            for path, ip, ago in pages
        ],
        now=NOW,
    )
    return site


@pytest.fixture
def client(pool: str, history: Site) -> Any:
    """Signed in with an API key, as `x-goog-api-key`."""
    key = create.api_key(history, ["stats:read"])
    return beta.BetaAnalyticsDataClient(
        client_options=options.ClientOptions(api_endpoint=pool, api_key=key), transport="rest"
    )


def asked(site: Site, **more: Any) -> dict[str, Any]:
    return {"property": f"properties/{site.pk}", "date_ranges": TODAY, "metrics": [{"name": "activeUsers"}], **more}


def cells(rows: Any) -> list[list[str]]:
    return [[value.value for value in [*row.dimension_values, *row.metric_values]] for row in rows]


def test_every_method_answers_what_the_client_understands(client: Any, history: Site) -> None:
    paths = asked(history, dimensions=[{"name": "pagePath"}], metric_aggregations=["TOTAL"], return_property_quota=True)
    report = client.run_report(beta.RunReportRequest(paths))
    assert cells(report.rows) == [["/", "2"], ["/pricing", "1"]]
    assert cells(report.totals) == [["RESERVED_TOTAL", "2"]]
    assert (report.row_count, report.kind, report.metadata.time_zone) == (2, "analyticsData#runReport", "UTC")
    assert report.metric_headers[0].type_ == beta.MetricType.TYPE_INTEGER
    assert report.property_quota.tokens_per_hour.remaining > 0
    batch = client.batch_run_reports({"property": f"properties/{history.pk}", "requests": [asked(history)] * 2})
    assert [cells(one.rows) for one in batch.reports] == [[["2"]]] * 2
    pivot = client.run_pivot_report(
        asked(history, dimensions=[{"name": "pagePath"}], pivots=[{"field_names": ["pagePath"], "limit": 1}])
    )
    assert cells(pivot.rows) == [["/", "2"]]
    assert pivot.pivot_headers[0].row_count == 2
    pivots = client.batch_run_pivot_reports(
        {
            "property": f"properties/{history.pk}",
            "requests": [asked(history, dimensions=[{"name": "date"}], pivots=[{"field_names": ["date"], "limit": 5}])],
        }
    )
    assert len(pivots.pivot_reports) == 1
    now = client.run_realtime_report({"property": f"properties/{history.pk}", "metrics": [{"name": "activeUsers"}]})
    assert cells(now.rows) == [["2"]]
    metadata = client.get_metadata({"name": f"properties/{history.pk}/metadata"})
    assert "activeUsers" in {one.api_name for one in metadata.metrics}
    compatible = client.check_compatibility(
        {"property": f"properties/{history.pk}", "metrics": [{"name": "sessions"}], "compatibility_filter": 1}
    )
    assert {one.compatibility for one in compatible.metric_compatibilities} == {beta.Compatibility.COMPATIBLE}


def test_filters_expressions_and_pages_are_understood(client: Any, history: Site) -> None:
    only = beta.FilterExpression(
        and_group=beta.FilterExpressionList(
            expressions=[
                beta.FilterExpression(
                    filter=beta.Filter(
                        field_name="pagePath",
                        string_filter=beta.Filter.StringFilter(
                            match_type=beta.Filter.StringFilter.MatchType.FULL_REGEXP, value="/pri.*"
                        ),
                    )
                ),
                beta.FilterExpression(
                    filter=beta.Filter(
                        field_name="hostName", in_list_filter=beta.Filter.InListFilter(values=["EXAMPLE.com"])
                    )
                ),
            ]
        )
    )
    epu = {"name": "epu", "expression": "eventCount/activeUsers"}
    report = client.run_report(beta.RunReportRequest(asked(history, metrics=[epu], dimension_filter=only)))
    assert cells(report.rows) == [["1"]]
    pages = [
        cells(client.run_report(asked(history, dimensions=[{"name": "pagePath"}], limit=1, offset=offset)).rows)
        for offset in range(3)
    ]
    assert pages == [[["/", "2"]], [["/pricing", "1"]], []]


def test_what_is_wrong_raises_the_clients_own_exceptions(pool: str, client: Any, history: Site) -> None:
    with pytest.raises(exceptions.BadRequest, match="fame"):
        client.run_report(asked(history, metrics=[{"name": "fame"}]))
    stranger = beta.BetaAnalyticsDataClient(
        client_options=options.ClientOptions(api_endpoint=pool),
        credentials=oauth.Credentials("unknown"),
        transport="rest",
    )
    with pytest.raises(exceptions.Forbidden, match="not known"):
        stranger.run_report(asked(history))
    nobody = beta.BetaAnalyticsDataClient(
        client_options=options.ClientOptions(api_endpoint=pool),
        credentials=google.AnonymousCredentials(),
        transport="rest",
    )
    with pytest.raises(exceptions.Forbidden, match="no API key"):
        nobody.run_report(asked(history))


def test_a_bearer_token_is_a_key_too(pool: str, history: Site) -> None:
    key = create.api_key(history, ["stats:read"])
    client = beta.BetaAnalyticsDataClient(
        client_options=options.ClientOptions(api_endpoint=pool), credentials=oauth.Credentials(key), transport="rest"
    )
    assert cells(client.run_report(asked(history)).rows) == [["2"]]


def test_pages_of_rows_lead_through_all_of_them(client: Any, history: Site) -> None:
    asked_for = asked(
        history,
        dimensions=[{"name": "pagePath"}, {"name": "eventName"}],
        order_bys=[{"dimension": {"dimension_name": "pagePath"}}],
        limit=1,
    )
    found: list[list[str]] = []
    while True:
        report = client.run_report(beta.RunReportRequest(asked_for | {"offset": len(found)}))
        found += cells(report.rows)
        if len(found) >= report.row_count:
            break
    assert found == [["/", "page_view", "2"], ["/pricing", "page_view", "1"]]


def test_the_client_of_v1alpha_has_funnels(pool: str, history: Site) -> None:
    key = create.api_key(history, ["stats:read"])
    client = alpha.AlphaAnalyticsDataClient(
        client_options=options.ClientOptions(api_endpoint=pool, api_key=key), transport="rest"
    )

    def step(name: str, path: str, **more: Any) -> dict[str, Any]:
        test = {"field_name": "pagePath", "string_filter": {"value": path}}
        return {"name": name, "filter_expression": {"funnel_field_filter": test}, **more}

    pricing = step(
        "Pricing", "/pricing", is_directly_followed_by=True, within_duration_from_prior_step=dt.timedelta(seconds=90)
    )
    request = {
        "property": f"properties/{history.pk}",
        "date_ranges": TODAY,
        "funnel": {"steps": [step("Home", "/"), pricing]},
        "funnel_breakdown": {"breakdown_dimension": {"name": "deviceCategory"}},
        "funnel_next_action": {"next_action_dimension": {"name": "eventName"}},
    }
    report = client.run_funnel_report(alpha.RunFunnelReportRequest(request))
    assert cells(report.funnel_table.rows) == [
        ["1. Home", "RESERVED_TOTAL", "2", "0.5", "1", "0.5"],
        ["1. Home", "desktop", "2", "0.5", "1", "0.5"],
        ["2. Pricing", "RESERVED_TOTAL", "1", "0", "0", "0"],
        ["2. Pricing", "desktop", "1", "0", "0", "0"],
    ]
    assert cells(report.funnel_visualization.rows) == [
        ["1. Home", "RESERVED_TOTAL", "2"],
        ["2. Pricing", "RESERVED_TOTAL", "1"],
    ]
    with pytest.raises(exceptions.BadRequest, match=r"funnel\.steps"):
        client.run_funnel_report({"property": f"properties/{history.pk}", "date_ranges": TODAY, "funnel": {}})


def test_audiences_are_said_not_to_be_there(client: Any, history: Site) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="no audiences"):
        client.list_audience_exports({"parent": f"properties/{history.pk}"})


def test_too_many_questions_say_when_to_come_back(environment: dict[str, str], history: Site) -> None:
    key = create.api_key(history, ["stats:read"])
    with processes.pool("dashboard", environment, STATS_API_REQUESTS_PER_HOUR="1") as address:
        client = beta.BetaAnalyticsDataClient(
            client_options=options.ClientOptions(api_endpoint=address, api_key=key), transport="rest"
        )
        client.run_report(asked(history))
        with pytest.raises(exceptions.TooManyRequests) as refused:
            client.run_report(asked(history))
    assert 0 < int(refused.value.response.headers["Retry-After"]) <= 3600
