"""What Google's client for Python really sent, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from analytics.sites import create
from analytics.sites.models import Alias, Site
from tests.protocols import replays

pytestmark = pytest.mark.database
SIGNED = ("authorization", "x-goog-api-key")


def signed(request: dict[str, Any], key: str) -> dict[str, Any]:
    """The request with our key where it had its own, or beside it when it had none."""
    headers = [[name, value] for name, value in request["headers"] if name.lower() not in SIGNED]
    return request | {"headers": [*headers, ["x-goog-api-key", key]]}


@pytest.mark.parametrize("recording", ["ga4-data-apikey.json", "ga4-data-opt.json"])
def test_recorded_requests_are_answered(site: Site, client: Client, recording: str) -> None:
    Alias.objects.create(site=site, protocol="ga4", identifier="1234")
    key = create.api_key(site, ["stats:read"])
    answers: list[Any] = [replays.send(client, signed(one, key)) for one in replays.requests(recording)]
    assert [answer.status_code for answer in answers] == [200] * 7
    report, batch, realtime, metadata, pivot, compatible, pivots = (answer.json() for answer in answers)
    assert [header["name"] for header in report["dimensionHeaders"]] == ["country", "pagePath", "dateRange"]
    assert [header["name"] for header in report["metricHeaders"]] == ["activeUsers", "screenPageViews", "epu"]
    assert report["rowCount"] == 0
    assert [one["kind"] for one in batch["reports"]] == ["analyticsData#runReport"] * 2
    assert realtime["kind"] == "analyticsData#runRealtimeReport"
    assert metadata["name"] == "properties/1234/metadata"
    assert len(pivot["pivotHeaders"]) == 2
    assert {one["compatibility"] for one in compatible["metricCompatibilities"]} == {"COMPATIBLE"}
    assert [len(one["pivotHeaders"]) for one in pivots["pivotReports"]] == [1]


def test_a_recorded_mistake_is_refused_by_name(site: Site, client: Client) -> None:
    Alias.objects.create(site=site, protocol="ga4", identifier="1")
    key = create.api_key(site, ["stats:read"])
    request = replays.requests("ga4-data-err.json")[0]
    request["path"] = request["path"].replace("properties/1:", f"properties/{site.pk}:")
    answer: Any = replays.send(client, signed(request, key))
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
