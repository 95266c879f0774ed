"""/api/v1/sites: listing, making and renaming sites, and their goals, within the walls of an organisation."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from analytics.sites import create, keys, lookup, saved
from analytics.sites.models import ApiKey, Organisation, Site

pytestmark = pytest.mark.database
Ask = Callable[..., Any]


def key_of(organisation: Organisation, *scopes: str) -> str:
    """A key of all sites of an organisation."""
    key = keys.api_key()
    ApiKey.objects.create(organisation=organisation, hash=keys.digest(key), scopes=list(scopes))
    return key


@pytest.fixture
def ask(site: Site, client: Client) -> Ask:
    owner = key_of(site.organisation, "sites:read", "sites:write")

    def asked(method: str, path: str, key: str = owner, **fields: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        if method == "GET":
            return client.get(f"/api/v1/sites{path}", fields, headers=headers)
        body = json.dumps(fields)
        return client.generic(method, f"/api/v1/sites{path}", body, "application/json", headers=headers)

    return asked


def test_sites_are_listed_in_pages(ask: Ask, site: Site) -> None:
    made = [create.site(f"{name}.example", organisation=site.organisation).site for name in "abcd"]
    create.site("theirs.example", organisation="Other")
    every = [one.domain for one in reversed([site, *made])]
    first = ask("GET", "", limit="2").json()
    second = ask("GET", "", limit="2", after=first["meta"]["after"]).json()
    third = ask("GET", "", limit="2", after=second["meta"]["after"]).json()
    back = ask("GET", "", limit="2", before=third["meta"]["before"]).json()
    assert [one["domain"] for page in (first, second, third) for one in page["sites"]] == every
    assert first["sites"][0] == {"domain": "d.example", "timezone": "UTC"}
    assert (first["meta"]["before"], third["meta"]["after"], first["meta"]["limit"]) == (None, None, 2)
    assert back["sites"] == second["sites"]
    assert ask("GET", "", after="!").status_code == ask("GET", "", limit="0").status_code == 400


def test_a_key_of_one_site_sees_that_one(ask: Ask, site: Site) -> None:
    create.site("second.example", organisation=site.organisation)
    key = create.api_key(site, ["sites:read", "sites:write"])
    assert [one["domain"] for one in ask("GET", "", key).json()["sites"]] == ["example.com"]
    assert ask("GET", "/second.example", key).status_code == 404
    assert ask("POST", "", key, domain="new.example").status_code == 403


def test_a_key_for_all_sites_is_made_on_the_command_line(ask: Ask, site: Site) -> None:
    page = io.StringIO()
    call_command(
        "apikey", "create", "--site", "example.com", "--all-sites", "--scope", "sites:read", "--scope", "sites:write",
        stdout=page,
    )  # fmt: skip
    assert ask("POST", "", page.getvalue().strip(), domain="new.example").status_code == 200


def test_a_site_is_made_and_renamed_and_its_old_domain_still_counts(ask: Ask, site: Site) -> None:
    made = ask("POST", "", domain="New.example", timezone="Europe/Tallinn")
    assert (made.status_code, made.json()) == (200, {"domain": "new.example", "timezone": "Europe/Tallinn"})
    assert Site.objects.get(domain="new.example").organisation == site.organisation
    renamed = ask("PUT", "/new.example", domain="newer.example")
    assert renamed.json() == {"domain": "newer.example", "timezone": "Europe/Tallinn"}
    assert ask("GET", "/newer.example").json() == renamed.json()
    lookup.forget()
    known = lookup.site("new.example")
    assert known is not None
    assert known.domain == "newer.example"


def test_a_form_is_read_as_well(site: Site, client: Client) -> None:
    key = key_of(site.organisation, "sites:write")
    given = client.post("/api/v1/sites", {"domain": "form.example"}, headers={"Authorization": f"Bearer {key}"})
    assert (given.status_code, given.json()) == (200, {"domain": "form.example", "timezone": "Etc/UTC"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "domain"),
        ({"domain": 7}, "domain"),
        ({"domain": "example.com"}, "domain"),
        ({"domain": "a b"}, "domain"),
        ({"domain": "new.example", "timezone": "Mars/Olympus"}, "domain or timezone"),
    ],
)
def test_a_site_that_cannot_be_is_refused(ask: Ask, fields: dict[str, Any], field: str) -> None:
    given = ask("POST", "", **fields)
    assert given.status_code == 400
    assert given.json()["error"].startswith(f"{field}: ")


def test_a_goal_is_found_or_made_listed_and_deleted(ask: Ask, site: Site) -> None:
    signup = {"site_id": "example.com", "goal_type": "event", "event_name": "Signup"}
    first, again = ask("PUT", "/goals", **signup).json(), ask("PUT", "/goals", **signup).json()
    assert first == again
    assert {name: first[name] for name in ("domain", "goal_type", "display_name", "event_name", "page_path")} == {
        "domain": "example.com", "goal_type": "event", "display_name": "Signup", "event_name": "Signup",
        "page_path": None,
    }  # fmt: skip
    page = ask("PUT", "/goals", site_id="example.com", goal_type="page", page_path="/register").json()
    assert (page["display_name"], page["page_path"]) == ("Visit /register", "/register")
    listed = ask("GET", "/goals", site_id="example.com").json()
    assert [goal["display_name"] for goal in listed["goals"]] == ["Visit /register", "Signup"]
    gone = ask("DELETE", f"/goals/{first['id']}", site_id="example.com")
    assert (gone.status_code, gone.json()) == (200, {"deleted": "true"})
    assert ask("DELETE", f"/goals/{first['id']}", site_id="example.com").status_code == 404
    assert saved.Goal.objects.filter(site=site).count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"goal_type": "event"}, "event_name"),
        ({"goal_type": "page"}, "page_path"),
        ({"goal_type": "page", "page_path": "register"}, "goal"),
        ({"goal_type": "wish"}, "goal_type"),
        ({}, "goal_type"),
        ({"goal_type": "event", "event_name": "A", "custom_props": [1]}, "custom_props"),
        ({"goal_type": "event", "event_name": "A", "currency": "euro"}, "goal"),
    ],
)
def test_a_goal_that_cannot_be_is_refused(ask: Ask, fields: dict[str, Any], field: str) -> None:
    given = ask("PUT", "/goals", site_id="example.com", **fields)
    assert given.status_code == 400
    assert given.json()["error"].startswith(f"{field}: ")


def test_another_organisations_goals_cannot_be_touched(ask: Ask, site: Site) -> None:
    other = create.site("other.example", organisation="Other").site
    theirs = saved.Goal.objects.create(site=other, kind="event", pattern="A", name="A")
    assert ask("DELETE", f"/goals/{theirs.pk}", site_id="other.example").status_code == 404
    assert ask("DELETE", f"/goals/{theirs.pk}", site_id="example.com").status_code == 404
    assert saved.Goal.objects.filter(pk=theirs.pk).exists()


def test_each_call_needs_its_scope(ask: Ask, site: Site) -> None:
    reader, writer = key_of(site.organisation, "sites:read"), key_of(site.organisation, "sites:write")
    statistics = key_of(site.organisation, "stats:read")
    for method, path in (("POST", ""), ("PUT", "/example.com"), ("PUT", "/goals"), ("DELETE", "/goals/1")):
        refused = ask(method, path, reader, site_id="example.com")
        assert (refused.status_code, "sites:write" in refused.json()["error"]) == (401, True)
    for path in ("", "/example.com", "/goals"):
        for key in (writer, statistics):
            assert ask("GET", path, key, site_id="example.com").status_code == 401
