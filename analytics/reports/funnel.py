"""How many visitors take steps one after another, and what they do instead.

A step is taken by an event that its filter holds for, later than an event that took the step before: at any time or
within one, directly after it or with others between. In a closed funnel only what follows the first step counts; in
an open one visitors may enter at any step. A visitor counts once in a step, whichever of the ways through was gone.
Engagement pings are no events here: they neither take steps nor stand between them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from analytics.events import ENGAGEMENT
from analytics.reports import beside, cache, catalog, check, currency, dimensions, goals, parse, run, sql
from analytics.reports.fragments import Dialect, Fragments
from analytics.reports.query import All, Answer, AnyOf, BadQuery, Filter, Query, Row
from analytics.reports.sql import Statement
from analytics.store import db

MOST_STEPS = 10
MOST_NEXT = 100
LONGEST = dt.timedelta(days=366)
_SHAPES = db.statements(__file__)


@dataclass(frozen=True, slots=True)
class Step:
    filter: Filter
    directly: bool = False
    """No other event of the visitor lies between the step before and this."""
    within: dt.timedelta | None = None
    """At most so long after the step before."""


@dataclass(frozen=True, slots=True)
class Funnel:
    query: Query
    """Its metrics and order are not looked at. Its filter says which events there are. Its dimensions group visitors
    by what they had in the first event that entered the funnel; its limit bounds the groups."""
    steps: tuple[Step, ...]
    is_open: bool = False


def answer(funnel: Funnel, data_version: int, now: dt.datetime) -> Answer:
    """The visitors of each step: all, then by the dimensions, the largest groups first. The metrics of a row are, for
    each step, the visitors who took it, and those of them who went on to the next (0 at the last); the first row has no
    dimensions. Raises what `cache.answer` raises."""
    check_funnel(funnel)
    question = _question(funnel)

    def words(given: Sequence[Sequence[Any]]) -> tuple[Row, ...]:
        total, *groups = given
        return Row((), _numbers(funnel, total)), *(_row(funnel, row) for row in groups)

    def make() -> Answer:
        return run.statement(question, lambda query, dialect: compose(_of(funnel, query), dialect), words, now)

    name = cache.key(question, data_version, *_named(funnel))
    return cache.through(cache.Asked(question, name, make, now))


@dataclass(frozen=True, slots=True)
class Then:
    """What comes after a step."""

    dimension: str
    """`event:…`: its values are told of the next events."""
    most: int = 5
    """So many values of each step."""


def after(funnel: Funnel, then: Then, data_version: int, now: dt.datetime) -> Answer:
    """What visitors did directly after they first took each step, where that did not take the next one. A row has two
    dimensions, the step (from 0) and a value of their next event, and one metric, the visitors; the most frequent of
    each step first. Raises what `cache.answer` raises."""
    check_funnel(funnel)
    if not then.dimension.startswith("event:") or then.dimension == dimensions.GOAL:
        raise BadQuery("next", f"{then.dimension!r} is not of single events; choose event:name or event:page")
    if not 0 < then.most <= MOST_NEXT:
        raise BadQuery("limit", f"must lie between 1 and {MOST_NEXT}")
    catalog.dimension(then.dimension)
    question = _question(funnel)

    def words(given: Sequence[Sequence[Any]]) -> tuple[Row, ...]:
        return tuple(Row((str(step), value), (visitors,)) for step, value, visitors in given)

    def make() -> Answer:
        return run.statement(
            question, lambda query, dialect: compose_after(_of(funnel, query), dialect, then), words, now
        )

    name = cache.key(question, data_version, *_named(funnel), then.dimension, then.most)
    return cache.through(cache.Asked(question, name, make, now))


def _named(funnel: Funnel) -> tuple[object, ...]:
    """What a funnel is besides its question."""
    own = funnel.query.filter
    steps = [
        (parse.as_list(step.filter), step.directly, step.within.total_seconds() if step.within else None)
        for step in funnel.steps
    ]
    return "funnel", funnel.is_open, steps, parse.as_list(own) if own else None


def _row(funnel: Funnel, row: Sequence[Any]) -> Row:
    words = zip(funnel.query.dimensions, row, strict=False)
    return Row(tuple(format(value, catalog.dimension(name).form) for name, value in words), _numbers(funnel, row))


def _numbers(funnel: Funnel, row: Sequence[Any]) -> tuple[int, ...]:
    return tuple(map(int, row[len(funnel.query.dimensions) :]))


def _question(funnel: Funnel) -> Query:
    """The query whose events the funnel reads: those that take any step, when no others matter to it."""
    filters = (*([funnel.query.filter] if funnel.query.filter else []), AnyOf(tuple(s.filter for s in funnel.steps)))
    return replace(funnel.query, metrics=("visitors",), order=(), only=(), filter=All(filters))


def _of(funnel: Funnel, query: Query) -> Funnel:
    """The funnel over the range that is asked for in the end."""
    return replace(funnel, query=replace(query, filter=funnel.query.filter))


def check_funnel(funnel: Funnel) -> None:
    """Raises BadQuery, naming the field, unless the funnel can be answered."""
    steps = funnel.steps
    if not 0 < len(steps) <= MOST_STEPS:
        raise BadQuery("steps", f"a funnel has between 1 and {MOST_STEPS} steps")
    if steps[0].directly or steps[0].within is not None:
        raise BadQuery("steps", "the first step follows none: it can be neither directly after nor within a time")
    if any(step.within is not None and not dt.timedelta() < step.within <= LONGEST for step in steps):
        raise BadQuery("steps", f"a time must be positive and at most {LONGEST.days} days")
    question = _question(funnel)
    check.query(question)
    if any(any(catalog.dones(step.filter)) for step in steps):
        raise BadQuery("steps", "has_done is of whole visits; a step is taken by one event")
    used = {leaf.dimension for leaf in catalog.conditions(question.filter)} | set(question.dimensions)
    if dimensions.EXIT_PAGE in used or dimensions.GOAL in question.dimensions:
        raise BadQuery("dimensions", "funnels know no exit pages, and are not grouped by goals")
    for leaf in (leaf for step in steps for leaf in catalog.conditions(step.filter)):
        if leaf.dimension == "event:name" and leaf.op == "is" and ENGAGEMENT in leaf.values:
            raise BadQuery("steps", "engagement pings take no steps; name another event")


# --- the statements -------------------------------------------------------------------------------------------------


def compose(funnel: Funnel, dialect: Dialect) -> Statement:
    """The statement that gives the total, then the groups: their dimensions, and two numbers for each step but the
    last, which has one number and 0."""
    write = _writer(funnel, dialect)
    last = len(funnel.steps)
    every = any(step.directly for step in funnel.steps)
    names = [f"d{index}" for index in range(len(funnel.query.dimensions))]
    relations = _taken(write, funnel, (write.keys(write.ts()), every))
    facts = [f"bool_or(o.s{n}) AS s{n}" for n in range(1, last + 1)]
    facts += [f"bool_or(o.f{n}) AS f{n}" for n in range(2, last + 1)]
    relations["u"] = _SHAPES["u"].format(steps=", ".join(facts), relation=f"o{last}")
    counts = ", ".join(_counts(funnel))
    if not names:
        return _framed(write, relations, _SHAPES["whole"].format(counts=counts))
    entering = range(1, last + 1 if funnel.is_open else 2)
    relations["v"] = _SHAPES["v"].format(
        names=", ".join(f"o.{name}" for name in names),
        relation=f"o{last}",
        enters=" OR ".join(f"o.s{n}" for n in entering),
    )
    are_times = [catalog.dimension(name).scope == "time" for name in funnel.query.dimensions]
    ties = [name if is_time else f'{name} COLLATE "C"' for name, is_time in zip(names, are_times, strict=True)]
    rows = _SHAPES["groups"].format(
        names=", ".join(names), counts=counts, ties=", ".join(ties), limit=write.value(funnel.query.limit + 1)
    )
    return _framed(write, relations, rows)


def compose_after(funnel: Funnel, dialect: Dialect, then: Then) -> Statement:
    """The statement that gives for each step the most frequent next values: step, value, visitors."""
    write = _writer(funnel, dialect)
    last = len(funnel.steps)
    column = write.column(catalog.dimension(then.dimension))
    relations = _taken(write, funnel, ([f"{catalog.SHOWN.format(column=column)} AS n"], True))
    leads = [f"lead(o.f{n}) OVER (PARTITION BY o.visitor ORDER BY o.ts, o.hit) AS g{n}" for n in range(2, last + 1)]
    relations["z"] = _SHAPES["z"].format(leads=", ".join(leads) or "FALSE AS g1", relation=f"o{last}")
    most = write.value(then.most)
    parts = [
        _SHAPES["next"].format(
            number=n - 1, reached=_reached(funnel, n), goes_on=f"z.g{n + 1}" if n < last else "FALSE", limit=most
        )
        for n in range(1, last + 1)
    ]
    return _framed(write, relations, _SHAPES["ranked"].format(parts=" UNION ALL ".join(parts)))


def _writer(funnel: Funnel, dialect: Dialect) -> Fragments:
    return Fragments(_question(funnel), dialect, funnel.query.start, funnel.query.end)


def _taken(write: Fragments, funnel: Funnel, more: tuple[list[str], bool]) -> dict[str, str]:
    """Relations o1, o2 …, which say of each event the steps that it takes. `more`: further columns, and whether events
    matter that take none."""
    columns, every = more
    ts = write.ts()
    write.plain("visitor_id"), write.plain("hit_id"), write.plain("name")
    holding = [f"({_holds(write, step.filter, ts)}) AS s{n}" for n, step in enumerate(funnel.steps, 1)]
    wanted = funnel.query.filter if every else write.query.filter
    matching = write.also(goals.tests(replace(write.query, filter=wanted)).own, ts)
    low = write.instant(write.low)
    relations = beside.before(write, False, currency.NONE)
    relations["o1"] = _SHAPES["o"].format(
        columns=", ".join([*holding, *columns]),
        read=beside.source(write, False),
        low=low,
        high=write.instant(write.high),
        matching=matching,
    )
    for n, step in enumerate(funnel.steps[1:], 2):
        relations[f"o{n}"] = _SHAPES["step"].format(
            number=n,
            before=_reached(funnel, n - 1),
            back="1" if step.directly else "UNBOUNDED",
            since=low if step.within is None else f"o.ts - {write.value(step.within)}",
            relation=f"o{n - 1}",
        )
    return relations


def _holds(write: Fragments, tree: Filter, instant: str) -> str:
    plain = goals.tests(replace(write.query, filter=tree)).own
    return write.holds(plain or tree, instant)


def _reached(funnel: Funnel, number: int) -> str:
    """The column that says whether a step, from 1, is taken."""
    return f"s{number}" if number == 1 or funnel.is_open else f"f{number}"


def _counts(funnel: Funnel) -> list[str]:
    counts = []
    for n in range(1, len(funnel.steps) + 1):
        counts.append(f"count(*) FILTER (WHERE u.{_reached(funnel, n)})")
        counts.append(f"count(*) FILTER (WHERE u.f{n + 1})" if n < len(funnel.steps) else "0")
    return counts


def _framed(write: Fragments, relations: dict[str, str], rows: str) -> Statement:
    listed = [f"e AS NOT MATERIALIZED ({sql.events(write)})", *(f"{name} AS ({r})" for name, r in relations.items())]
    text = _SHAPES["answer"].format(relations=", ".join(listed), rows=rows)
    return Statement(text, tuple(write.parameters), frozenset(write.raw))
