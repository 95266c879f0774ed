"""The pieces of one statement: placeholders, the columns it reads, its dimensions and its filter as SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analytics.reports import catalog, dimensions, goals, timerange
from analytics.reports.dimensions import Dimension
from analytics.reports.query import All, AnyOf, Condition, Done, Filter, Not, Query

LONGEST_VISIT = dt.timedelta(hours=24)
MOST_LISTED = 1_000
"""Values that are looked for one by one."""
LONGEST_IDLE = dt.timedelta(hours=8)
"""An event that comes late can lie before the start of its visit, by the idle time at most (7 h 55 min)."""
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine says what the two do not say alike. Everything else is one text."""

    instant: str
    """`{column}`, a timestamptz, as UTC without zone."""
    property: str
    """The value of `{key}` in props."""
    key: Callable[[str], str]
    """A property's key as the parameter that `property` takes."""
    lower: str
    """`{text}` in lower case, for the whole of Unicode."""
    last: str
    """The path of the latest event of a group, of those that `{filter}` leaves."""


TIMESCALEDB = Dialect(
    instant="{column} AT TIME ZONE 'UTC'",
    property="props ->> CAST({key} AS text)",
    key=lambda key: key,
    lower='lower(CAST({text} AS text) COLLATE "pg_c_utf8")',
    last="(array_agg(e.path ORDER BY e.ts DESC, e.hit_id DESC){filter})[1]",
)
DUCKDB = Dialect(
    instant="make_timestamp(epoch_us({column}))",  # plain arithmetic: five times as fast as its AT TIME ZONE
    property="json_extract_string(props, {key})",
    key=lambda key: "/" + key.replace("~", "~0").replace("/", "~1"),  # a pointer: a path would interpret the key
    lower="lower({text})",
    last="arg_max(e.path, (e.ts, e.hit_id)){filter}",  # without sorting: three times as fast as an ordered DISTINCT ON
)


@dataclass
class Fragments:
    """Collects what a statement needs while its pieces are written."""

    query: Query
    dialect: Dialect
    low: dt.datetime
    """Events of [low, high) are read."""
    high: dt.datetime
    parameters: list[Any] = field(default_factory=list)
    read: dict[str, str] = field(default_factory=dict)
    """Columns of `e`: alias → SQL over the table."""
    raw: set[str] = field(default_factory=set)
    """Columns of the table."""
    tests: goals.Tests = field(init=False)
    dones: tuple[Filter, ...] = field(init=False)
    """What visits must have done; relation `h0` has the visits that did the first, and so on."""

    def __post_init__(self) -> None:
        self.tests = goals.tests(self.query)
        self.dones = goals.dones(self.tests)

    def value(self, given: Any) -> str:
        """The placeholder of a value; equal values share one."""
        for index, known in enumerate(self.parameters, 1):
            if known == given and type(known) is type(given):
                return f"${index}"
        self.parameters.append(given)
        return f"${len(self.parameters)}"

    def instant(self, at: dt.datetime) -> str:
        """The placeholder of an instant, as UTC without zone."""
        return self.value(at.astimezone(dt.UTC).replace(tzinfo=None))

    def plain(self, name: str) -> str:
        """A column of `e` as it is stored."""
        return self._column(name, name, name)

    def stored(self, name: str) -> str:
        """A column of `e`, times as UTC without zone."""
        return self.ts() if name == "ts" else self.plain(name)

    def ts(self) -> str:
        return self._column("ts", "ts", self.dialect.instant.format(column="ts"))

    def started(self) -> str:
        raw = "visit_started_at"
        return self._column("started", raw, self.dialect.instant.format(column=raw))

    def _column(self, alias: str, raw: str, sql: str) -> str:
        self.read[alias] = f"{sql} AS {alias}"
        self.raw.add(raw)
        return f"e.{alias}"

    def column(self, dimension: Dimension) -> str:
        """The stored text of a dimension, never null; of `e`, or of `x` for the exit page."""
        if dimension.name == catalog.EXIT_PAGE:
            return "coalesce(x.exit_path, '')"
        if dimension.name == dimensions.GOAL:
            return "g.goal"
        if not dimension.name.startswith(catalog.PROPS):
            return dimension.text.format(sql=self.plain(dimension.column))
        key = self.value(self.dialect.key(dimension.column))
        got = self.dialect.property.format(key=key)
        return self._column(f"prop_{key[1:]}", "props", f"coalesce({got}, '')")

    def local(self, instant: str) -> str:
        """An instant's local time in the query's zone: UTC plus the offset that holds at that instant."""
        changes = timerange.offsets(self.query.zone, self.low, self.high)
        *before, (_, last) = [
            (self.instant(until) if until else "", self.value(offset))
            for (_, offset), (until, _) in zip(changes, [*changes[1:], (None, None)], strict=True)
        ]
        cases = " ".join(f"WHEN {instant} < {until} THEN {offset}" for until, offset in before)
        return f"({instant} + CASE {cases} ELSE {last} END)" if cases else f"({instant} + {last})"

    def keys(self, instant: str, per_visit: bool = False, instead: Mapping[str, str] = NOTHING) -> list[str]:
        """The dimensions as columns d0, d1 … to group by; `per_visit`: where `e` is grouped by visit; `instead`: other
        dimensions in the place of some, "" for none."""
        wanted = [(index, instead.get(name, name)) for index, name in enumerate(self.query.dimensions)]
        return [
            f"{self._key(catalog.dimension(name), instant, per_visit)} AS d{index}" for index, name in wanted if name
        ]

    def _key(self, dimension: Dimension, instant: str, per_visit: bool) -> str:
        if dimension.scope == "time":
            return dimension.column.format(local=self.local(f"min({instant})" if per_visit else instant))
        column = self.column(dimension)
        return catalog.SHOWN.format(column=f"any_value({column})" if per_visit else column)

    def matching(self, instant: str) -> str:
        """The query's filter as a further condition on `e` (and `x`); its time dimensions are of `instant`."""
        return self.also(self.tests.own, instant)

    def also(self, tree: Filter | None, instant: str) -> str:
        """A filter as a further condition."""
        return f" AND ({self.holds(tree, instant)})" if tree else ""

    def given(self, instant: str) -> str:
        """That an event is of rows that are given, as a further condition, as far as its own values tell."""
        kept = [name for name in self.query.dimensions if name not in catalog.BUCKETS]
        said = ""
        for name, values in zip(kept, zip(*self.query.only, strict=True), strict=True) if self.query.only else ():
            dimension, wanted = catalog.dimension(name), dict.fromkeys(values)
            if dimension.scope == "time" or name in dimensions.APART or len(wanted) > MOST_LISTED:
                continue
            listed = [*wanted, ""] if catalog.NONE in wanted else list(wanted)
            said += f" AND {self._text(dimension, instant)} IN ({', '.join(map(self.value, listed))})"
        return said

    def reached(self, instant: str) -> list[str]:
        """For each goal that rows and metrics are about: that an event reaches it."""
        return [f"({self.holds(goal.filter, instant)})" for goal in self.tests.wanted]

    def holds(self, tree: Filter, instant: str) -> str:
        """A filter as SQL."""
        match tree:
            case Condition():
                return self._condition(tree, instant)
            case Not(of):
                return f"NOT ({self.holds(of, instant)})"
            case All(parts):
                return " AND ".join(f"({self.holds(part, instant)})" for part in parts) or "TRUE"
            case AnyOf(parts):
                return " OR ".join(f"({self.holds(part, instant)})" for part in parts) or "FALSE"
            case Done(of, negated):
                return f"h{self.dones.index(of)}.visit_id IS {'NULL' if negated else 'NOT NULL'}"

    def _condition(self, leaf: Condition, instant: str) -> str:
        if leaf.op in catalog.NEGATED:
            positive = Condition(catalog.NEGATED[leaf.op], leaf.dimension, leaf.values, leaf.case_sensitive)
            return f"NOT ({self._condition(positive, instant)})"
        column = self._text(catalog.dimension(leaf.dimension, "filters"), instant)
        values = [value or catalog.NONE for value in leaf.values]
        if leaf.op == "matches" or any(value.lower() in catalog.NONE for value in values):
            column = catalog.SHOWN.format(column=column)
        if leaf.op == "matches":
            return self._matches(column, leaf)
        if not leaf.case_sensitive:
            column = self.dialect.lower.format(text=column)
        return " OR ".join(
            catalog.OPERATORS[leaf.op].format(column=column, value=self._cased(value, leaf)) for value in values
        )

    def _matches(self, column: str, leaf: Condition) -> str:
        case = "'c'" if leaf.case_sensitive else "'i'"
        form = catalog.OPERATORS["matches"]
        return " OR ".join(form.format(column=column, value=self.value(each), case=case) for each in leaf.values)

    def _text(self, dimension: Dimension, instant: str) -> str:
        if dimension.scope != "time":
            return self.column(dimension)
        sql = dimension.column.format(local=self.local(instant))
        return dimension.text.format(sql=f"CAST({sql} AS varchar)")

    def _cased(self, value: str, leaf: Condition) -> str:
        placeholder = self.value(value)
        return placeholder if leaf.case_sensitive else self.dialect.lower.format(text=placeholder)
