"""Goals, conversions and what visits have done, counted by hand: two visitors of whom one signs up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from analytics.reports import goals, parse, run
from analytics.reports.query import BadQuery, Condition, Done, Goal, Query
from analytics.sites import goals as stored
from analytics.sites import models, saved
from tests import builders

pytestmark = pytest.mark.database

NOW = builders.NOW + dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
ANNA = {"ip": "81.2.69.142"}
BERT = {"ip": "89.160.20.112"}
SIGN_UP = Condition("is", "event:goal", ("Sign up",))


def page(path: str, **more: Any) -> dict[str, Any]:
    return {"url": f"https://example.com{path}", **more}


HISTORY = [
    page("/", **ANNA),
    page("/blog/2026/one", **ANNA),
    page("/pricing", name="Sign up", props={"plan": "pro"}, **ANNA),
    page("/pricing", name="Sign up", props={"plan": "free"}, **ANNA),
    page("/", **BERT),
    page("/blog", **BERT),
]


@pytest.fixture
def asked(site: models.Site, record: Callable[..., Any]) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of a question about the history above, and the goals of the site."""
    record(HISTORY)

    def ask(*metrics: str, **more: Any) -> list[tuple[Any, ...]]:
        start = builders.NOW - 10 * DAY
        query = Query(site.pk, metrics, start, builders.NOW + DAY, "UTC", goals=goals.of(site))
        answer = run.answer(replace(query, **more), NOW)
        short = run.answer(replace(query, **{"start": NOW - DAY, **more}), NOW)
        assert short.rows == answer.rows, "both engines"
        return [(*row.dimensions, *row.metrics) for row in answer.rows]

    return ask


def test_conversions_are_events_and_converters_are_visitors(site: models.Site, asked: Callable[..., Any]) -> None:
    stored.add(site, "event", "Sign up")
    assert asked("conversions", "converters", "conversion_rate", "visitors") == [(2, 1, 50.0, 2)]
    filtered = asked("conversions", "converters", "conversion_rate", "visitors", "visits", filter=SIGN_UP)
    assert filtered == [(2, 1, 50.0, 1, 1)], "the goal says what is counted, and not who everyone is"


def test_a_property_says_which_conversions_and_leaves_everyone(site: models.Site, asked: Callable[..., Any]) -> None:
    stored.add(site, "event", "Sign up")
    pro = parse.filters([["is", "event:goal", ["Sign up"]], ["is", "event:props:plan", ["pro"]]])
    assert asked("conversions", "conversion_rate", filter=pro) == [(1, 50.0)]
    start_page = parse.filters([["is", "event:goal", ["Sign up"]], ["is", "event:page", ["/pricing"]]])
    assert asked("conversions", "conversion_rate", filter=start_page) == [(2, 100.0)], "of the visitors of the page"


def test_an_event_counts_in_each_goal_that_it_reaches(site: models.Site, asked: Callable[..., Any]) -> None:
    stored.add(site, "event", "Sign up")
    stored.add(site, "event", "Sign up", {"name": "Pro", "props": {"plan": "pro"}})
    stored.add(site, "page", "/blog/**", {"name": "Blog"})
    stored.add(site, "page", "/blog*", {"name": "Blog's front"})
    stored.add(site, "event", "Never")
    by_goal = asked("visitors", "conversions", "visits", "conversion_rate", dimensions=("event:goal",))
    assert sorted(by_goal) == [
        ("Blog", 1, 1, 1, 50.0),
        ("Blog's front", 1, 1, 1, 50.0),
        ("Pro", 1, 1, 1, 50.0),
        ("Sign up", 1, 2, 1, 50.0),
    ]
    both = Condition("contains", "event:goal", ("blog",), case_sensitive=False)
    assert [row[0] for row in asked("visitors", dimensions=("event:goal",), filter=both)] == ["Blog", "Blog's front"]


def test_the_rate_of_a_group_is_of_its_visitors(site: models.Site, asked: Callable[..., Any]) -> None:
    stored.add(site, "page", "/blog/**", {"name": "Blog"})
    rows = asked("visitors", "group_conversion_rate", "conversion_rate", dimensions=("event:goal", "event:page"))
    assert rows == [("Blog", "/blog/2026/one", 1, 100.0, 50.0)]
    by_page = asked("converters", "group_conversion_rate", dimensions=("event:page",))
    assert {path: (number, rate) for path, number, rate in by_page} == {
        "/": (0, 0.0),
        "/blog": (0, 0.0),
        "/blog/2026/one": (1, 100.0),
        "/pricing": (0, 0.0),
    }


def test_days_without_a_conversion_have_a_rate_when_there_were_visitors(
    site: models.Site, asked: Callable[..., Any]
) -> None:
    stored.add(site, "event", "Never")
    never = Condition("is", "event:goal", ("Never",))
    since = {"start": builders.NOW - DAY, "dimensions": ("time:day",)}
    assert asked("conversion_rate", filter=never, **since) == [(f"2026-11-{day}", 0.0) for day in (19, 20, 21)]
    nobody = parse.filters([["is", "event:goal", ["Never"]], ["is", "visit:country", ["XX"]]])
    assert asked("conversion_rate", filter=nobody, **since) == [(f"2026-11-{day}", None) for day in (19, 20, 21)]


def test_a_goal_applies_to_history_of_before_it_was_made(site: models.Site, asked: Callable[..., Any]) -> None:
    with pytest.raises(BadQuery, match="no goals yet"):
        asked("conversions")
    stored.add(site, "event", "Sign up")
    assert asked("conversions") == [(2,)]


def test_visits_are_kept_by_what_they_have_done(asked: Callable[..., Any]) -> None:
    done = Done(Condition("is", "event:name", ("Sign up",)))
    assert asked("visitors", "pageviews", "visits", filter=done) == [(1, 2, 1)]
    assert asked("visitors", "pageviews", "visits", filter=replace(done, negated=True)) == [(1, 2, 1)]
    pages = asked("visitors", dimensions=("event:page",), filter=replace(done, negated=True))
    assert sorted(pages) == [("/", 1), ("/blog", 1)]


def test_a_goal_can_be_what_was_done(site: models.Site, asked: Callable[..., Any]) -> None:
    stored.add(site, "page", "/blog/*/*", {"name": "Post"})
    read = parse.filters([["has_done", ["is", "event:goal", ["Post"]]]])
    assert asked("pageviews", "conversion_rate", filter=read) == [(2, 100.0)]


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("/blog/*", ["/blog/a", "/blog/"], ["/blog", "/blog/a/b", "/x/blog/a"]),
        ("/blog/**", ["/blog/a", "/blog/a/b", "/blog/"], ["/blog"]),
        ("/*/edit", ["/a/edit"], ["/a/b/edit", "/edit", "/a/edit/"]),
        ("**.pdf", ["/a/b.pdf", "/.pdf"], ["/apdf", "/a.pdf?x"]),
        ("/a.b(c)+", ["/a.b(c)+"], ["/axb(c)+", "/a.bcc"]),
        ("/a b-c/*", ["/a b-c/d"], ["/a_b-c/d"]),
    ],
)
def test_stars_in_pages_are_plausibles(
    record: Callable[..., Any], site: models.Site, pattern: str, matches: list[str], others: list[str]
) -> None:
    record([page(path.replace("?", "%3F")) for path in (*matches, *others)])
    goal = Goal("It", goals.page(pattern))
    query = Query(site.pk, ("pageviews",), NOW - 5 * DAY, NOW, "UTC", ("event:page",), goals=(goal,))
    found = run.answer(replace(query, filter=Condition("is", "event:goal", ("It",))), NOW)
    assert {row.dimensions[0] for row in found.rows} == set(matches)


def test_a_goal_of_scrolling_is_reached_at_its_part_of_the_page(record: Callable[..., Any], site: models.Site) -> None:
    record([page("/long", name="engagement", scroll=percent, **ANNA) for percent in (20, 74, 75, 100)])
    stored.add(site, "scroll", "/long", {"scroll_percent": 75})
    query = Query(site.pk, ("conversions", "scroll_depth"), NOW - 5 * DAY, NOW, "UTC", goals=goals.of(site))
    assert run.answer(query, NOW).rows[0].metrics == (2, 100.0)


# --- segments ---


def test_a_segment_stands_for_its_filters(site: models.Site, asked: Callable[..., Any]) -> None:
    segment = saved.Segment.objects.create(site=site, name="Blog", filters=[["contains", "event:page", ["/blog"]]])
    tree = parse.filters([["is", "segment", [segment.pk]], ["is_not", "event:page", ["/blog"]]], site=site)
    assert asked("pageviews", filter=tree) == [(1,)]


def test_a_segment_is_the_sites_or_the_users_alone(site: models.Site, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="anna")
    other = models.Site.objects.create(organisation=site.organisation, domain="other.example")
    own = saved.Segment.objects.create(site=site, name="Own", filters=[["is", "event:page", ["/"]]], owner=user)
    asked = [["is", "segment", [own.pk]]]
    assert parse.filters(asked, site=site, user_id=user.pk) is not None
    for refused in ({"site": site}, {"site": other, "user_id": user.pk}, {"site": site, "user_id": user.pk + 1}):
        with pytest.raises(BadQuery, match=f"no segment {own.pk}"):
            parse.filters(asked, **refused)


def test_a_segment_cannot_contain_segments(site: models.Site) -> None:
    loop = saved.Segment.objects.create(site=site, name="Loop", filters=[])
    loop.filters = [["is", "segment", [loop.pk]]]
    loop.save()
    with pytest.raises(BadQuery, match="no segments here"):
        parse.filters([["is", "segment", [loop.pk]]], site=site)


@pytest.mark.parametrize("numbers", [["1"], [True], [], [1.0]])
def test_a_segment_is_named_by_its_number(site: models.Site, numbers: list[Any]) -> None:
    with pytest.raises(BadQuery, match="filters"):
        parse.filters([["is", "segment", numbers]], site=site)
