"""Whether the parts of a question fit together: goals that are there, rates of what has them."""

from __future__ import annotations

import re

from analytics.reports import catalog, dimensions, goals
from analytics.reports.query import BadQuery, Condition, Query

MOST_GOALS = 200
MOST_ROWS = 10_000
_PAGES = (dimensions.PAGE, dimensions.EXIT_PAGE)


def check(given: Query) -> None:
    """Raises BadQuery, naming the field, unless they do. The names are known to be right."""
    _goals(given)
    if "exit_rate" in given.metrics:
        _exit_rate(given)
    _only(given)
    if given.currency and not re.fullmatch("[A-Z]{3}", given.currency):
        raise BadQuery("currency", "write an ISO 4217 code such as EUR")


def _goals(given: Query) -> None:
    names = [goal.name for goal in given.goals]
    if len(names) > MOST_GOALS or len(set(names)) < len(names):
        raise BadQuery("goals", f"at most {MOST_GOALS}, each with a name of its own")
    for goal in given.goals:
        if any(leaf.dimension == dimensions.GOAL for leaf in catalog.conditions(goal.filter)):
            raise BadQuery("goals", f"{goal.name!r} is made of goals; make it of events, pages and properties")
    leaves = [leaf for leaf in catalog.conditions(given.filter) if leaf.dimension == dimensions.GOAL]
    if not names and (leaves or goals.are_asked(given)):
        field = "filters" if leaves else "dimensions" if dimensions.GOAL in given.dimensions else "metrics"
        raise BadQuery(field, "the site has no goals yet; make one, or filter by event:name or event:page")
    for leaf in leaves:
        _named(leaf, names)


def _named(leaf: Condition, names: list[str]) -> None:
    unknown = sorted({*leaf.values} - {*names})
    if catalog.positive(leaf.op) == "is" and leaf.case_sensitive and unknown:
        known = ", ".join(map(repr, names[:20]))
        raise BadQuery("filters", f"the site has no goal {unknown[0][:100]!r}; it has {known}")


def _only(given: Query) -> None:
    kept = [name for name in given.dimensions if name not in catalog.BUCKETS]
    if (
        len(given.only) > MOST_ROWS
        or any(len(values) != len(kept) for values in given.only)
        or (given.only and not kept)
    ):
        raise BadQuery("only", f"at most {MOST_ROWS} rows, each with a value of every dimension but buckets of time")


def _exit_rate(given: Query) -> None:
    pages = [name for name in given.dimensions if name in _PAGES]
    if len(pages) != 1:
        raise BadQuery("metrics", "exit_rate is of pages: group by visit:exit_page or by event:page")
    allowed = {dimensions.PAGE} & {*pages}
    if any(name.startswith("event:") for name in {*given.dimensions} - allowed):
        raise BadQuery("dimensions", "with exit_rate, only one page and dimensions of visits and time")
    used = {leaf.dimension for leaf in catalog.conditions(given.filter, inside=False)} - allowed
    if dimensions.EXIT_PAGE in used or any(name.startswith("event:") for name in used):
        raise BadQuery("filters", "with exit_rate, filter by dimensions of visits, or by the page that rows are of")
