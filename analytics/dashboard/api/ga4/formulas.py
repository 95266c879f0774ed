"""Metric expressions such as `eventCount/activeUsers`: numbers, names of metrics, + - * / and brackets."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from analytics.dashboard.api.ga4.names import Number
from analytics.reports.query import BadQuery

MOST_CHARS = 500
MOST_DEPTH = 20
Formula = Callable[[Mapping[str, Number]], Number]
"""The value of a row with these metrics, by GA4's names."""

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b if b else 0.0,
}


def read(text: str, field: str) -> tuple[Formula, tuple[str, ...]]:
    """The formula and the names of metrics in it. Raises BadQuery."""
    try:
        if len(text) > MOST_CHARS:
            raise ValueError
        tree = ast.parse(text, mode="eval").body
        seen: list[str] = []
        return _formula(tree, seen, MOST_DEPTH), tuple(dict.fromkeys(seen))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise BadQuery(field, "must be made of metrics, numbers, + - * / and brackets") from None


def _formula(tree: ast.expr, seen: list[str], depth: int) -> Formula:
    if not depth:
        raise ValueError("too deep")
    match tree:
        case ast.Constant(int() | float() as number) if not isinstance(number, bool):
            return lambda row: number
        case ast.Name(name):
            seen.append(name)
            return lambda row: row[name] or 0
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            compute = _OPERATORS[type(operator)]
            one, other = _formula(left, seen, depth - 1), _formula(right, seen, depth - 1)
            return lambda row: compute(one(row) or 0, other(row) or 0)
    raise ValueError("not allowed")
