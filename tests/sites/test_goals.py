"""Goals of a site, made and removed as a person or a script does it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.sites import goals, models, saved

pytestmark = pytest.mark.database


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("goal", *words, stdout=out)
    return out.getvalue()


def listed() -> list[Any]:
    return [(one["name"], one["kind"], one["pattern"]) for one in json.loads(run("list", "example.com", "--json"))]


def test_goals_are_made_listed_and_removed(site: models.Site) -> None:
    assert "has no goal" in run("list", "example.com")
    run("add", "example.com", "event", "Sign up", "--prop", "plan=pro=1", "--currency", "EUR")
    run("add", "example.com", "page", "/blog/**")
    run("add", "example.com", "scroll", "/long", "--scroll", "75", "--name", "Readers")
    assert listed() == [
        ("Readers", "scroll", "/long"),
        ("Sign up", "event", "Sign up"),
        ("Visit /blog/**", "page", "/blog/**"),
    ]
    assert "plan=pro=1, in EUR" in run("list", "example.com")
    assert saved.Goal.objects.get(name="Sign up").props == {"plan": "pro=1"}
    run("remove", "example.com", "Sign up")
    assert [name for name, _, _ in listed()] == ["Readers", "Visit /blog/**"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["page", "blog"], "A page begins with /"),
        (["scroll", "/long"], "says how far"),
        (["event", "x", "--scroll", "5"], "says how far"),
        (["scroll", "/long", "--scroll", "0"], "greater than or equal to 1"),
        (["event", "x", "--currency", "euro"], "currency: Write an ISO 4217"),
        (["event", "x", "--currency", "eur"], "ISO 4217"),
        (["event", "x", "--prop", "plan"], "KEY=VALUE"),
        (["event", "Sign up"], "a goal 'Sign up' already"),
        (["event", ""], "cannot be blank"),
    ],
)
def test_what_can_be_no_goal_is_refused(site: models.Site, words: list[str], reason: str) -> None:
    goals.add(site, "event", "Sign up")
    with pytest.raises(CommandError, match=reason):
        run("add", "example.com", *words)
    assert saved.Goal.objects.count() == 1


def test_a_goal_that_is_not_there_is_told_with_those_that_are(site: models.Site) -> None:
    goals.add(site, "event", "Sign up")
    with pytest.raises(CommandError, match="no goal 'Nope'; it has: 'Sign up'"):
        run("remove", "example.com", "Nope")


def test_two_sites_have_goals_of_one_name(site: models.Site) -> None:
    other = models.Site.objects.create(organisation=site.organisation, domain="other.example")
    goals.add(site, "event", "Sign up")
    goals.add(other, "event", "Sign up", {"props": {"plan": "pro"}})
    assert [len(goals.listed(one)) for one in (site, other)] == [1, 1]


def test_a_site_has_so_many_goals_and_no_more(site: models.Site) -> None:
    made = [saved.Goal(site=site, name=f"g{n}", kind="event", pattern="x") for n in range(saved.MOST_GOALS)]
    saved.Goal.objects.bulk_create(made)
    with pytest.raises(goals.BadGoal, match="at most 100 goals"):
        goals.add(site, "event", "one more")
