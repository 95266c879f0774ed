"""Numbers that late events may still change say so, until the events are settled."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.reprocess import settle
from analytics.sites import create
from analytics.sites.models import Membership, Site
from tests import builders

pytestmark = pytest.mark.database
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def explained(site: Site, client: Client) -> Callable[[str], Any]:
    headers = {"Authorization": f"Bearer {create.api_key(site, ['stats:read'])}"}

    def asked(day: str) -> Any:
        body = {"site_id": "example.com", "metrics": ["visits"], "date_range": [day, day]}
        given = client.post("/api/v2/query", json.dumps(body), content_type="application/json", headers=headers)
        return given.json()["meta"]["explain"]

    return asked


def test_an_answer_is_provisional_while_late_events_wait_and_no_longer(
    site: Site, explained: Callable[[str], Any], record: Callable[..., Any]
) -> None:
    late = {"at": builders.NOW + 3 * HOUR, "timestamp": builders.NOW.isoformat()}
    record([{"at": builders.NOW}, late], now=builders.NOW + 3 * HOUR)
    assert explained("2026-11-20")["provisional"] is True
    assert explained("2026-11-16")["provisional"] is False
    settle.settle_due(builders.NOW + 9 * HOUR)
    create.data_changed(site.pk)
    assert explained("2026-11-20")["provisional"] is False


def test_the_page_of_days_that_are_over_says_so(site: Site, client: Client, record: Callable[..., Any]) -> None:
    user = User.objects.create_user("maria", password="correct horse")
    Membership.objects.create(organisation=site.organisation, user=user)
    client.force_login(user)
    record([{"at": builders.NOW}], now=builders.NOW)
    path = "/example.com/-/top?period=custom&from=2026-11-20&to=2026-11-20"
    before = client.get(path, headers={"HX-Request": "true"}).content
    assert b"As of" in before
    assert b"came late" not in before
    late = {"at": builders.NOW + 3 * HOUR, "timestamp": builders.NOW.isoformat()}
    record([late], now=builders.NOW + 3 * HOUR)
    create.data_changed(site.pk)
    assert b"came late" in client.get(path, headers={"HX-Request": "true"}).content
