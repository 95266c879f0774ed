"""Goals in questions: what a site's goals are as filters, and questions about goals as questions about events.

A page pattern is Plausible's: `*` stands for any characters but `/`, `**` for any at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analytics.events import ENGAGEMENT, PAGEVIEW
from analytics.reports import catalog, dimensions
from analytics.reports.query import All, AnyOf, Condition, Done, Filter, Goal, Not, Query
from analytics.sites import goals as stored
from analytics.sites import models, saved

_WILDCARD = re.compile(r"(\*\*?)")


def of(site: models.Site) -> tuple[Goal, ...]:
    """The goals of a site, by name."""
    return tuple(Goal(goal.name, reached(goal)) for goal in stored.listed(site))


def reached(goal: saved.Goal) -> Filter:
    """What holds for the events that reach a goal."""
    parts: list[Condition] = []
    if goal.kind == saved.Goal.Kind.EVENT:
        parts.append(Condition("is", "event:name", (goal.pattern,)))
    else:
        name = PAGEVIEW if goal.kind == saved.Goal.Kind.PAGE else ENGAGEMENT
        parts += [Condition("is", "event:name", (name,)), page(goal.pattern)]
    if goal.scroll_percent is not None:
        parts.append(scrolled(goal.scroll_percent))
    parts += [Condition("is", f"event:props:{key}", (value,)) for key, value in sorted(goal.props.items())]
    return All(tuple(parts))


def page(pattern: str) -> Condition:
    """Pages that a pattern means."""
    if "*" not in pattern:
        return Condition("is", "event:page", (pattern,))
    wild = {"*": "[^/]*", "**": ".*"}
    expression = "".join(wild.get(part) or re.escape(part) for part in _WILDCARD.split(pattern))
    return Condition("matches", "event:page", (f"^{expression}$",))


def scrolled(percent: int) -> Condition:
    """At least that far down a page."""
    return Condition("is", "event:scroll_percent", tuple(map(str, range(percent, 101))))


# --- what a question about goals is about ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tests:
    """What a statement tests of events; nothing in it speaks of goals by name any more."""

    own: Filter | None
    """Of the events that are counted."""
    everyone: Filter | None
    """Of all visitors that a conversion rate is a part of: `own` without what says at the top which conversions are
    meant, by goal or by a property of the event."""
    wanted: tuple[Goal, ...]
    """The goals that rows and metrics are about: those of the query that its filter leaves at the top."""


def tests(query: Query) -> Tests:
    """What a statement for the query tests."""
    about = [part for part in _top(query.filter) if isinstance(part, Condition) and part.dimension == dimensions.GOAL]
    rest = tuple(part for part in _top(query.filter) if not _is_about_conversions(part))
    return Tests(
        own=_plain(query.filter, query.goals) if query.filter else None,
        everyone=_plain(All(rest), query.goals) if rest else None,
        wanted=tuple(goal for goal in query.goals if all(is_named(goal, leaf) for leaf in about))
        if are_asked(query)
        else (),
    )


def leaves(given: Tests) -> Iterator[Condition]:
    """Every condition that is tested, those of `has_done` too."""
    for tree in _trees(given):
        yield from catalog.conditions(tree)


def own_leaves(given: Tests) -> Iterator[Condition]:
    """The conditions that the counted events themselves are tested for."""
    for tree in _trees(given):
        yield from catalog.conditions(tree, inside=False)


def dones(given: Tests) -> tuple[Filter, ...]:
    """What visits must have done, each once."""
    return tuple(dict.fromkeys(done.of for tree in _trees(given) for done in catalog.dones(tree)))


def is_named(goal: Goal, leaf: Condition) -> bool:
    """Whether a condition on `event:goal` holds for the goal's name."""
    name = goal.name if leaf.case_sensitive else goal.name.lower()
    values = [value if leaf.case_sensitive else value.lower() for value in leaf.values]
    op = catalog.positive(leaf.op)
    holds = name in values if op == "is" else any(value in name for value in values)
    return holds == (op == leaf.op)


def needs_duckdb(query: Query) -> bool:
    """Whether a filter of the query has an operator that TimescaleDB does not have."""
    return any(catalog.positive(leaf.op) == "matches" for leaf in leaves(tests(query)))


def are_asked(query: Query) -> bool:
    """Whether rows or metrics are about goals."""
    metrics = {part for name in query.metrics for part in catalog.metric(name).events}
    return dimensions.GOAL in query.dimensions or not metrics.isdisjoint({"conversions", "converters"})


def _trees(given: Tests) -> tuple[Filter, ...]:
    own = [given.own] if given.own else []
    return (*own, *(goal.filter for goal in given.wanted))


def _top(tree: Filter | None) -> Iterator[Filter]:
    """The parts of a filter that must all hold."""
    if isinstance(tree, All):
        for part in tree.of:
            yield from _top(part)
    elif tree is not None:
        yield tree


def _is_about_conversions(part: Filter) -> bool:
    return isinstance(part, Condition) and part.dimension.startswith((dimensions.GOAL, dimensions.PROPS))


def _plain(tree: Filter, goals: tuple[Goal, ...]) -> Filter:
    """A filter with the filters of goals in the place of their names."""
    match tree:
        case Condition(op, dimensions.GOAL, values, case_sensitive):
            positive = Condition(catalog.positive(op), dimensions.GOAL, values, case_sensitive)
            reached = AnyOf(tuple(goal.filter for goal in goals if is_named(goal, positive)))
            return reached if positive.op == op else Not(reached)
        case Condition():
            return tree
        case Not(of):
            return Not(_plain(of, goals))
        case Done(of, negated):
            return Done(_plain(of, goals), negated)
        case All(parts):
            return All(tuple(_plain(part, goals) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_plain(part, goals) for part in parts))
