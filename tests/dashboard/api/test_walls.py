"""Walls between tenants: whatever a key asks about another's site is answered as if there were none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from analytics.dashboard.api.plausible import urls
from analytics.sites import create, keys, saved
from analytics.sites.models import ApiKey, Site
from tests import builders

pytestmark = pytest.mark.database
Ask = Callable[[Client, dict[str, str], str], Any]
"""Ask a route about a site: the client, the headers of the key, any id of the site."""


def get(path: str, **more: str) -> Ask:
    return lambda client, headers, site: client.get(path, {"site_id": site, **more}, headers=headers)


def send(method: str, path: str, **more: Any) -> Ask:
    def sent(client: Client, headers: dict[str, str], site: str) -> Any:
        body = json.dumps({"site_id": site, **more})
        return client.generic(method, path.replace("SITE", site), body, "application/json", headers=headers)

    return sent


ROUTES: dict[str, list[Ask]] = {
    "stats_v2_query": [send("POST", "/api/v2/query", metrics=["visitors"], date_range="7d")],
    "stats_v1_realtime": [get("/api/v1/stats/realtime/visitors")],
    "stats_v1_aggregate": [get("/api/v1/stats/aggregate")],
    "stats_v1_timeseries": [get("/api/v1/stats/timeseries")],
    "stats_v1_breakdown": [get("/api/v1/stats/breakdown", property="event:page")],
    "sites_v1_goals": [
        get("/api/v1/sites/goals"),
        send("PUT", "/api/v1/sites/goals", goal_type="event", event_name="Signup"),
    ],
    "sites_v1_goal": [send("DELETE", "/api/v1/sites/goals/1")],
    "sites_v1_site": [
        lambda client, headers, site: client.get(f"/api/v1/sites/{site}", headers=headers),
        send("PUT", "/api/v1/sites/SITE", domain="stolen.example"),
    ],
}
"""Name of a route → how each of its methods is asked."""
OF_NO_SITE = {"sites_v1"}
"""It lists what the key sees."""
ASKED = [pytest.param(ask, id=f"{name}-{index}") for name, asks in ROUTES.items() for index, ask in enumerate(asks)]


@pytest.fixture
def headers(site: Site) -> dict[str, str]:
    """Of a key of the whole organisation, with every scope."""
    key = keys.api_key()
    ApiKey.objects.create(organisation=site.organisation, hash=keys.digest(key), scopes=list(create.SCOPES))
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def theirs(site: Site) -> Site:
    found = create.site("theirs.example", organisation="Other").site
    saved.Goal.objects.create(site=found, kind="event", pattern="A", name="A")
    return found


def test_every_route_has_its_wall_tried() -> None:
    assert {*ROUTES} | OF_NO_SITE == {route.name for route in urls.urlpatterns}


@pytest.mark.parametrize("ask", ASKED)
def test_anothers_site_is_as_one_that_does_not_exist(
    ask: Ask, client: Client, headers: dict[str, str], theirs: Site
) -> None:
    references = ("theirs.example", str(theirs.pk), str(theirs.uuid), theirs.measurement_id, theirs.public_key)
    given = [ask(client, headers, reference) for reference in (*references, "nobody.example")]
    assert {(one.status_code, one.content) for one in given} == {(given[-1].status_code, given[-1].content)}
    assert given[-1].status_code in (401, 404)
    assert Site.objects.filter(domain="theirs.example").exists()
    assert saved.Goal.objects.filter(site=theirs).count() == 1


@pytest.mark.parametrize("ask", ASKED)
def test_without_a_key_or_with_a_revoked_one_nothing_is_said(
    ask: Ask, client: Client, headers: dict[str, str], site: Site
) -> None:
    assert ask(client, {}, "example.com").status_code == 401
    assert ask(client, headers, "example.com").status_code in (200, 404)
    ApiKey.objects.update(revoked_at=builders.NOW)
    assert ask(client, headers, "example.com").status_code == 401


@pytest.mark.parametrize("ask", ASKED)
def test_a_key_of_other_scopes_opens_nothing(ask: Ask, client: Client, site: Site) -> None:
    key = create.api_key(site, ["events:write"])
    assert ask(client, {"Authorization": f"Bearer {key}"}, "example.com").status_code == 401
