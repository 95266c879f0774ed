"""GA4's filters: those of dimensions as a filter of the query, those of metrics as a test of rows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.dashboard.api.ga4 import names, times, values
from analytics.dashboard.api.ga4.names import Dimension, Number
from analytics.reports import check, cold, timerange
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Filter, Not, Op

_MATCH = {
    1: "EXACT", 2: "BEGINS_WITH", 3: "ENDS_WITH", 4: "CONTAINS", 5: "FULL_REGEXP", 6: "PARTIAL_REGEXP",
}  # fmt: skip
_OPERATION = {
    1: "EQUAL", 2: "LESS_THAN", 3: "LESS_THAN_OR_EQUAL", 4: "GREATER_THAN", 5: "GREATER_THAN_OR_EQUAL",
}  # fmt: skip
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "EQUAL": lambda a, b: a == b,
    "LESS_THAN": lambda a, b: a < b,
    "LESS_THAN_OR_EQUAL": lambda a, b: a <= b,
    "GREATER_THAN": lambda a, b: a > b,
    "GREATER_THAN_OR_EQUAL": lambda a, b: a >= b,
}
MOST_DEPTH = check.MOST_DEPTH
_KINDS = ("andGroup", "orGroup", "notExpression", "filter")
_TESTS = ("stringFilter", "inListFilter", "numericFilter", "betweenFilter", "emptyFilter")
Span = tuple[dt.datetime, dt.datetime, str]
"""Start, end, time zone."""
Holds = Callable[[Mapping[str, Number]], bool]
"""Whether a row with these metrics, by GA4's names, stays."""


@dataclass(frozen=True, slots=True)
class Test:
    """What is asked of a dimension's value."""

    op: Op
    values: tuple[str, ...]
    case_sensitive: bool

    def holding(self, words: Iterable[str]) -> set[str]:
        """Those of these words that it holds for."""
        listed = list(words)
        if self.op == "matches":
            return {word for pattern in self.values for word in cold.matching(listed, pattern, self.case_sensitive)}
        wanted = [self._cased(value) for value in self.values]
        if self.op == "is":
            return {word for word in listed if self._cased(word) in wanted}
        return {word for word in listed if any(value in self._cased(word) for value in wanted)}

    def _cased(self, word: str) -> str:
        return word if self.case_sensitive else word.lower()


def dimensions(given: Any, span: Span, field: str = "dimensionFilter") -> Filter | None:
    """A `dimensionFilter`, or a filter that looks like one, over events of a span. Raises BadQuery."""
    if given is None:
        return None
    tree = _tree(given, field, 1, span)
    check.tree(tree)
    return tree


def _tree(given: Any, field: str, depth: int, span: Span) -> Filter:
    kind, value = _only(given, field, _KINDS, depth)
    if kind == "notExpression":
        return Not(_tree(value, f"{field}.{kind}", depth + 1, span))
    if kind == "filter":
        return _leaf(value, f"{field}.{kind}", span)
    parts = tuple(_tree(part, f"{field}.{kind}", depth + 1, span) for part in _expressions(value, f"{field}.{kind}"))
    return All(parts) if kind == "andGroup" else AnyOf(parts)


def _only(given: Any, field: str, keys: Sequence[str], depth: int) -> tuple[str, Any]:
    found = values.known(given, field, keys)
    if depth > MOST_DEPTH:
        raise BadQuery(field, f"nested deeper than {MOST_DEPTH}")
    if len(found) != 1:
        raise BadQuery(field, f"must have one of {', '.join(keys)}")
    return next(iter(found.items()))


def _expressions(given: Any, field: str) -> list[Any]:
    found = values.items(values.known(given, field, ("expressions",)), "expressions", check.MOST_CONDITIONS)
    if not found:
        raise BadQuery(field, "must have expressions")
    return found


def _leaf(given: Any, field: str, span: Span) -> Filter:
    leaf = values.known(given, field, ("fieldName", *_TESTS))
    dimension = names.dimension(values.text(leaf, "fieldName", field), f"{field}.fieldName")
    kind, value = _only({key: leaf[key] for key in leaf if key != "fieldName"}, field, _TESTS, 1)
    if kind in ("numericFilter", "betweenFilter"):
        raise BadQuery(f"{field}.{kind}", "is for metrics; texts take a stringFilter or inListFilter")
    return _on(dimension, _test(kind, value, f"{field}.{kind}"), field, span)


def _test(kind: str, given: Any, field: str) -> Test:
    if kind == "emptyFilter":
        return Test("is", ("", names.NOT_SET), True)
    if kind == "inListFilter":
        found = values.known(given, field, ("values", "caseSensitive"))
        wanted = values.items(found, "values", check.MOST_VALUES)
        if not wanted or not all(isinstance(value, str) for value in wanted):
            raise BadQuery(field, "must have values, all of them texts")
        return Test("is", tuple(wanted), values.flag(found, "caseSensitive"))
    found = values.known(given, field, ("matchType", "value", "caseSensitive"))
    return _string(values.enum(found, "matchType", field, _MATCH), field, found)


def _string(match: str, field: str, given: values.Body) -> Test:
    value = values.text(given, "value", field)
    case = values.flag(given, "caseSensitive")
    if not value:
        raise BadQuery(field, "must have a value; what is not set is found by an emptyFilter")
    if match.endswith("REGEXP") and (why := cold.why_no_expression(value)):
        raise BadQuery(field, f"{value[:100]!r} is no regular expression of RE2: {why}")
    patterns = {
        "BEGINS_WITH": f"^(?:{re.escape(value)})",
        "ENDS_WITH": f"(?:{re.escape(value)})$",
        "FULL_REGEXP": f"^(?:{value})$",
        "PARTIAL_REGEXP": value,
    }
    if match in patterns:
        return Test("matches", (patterns[match],), case)
    return Test("is" if match == "EXACT" else "contains", (value,), case)


def _on(dimension: Dimension, test: Test, field: str, span: Span) -> Filter:
    if not dimension.parts:
        raise BadQuery(field, f"{dimension.name} is the same everywhere; leave it out")
    if len(dimension.parts) > 1:
        return _joined(dimension, test, field)
    (part,) = dimension.parts
    if dimension.form == "minutesAgo":
        raise BadQuery(field, "choose minutes by minuteRanges")
    if dimension.form:
        start, end, zone = span
        local = start.astimezone(timerange.zone(zone)).replace(tzinfo=None)
        words = {one: times.shown(dimension.form, one, local) for one in times.buckets(part, zone, start, end)}
        held = test.holding(words.values())
        return _among(part, [one for one, word in words.items() if word in held])
    return _words(part, dimension.shown, test)


def _among(part: str, chosen: Sequence[str]) -> Filter:
    return Condition("is", part, tuple(chosen)) if chosen else AnyOf(())


def _words(part: str, shown: Mapping[str, str], test: Test) -> Filter:
    """The test on values as they are stored, and on those that are called otherwise."""
    plain = (
        All(
            (
                Condition(test.op, part, test.values, test.case_sensitive),
                Condition("is_not", part, tuple(shown)),
            )
        )
        if shown
        else Condition(test.op, part, test.values, test.case_sensitive)
    )
    held = test.holding(shown.values())
    chosen = tuple(stored for stored, word in shown.items() if word in held)
    return AnyOf((plain, Condition("is", part, chosen))) if chosen else plain


def _joined(dimension: Dimension, test: Test, field: str) -> Filter:
    if test.op != "is" or not dimension.joined:
        raise BadQuery(field, f"filter {dimension.name} by whole values (EXACT, inListFilter), or by its parts")
    found: list[Filter] = []
    for value in test.values:
        pieces = value.split(dimension.joined, len(dimension.parts) - 1)
        if len(pieces) == len(dimension.parts):
            each = (
                _words(part, names.missing(part), Test("is", (piece,), test.case_sensitive))
                for part, piece in zip(dimension.parts, pieces, strict=True)
            )
            found.append(All(tuple(each)))
    return AnyOf(tuple(found))


def metrics(given: Any) -> tuple[Holds | None, tuple[str, ...]]:
    """A `metricFilter` as a test of rows, and the metrics that it looks at. Raises BadQuery."""
    if given is None:
        return None, ()
    seen: list[str] = []
    return _rows(given, "metricFilter", 1, seen), tuple(dict.fromkeys(seen))


def _rows(given: Any, field: str, depth: int, seen: list[str]) -> Holds:
    kind, value = _only(given, field, _KINDS, depth)
    if kind == "notExpression":
        inner = _rows(value, f"{field}.{kind}", depth + 1, seen)
        return lambda row: not inner(row)
    if kind == "filter":
        return _figure(value, f"{field}.{kind}", seen)
    parts = [_rows(part, f"{field}.{kind}", depth + 1, seen) for part in _expressions(value, f"{field}.{kind}")]
    joined = all if kind == "andGroup" else any
    return lambda row: joined(part(row) for part in parts)


def _figure(given: Any, field: str, seen: list[str]) -> Holds:
    leaf = values.known(given, field, ("fieldName", *_TESTS))
    name = values.text(leaf, "fieldName", field)
    seen.append(name)
    kind, value = _only({key: leaf[key] for key in leaf if key != "fieldName"}, field, _TESTS, 1)
    if kind == "betweenFilter":
        ends = values.known(value, f"{field}.{kind}", ("fromValue", "toValue"))
        low, high = (values.amount(ends.get(end), f"{field}.{kind}.{end}") for end in ("fromValue", "toValue"))
        return lambda row: low <= (row[name] or 0) <= high
    if kind != "numericFilter":
        raise BadQuery(f"{field}.{kind}", "is for dimensions; metrics take a numericFilter or betweenFilter")
    found = values.known(value, f"{field}.{kind}", ("operation", "value"))
    compared = _COMPARED[values.enum(found, "operation", f"{field}.{kind}", _OPERATION)]
    bound = values.amount(found.get("value"), f"{field}.{kind}.value")
    return lambda row: compared(row[name] or 0, bound)
