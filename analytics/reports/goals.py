"""Goals in questions: what a site's goals are as filters, and questions about goals as questions about events.

A page pattern is Plausible's: `*` stands for any characters but `/`, `**` for any at all.
"""

from __future__ import annotations

import re

from analytics.events import ENGAGEMENT, PAGEVIEW
from analytics.reports.query import All, Condition, Filter, Goal
from analytics.sites import goals, models, saved

_WILDCARD = re.compile(r"(\*\*?)")


def of(site: models.Site) -> tuple[Goal, ...]:
    """The goals of a site, by name."""
    return tuple(Goal(goal.name, reached(goal)) for goal in goals.listed(site))


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
