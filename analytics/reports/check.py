"""What no engine is asked: a Query that means nothing, or too much, is refused here."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.reports import catalog, cold, dimensions, fitting, timerange
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Not, Query

MOST_METRICS = 20
MOST_DIMENSIONS = 9
MOST_CONDITIONS = 100
MOST_VALUES = 1_000
MOST_DEPTH = 10
MOST_ROWS = 250_000
MOST_CHARS = 2_048
OPERATORS = (*catalog.OPERATORS, *catalog.NEGATED)


def query(given: Query) -> None:
    """Raises BadQuery, naming the field, unless the query can be answered."""
    timerange.check(given.start, given.end)
    timerange.zone(given.zone)
    _names("metrics", given.metrics, MOST_METRICS)
    _names("dimensions", given.dimensions, MOST_DIMENSIONS)
    if not given.metrics:
        raise BadQuery("metrics", f"ask for at least one of {', '.join(catalog.METRICS)}")
    for name in given.metrics:
        catalog.metric(name)
    dimensions = [catalog.dimension(name) for name in given.dimensions]
    if sum(dimension.is_bucket for dimension in dimensions) > 1:
        raise BadQuery("dimensions", f"only one of {', '.join(sorted(catalog.BUCKETS))} at a time")
    if interval := bucket(given):
        timerange.buckets(interval, given.zone, given.start, given.end)
    if given.filter is not None:
        tree(given.filter)
    for goal in given.goals:
        tree(goal.filter)
        _text("goals", goal.name)
    fitting.check(given)
    _order(given)
    if not 0 < given.limit <= MOST_ROWS:
        raise BadQuery("limit", f"must lie between 1 and {MOST_ROWS}")
    if not 0 <= given.offset <= 2**31:
        raise BadQuery("offset", "must not be negative")


def bucket(given: Query) -> timerange.Interval | None:
    """The interval of a series: of a query that has one bucket of time as its only dimension."""
    if len(given.dimensions) == 1 and given.dimensions[0] in catalog.BUCKETS:
        return given.dimensions[0].removeprefix("time:")  # type: ignore[return-value]
    return None


def tree(given: Filter) -> None:
    """Raises BadQuery unless a filter has known names and a sensible size."""
    _depth(given, 1)
    leaves = list(catalog.conditions(given))
    if len(leaves) > MOST_CONDITIONS:
        raise BadQuery("filters", f"at most {MOST_CONDITIONS} conditions")
    for leaf in leaves:
        _condition(leaf)


def _depth(given: Filter, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise BadQuery("filters", f"nested deeper than {MOST_DEPTH}")
    match given:
        case Not(of):
            _depth(of, depth + 1)
        case Done(of):
            if any(catalog.dones(of)):
                raise BadQuery("filters", "has_done inside of has_done says nothing more; join its filters with and")
            _depth(of, depth + 1)
        case All(parts) | AnyOf(parts):
            for part in parts:
                _depth(part, depth + 1)
        case Condition():
            pass


def _condition(leaf: Condition) -> None:
    catalog.dimension(leaf.dimension, "filters")
    if leaf.op not in OPERATORS:
        raise BadQuery("filters", f"there is no operator {leaf.op!r}; choose from {', '.join(OPERATORS)}")
    if not 0 < len(leaf.values) <= MOST_VALUES:
        raise BadQuery("filters", f"{leaf.dimension} needs between 1 and {MOST_VALUES} values")
    if "contains" in leaf.op and "" in leaf.values:
        raise BadQuery("filters", f"everything contains the empty text; give {leaf.dimension} values to look for")
    if leaf.dimension == dimensions.GOAL and catalog.positive(leaf.op) == "matches":
        raise BadQuery("filters", "goals are filtered by is, is_not, contains and contains_not")
    for value in (leaf.dimension, *leaf.values):
        _text("filters", value)
    if catalog.positive(leaf.op) == "matches":
        for value in leaf.values:
            _expression(value)


def _expression(value: str) -> None:
    if not value:
        raise BadQuery("filters", "everything matches the empty expression; give one to look for")
    if why := cold.why_no_expression(value):
        raise BadQuery("filters", f"{value[:100]!r} is no regular expression of RE2: {why}")


def _text(field: str, value: str) -> None:
    if len(value) > MOST_CHARS:
        raise BadQuery(field, f"texts are at most {MOST_CHARS} characters long")
    if "\0" in value or not _is_unicode(value):
        raise BadQuery(field, f"{value!r} is no text")


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names(field: str, names: Sequence[str], most: int) -> None:
    if len(names) > most:
        raise BadQuery(field, f"at most {most} at a time")
    if len(set(names)) < len(names):
        raise BadQuery(field, "each name once")
    for name in names:
        _text(field, name)


def _order(given: Query) -> None:
    known = (*given.metrics, *given.dimensions)
    for name, direction in given.order:
        if name not in known:
            raise BadQuery("order_by", f"{name!r} is not asked for; order by one of {', '.join(known)}")
        if direction not in ("asc", "desc"):
            raise BadQuery("order_by", f"{direction!r} is no direction; write asc or desc")
    _names("order_by", [name for name, _ in given.order], MOST_METRICS + MOST_DIMENSIONS)
