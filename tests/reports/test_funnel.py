"""Funnels: both engines agree with every way through a funnel tried out one by one."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from analytics.events import Event
from analytics.lake import export
from analytics.reports import funnel, goals
from analytics.reports.funnel import Funnel, Step
from analytics.reports.query import Answer, AnyOf, BadQuery, Condition, Filter, Not, Query
from tests import builders
from tests.reports import oracle, world

pytestmark = pytest.mark.database

NOW = world.LAST + dt.timedelta(days=2)
QUESTIONS = int(os.environ.get("RANDOM_QUESTIONS", "40"))
RANDOM = settings(
    max_examples=QUESTIONS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
_FILTERS: list[Filter] = [
    Condition("is", "event:name", ("pageview",)),
    Condition("is", "event:name", ("Sign up",)),
    Condition("is_not", "event:page", ("/",)),
    Condition("contains", "event:page", ("/a",)),
    Condition("matches", "event:page", ("^/[a-z]",)),
    Not(Condition("is", "event:props:plan", ("a", "ä"))),
    AnyOf((Condition("is", "event:name", ("a",)), Condition("is", "visit:source", ("(none)",)))),
    Condition("is", "event:goal", ("Sign up",)),
]
_LATER = st.builds(
    Step,
    st.sampled_from(_FILTERS),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from([1, 60, 1800, 86_400]).map(lambda seconds: dt.timedelta(seconds=seconds))),
)
_FUNNELS = st.builds(
    lambda query, first, later, is_open: Funnel(
        replace(query, metrics=("visitors",), order=(), only=(), offset=0), (Step(first), *later), is_open
    ),
    world.queries(),
    st.sampled_from(_FILTERS),
    st.lists(_LATER, max_size=3),
    st.booleans(),
)


class Naive:
    """One visitor's events in order, and every chain of them."""

    def __init__(self, events: list[Event], asked: Funnel, holds: Callable[[Filter, Event], bool]) -> None:
        self.events = sorted(events, key=lambda event: (event.ts, event.hit_id))
        self.asked = asked
        self.takes = [[holds(step.filter, event) for event in self.events] for step in asked.steps]

    def follows(self, step: int, index: int) -> bool:
        rule = self.asked.steps[step]
        return self.takes[step][index] and any(
            self.reaches(step - 1, before)
            and (not rule.directly or before == index - 1)
            and (rule.within is None or self.events[index].ts - self.events[before].ts <= rule.within)
            for before in range(index)
        )

    def reaches(self, step: int, index: int) -> bool:
        return self.takes[step][index] if step == 0 or self.asked.is_open else self.follows(step, index)

    def numbers(self) -> list[int]:
        steps, places = range(len(self.asked.steps)), range(len(self.events))
        reached = [any(self.reaches(step, index) for index in places) for step in steps]
        went_on = [any(self.follows(step, index) for index in places) for step in steps[1:]] + [False]
        return [int(flag) for pair in zip(reached, went_on, strict=True) for flag in pair]

    def entered_with(self) -> Event | None:
        steps = range(len(self.asked.steps) if self.asked.is_open else 1)
        found = (event for index, event in enumerate(self.events) if any(self.takes[step][index] for step in steps))
        return next(found, None)

    def next_events(self) -> list[tuple[int, Event]]:
        found = []
        for step in range(len(self.asked.steps)):
            first = next((index for index in range(len(self.events)) if self.reaches(step, index)), None)
            if first is None or first + 1 == len(self.events):
                continue
            if step + 1 == len(self.asked.steps) or not self.follows(step + 1, first + 1):
                found.append((step, self.events[first + 1]))
        return found


def naive(events: list[Event], asked: Funnel) -> tuple[list[tuple[Naive, Callable[[Event], Any]]], oracle.Oracle]:
    truth, query = oracle.Oracle(events), asked.query
    counted = [e for e in events if e.site_id == query.site_id and (query.with_bots or e.category == "")]
    by_visit: dict[int, list[Event]] = defaultdict(list)
    for event in counted:
        by_visit[event.visit_id].append(event)
    visits = {number: oracle.Visit(listed) for number, listed in by_visit.items()}

    def holds(tree: Filter | None, event: Event) -> bool:
        return truth.holds(tree, event, visits[event.visit_id], event.ts, query)

    def key(event: Event) -> Any:
        (found,) = truth.keys(event, visits[event.visit_id], event.ts, query)
        return found

    by_visitor: dict[int, list[Event]] = defaultdict(list)
    for event in counted:
        if query.start <= event.ts < query.end and event.name != "engagement" and holds(query.filter, event):
            by_visitor[event.visitor_id].append(event)
    return [(Naive(listed, asked, holds), key) for listed in by_visitor.values()], truth


def added(rows: list[list[int]], width: int) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * width


@pytest.mark.parametrize("seed", range(2))
def test_both_engines_count_what_trying_every_way_counts(seed: int, stores: None, settings: Any) -> None:
    settings.HOT_DAYS = 1000
    events = world.events(seed, 120)
    world.store([event for event in events if event.batch <= 2])
    export.export("hits")
    export.export("events")
    world.store([event for event in events if event.batch > 2])

    @given(_FUNNELS)
    @RANDOM
    def agree(asked: Funnel) -> None:
        try:
            funnel.check_funnel(asked)
        except BadQuery:
            assume(False)
        visitors, _ = naive(events, asked)
        groups: dict[Any, list[list[int]]] = defaultdict(list)
        following: Counter[tuple[int, str]] = Counter()
        for visitor, key in visitors:
            if entered := visitor.entered_with():
                groups[key(entered)].append(visitor.numbers())
            following.update((step, event.name) for step, event in visitor.next_events())
        width = 2 * len(asked.steps)
        total = added([row for rows in groups.values() for row in rows], width)
        ranked = sorted(groups, key=lambda key: (-len(groups[key]), [word.encode() for word in key]))
        for days in (1000, 0):
            settings.REPORT_HOT_SPAN_DAYS = days
            got = funnel.answer(asked, days, NOW)
            is_hot = days == 1000 and not goals.needs_duckdb(funnel._question(asked))
            assert got.engine == ("timescaledb" if is_hot else "duckdb")
            assert got.rows[0].metrics == total
            if asked.query.dimensions:
                wanted = [(key, added(groups[key], width)) for key in ranked[: asked.query.limit]]
                assert [(row.dimensions, row.metrics) for row in got.rows[1:]] == wanted
            then = funnel.after(asked, funnel.Then("event:name", 100), days, NOW)
            assert {(int(row.dimensions[0]), row.dimensions[1]): row.metrics[0] for row in then.rows} == following

    agree()


# --- by hand --------------------------------------------------------------------------------------------------------
def is_page(path: str) -> Condition:
    return Condition("is", "event:page", (path,))


@pytest.fixture
def shop(record: Callable[..., Any]) -> None:
    """Who went where, by minutes: a, b and c begin; a buys after 4 minutes and a detour, b at once, c never; d begins
    in the cart."""
    ways = {
        "81.2.1.1": [("/", 0), ("/help", 1), ("/cart", 2), ("/paid", 4)],
        "81.2.2.1": [("/", 0), ("/cart", 1), ("/paid", 2)],
        "81.2.3.1": [("/", 0), ("/help", 3)],
        "81.2.4.1": [("/cart", 5), ("/paid", 6)],
    }
    record(
        [
            {"url": f"https://example.com{path}", "ip": ip, "at": builders.NOW + dt.timedelta(minutes=minute)}
            for ip, way in ways.items()
            for path, minute in way
        ]
    )


def ask(site_id: int, *steps: Step, is_open: bool = False, dimensions: tuple[str, ...] = ()) -> Answer:
    day = dt.timedelta(days=1)
    query = Query(site_id, ("visitors",), builders.NOW - day, builders.NOW + day, "UTC", dimensions)
    return funnel.answer(Funnel(query, steps, is_open), 1, builders.NOW + day)


@pytest.mark.parametrize(
    ("second", "is_open", "wanted"),
    [
        (Step(is_page("/cart")), False, (3, 2, 2, 2, 2, 0)),
        (Step(is_page("/cart"), directly=True), False, (3, 1, 1, 1, 1, 0)),
        (Step(is_page("/cart"), within=dt.timedelta(seconds=60)), False, (3, 1, 1, 1, 1, 0)),
        (Step(is_page("/cart"), within=dt.timedelta(seconds=120)), False, (3, 2, 2, 2, 2, 0)),
        (Step(is_page("/cart")), True, (3, 2, 3, 3, 3, 0)),
    ],
)
def test_counts_visitors_who_went_through(
    site: Any, shop: None, second: Step, is_open: bool, wanted: tuple[int, ...]
) -> None:
    got = ask(site.pk, Step(is_page("/")), second, Step(is_page("/paid")), is_open=is_open)
    assert got.rows[0].metrics == wanted


def test_a_visitor_is_in_the_group_of_the_event_that_entered(site: Any, shop: None) -> None:
    steps = Step(Condition("is", "event:page", ("/", "/cart"))), Step(is_page("/paid"))
    got = ask(site.pk, *steps, dimensions=("event:page",))
    assert got.rows[0].metrics == (4, 3, 3, 0)
    assert [(row.dimensions, row.metrics) for row in got.rows[1:]] == [
        (("/",), (3, 2, 2, 0)),
        (("/cart",), (1, 1, 1, 0)),
    ]


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ((), "steps"),
        ((Step(is_page("/"), directly=True),), "steps"),
        ((Step(is_page("/")), Step(is_page("/a"), within=dt.timedelta())), "steps"),
        ((Step(Condition("is", "event:name", ("engagement",))),), "steps"),
        ((Step(Condition("is", "visit:exit_page", ("/",))),), "dimensions"),
        ((Step(Condition("is", "nonsense", ("/",))),), "filters"),
        (tuple(Step(is_page(f"/{n}")) for n in range(11)), "steps"),
    ],
)
def test_refuses_what_is_no_funnel(steps: tuple[Step, ...], field: str) -> None:
    with pytest.raises(BadQuery) as refused:
        ask(1, *steps)
    assert refused.value.field == field


def test_an_answer_is_kept_for_the_same_funnel_alone(site: Any, shop: None) -> None:
    first, second = Step(is_page("/")), Step(is_page("/cart"))
    assert not ask(site.pk, first, second).cached
    kept = ask(site.pk, first, second)
    assert (kept.cached, kept.rows[0].metrics) == (True, (3, 2, 2, 0))
    others = [
        ask(site.pk, first, replace(second, directly=True)),
        ask(site.pk, first, replace(second, within=dt.timedelta(minutes=1))),
        ask(site.pk, second, first),
        ask(site.pk, first, second, is_open=True),
    ]
    assert [other.cached for other in others] == [False] * 4
