"""Plausible's words for dimensions and values, and ours.

Countries and regions have names there, which become codes here; what is not set has a word of its own in each
dimension there, and is `(none)` here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pycountry

from analytics.dashboard import places
from analytics.reports import catalog, check, cold
from analytics.reports.query import BadQuery, Op

_SAME = {"visit:city_name": "visit:city"}
"""Cities are kept by name; there are no numbers of them."""
NAMED = {"visit:country_name": "visit:country", "visit:region_name": "visit:region"}
"""Dimensions whose values are the names of codes."""
DIRECT = "Direct / None"
NOT_SET = "(not set)"
_UNSET = {
    "visit:source": DIRECT,
    "visit:referrer": DIRECT,
    **dict.fromkeys(
        (
            "visit:utm_source", "visit:utm_medium", "visit:utm_campaign", "visit:utm_content", "visit:utm_term",
            "visit:device", "visit:browser", "visit:browser_version", "visit:os", "visit:os_version", "visit:country",
            "visit:region", "visit:city",
        ),
        NOT_SET,
    ),
}  # fmt: skip
_WILDCARD = re.compile(r"\\\*(?:\\\*)?")
_OPERATORS = {"matches_wildcard": "matches", "matches_wildcard_not": "matches_not"}


def ours(name: str) -> str:
    """The dimension of the catalogue."""
    return _SAME.get(name) or NAMED.get(name) or name


def shown(name: str, value: str) -> str:
    """A value of a dimension, by its name there, as Plausible writes it."""
    if value == catalog.NONE:
        return _UNSET.get(ours(name), value)
    return _names(name).get(value, value) if name in NAMED else value


@functools.cache
def _names(name: str) -> Mapping[str, str]:
    """Code → name."""
    if name == "visit:region_name":
        return {region.code: region.name for region in pycountry.subdivisions}
    return places.countries()


def filters(given: Any) -> Any:
    """Filters with our names, operators and values in the place of Plausible's. What is no filter stays as it is:
    `reports.parse` says what is wrong with it. Raises BadQuery."""
    match given:
        case [str(op), str(name), [*values], *more] if op not in ("and", "or"):
            return _condition(op, name, values, more)
        case [str(), str(), *_]:
            return given
        case list():
            return [filters(part) for part in given]
    return given


def _condition(op: str, name: str, values: list[Any], more: list[Any]) -> list[Any]:
    if name == "segment":
        return [op, name, values, *more]
    texts = [str(value) if type(value) is int else value for value in values]
    if not all(isinstance(text, str) for text in texts):
        return [op, ours(name), texts, *more]
    if op in _OPERATORS:
        op, texts = _OPERATORS[op], [wildcard(text) for text in texts]
    if name in NAMED and op in check.OPERATORS and texts and all(texts):
        return _named(op, name, texts, more)
    unset = _UNSET.get(ours(name))
    return [op, ours(name), ["" if text == unset else text for text in texts], *more]


def wildcard(pattern: str) -> str:
    """The expression of a pattern in which `*` stands for anything."""
    return f"^{_WILDCARD.sub('.*', re.escape(pattern))}$"


def _named(op: str, name: str, texts: list[str], more: list[Any]) -> list[Any]:
    """A condition on names as one on the codes that have such names; nothing has the code `-`."""
    ignores_case = bool(more) and isinstance(more[0], dict) and more[0].get("case_sensitive") is False
    positive = catalog.positive(cast(Op, op))
    known = _names(name)
    called = pa.array(known.values())
    codes = {
        code
        for text in texts
        for code, holds in zip(known, _holds(positive, called, text, ignores_case).to_pylist(), strict=True)
        if holds
    }
    if positive == "is" and {catalog.NONE, NOT_SET}.intersection(texts):
        codes.add("")
    return ["is" if op == positive else "is_not", NAMED[name], sorted(codes) or ["-"]]


def _holds(op: Op, called: pa.Array, text: str, ignores_case: bool) -> pa.Array:
    """For each name whether the operator holds. Arrow's expressions are RE2's, which take linear time."""
    if op == "matches" and (why := cold.why_no_expression(text)):
        raise BadQuery("filters", f"{text[:100]!r} is no regular expression of RE2: {why}")
    expression = {"is": f"^{re.escape(text)}$", "contains": re.escape(text)}.get(op, text)
    return pc.match_substring_regex(called, pattern=expression, ignore_case=ignores_case)
