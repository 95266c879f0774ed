"""Filters as lists of the Stats API and as values of an address, there and back."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.reports import catalog, check, parse
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Not, Op

_names = st.one_of(
    st.sampled_from(sorted(catalog.DIMENSIONS)),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20).map(
        lambda key: catalog.PROPS + key
    ),
)
_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def _leaf(op: Op, dimension: str, values: list[str], cased: bool) -> Condition:
    given = [value or "x" if "is" not in op.split("_") else value for value in values]
    if "matches" in op:
        dimension, given = dimension.replace("event:goal", "event:name"), [re.escape(value) for value in given]
    return Condition(op, dimension, tuple(given), cased)


_leaves = st.builds(
    _leaf, st.sampled_from(check.OPERATORS), _names, st.lists(_values, min_size=1, max_size=4), st.booleans()
)
_trees: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(_leaves, _leaves, st.builds(Done, _leaves, st.booleans())),
    lambda inner: st.one_of(
        st.builds(lambda parts: All(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: AnyOf(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


@given(_trees)
def test_a_filter_survives_the_address(tree: Filter) -> None:
    assert parse.filter_of(parse.filter_text(tree)) == tree


@given(_trees)
def test_a_filter_survives_the_stats_api(tree: Filter) -> None:
    assert parse.filters([parse.as_list(tree)]) == tree


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with contextlib.suppress(BadQuery):
        parse.filter_of(text)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["and", "is", "not", "event:page"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    )
)
def test_any_json_is_a_list_of_filters_or_refused(given: Any) -> None:
    with contextlib.suppress(BadQuery):
        parse.filters(given)


def test_a_simple_condition_reads_well_in_an_address() -> None:
    condition = Condition("is", "visit:country", ("DE", "FR"))
    assert parse.filter_text(condition) == "visit:country:is:DE,FR"
    assert parse.filter_text(Condition("contains_not", "event:page", ("a,b\\",))) == r"event:page:contains_not:a\,b\\"


def test_several_filters_must_all_hold() -> None:
    first = ["is", "visit:country", ["DE"]]
    second = [
        "or",
        [["is", "event:page", ["/"]], ["not", ["contains", "visit:source", ["g"], {"case_sensitive": False}]]],
    ]
    assert parse.filters([]) is None
    assert parse.filters([first, second]) == All(
        (
            Condition("is", "visit:country", ("DE",)),
            AnyOf((Condition("is", "event:page", ("/",)), Not(Condition("contains", "visit:source", ("g",), False)))),
        )
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        [1],
        ["is", "event:page", ["/"]],
        [["is", "event:page", "/"]],
        [["is", "event:page", []]],
        [["is", "event:page", [1]]],
        [["is", "event:page", ["/"], {"case": True}]],
        [["is", "event:page", ["/"], {"case_sensitive": 1}]],
        [["is", "event:page", ["/"], {}, {}]],
        [["is", "visit_id", ["1"]]],
        [["is", "event:props:", ["1"]]],
        [["equals", "event:page", ["/"]]],
        [["and", []]],
        [["xor", [["is", "event:page", ["/"]]]]],
        [["is", "event:page", ["\0"]]],
        [["matches", "event:goal", ["a"]]],
        [["has_done", ["has_done", ["is", "event:page", ["/"]]]]],
        [["has_done", ["and", [["has_not_done", ["is", "event:page", ["/"]]]]]]],
        [["has_done", [["is", "event:page", ["/"]]]]],
        [["is", "segment", [1]]],
        [["is", "event:page", ["\ud800"]]],
        [["contains", "event:page", [""]]],
        [["is", "event:page", ["x" * 3000]]],
        [["is", "event:page", ["x"] * 1001]],
        [["and", [["is", "event:page", ["x"]]] * 101]],
    ],
)
def test_what_is_no_filter_is_refused(wrong: Any) -> None:
    with pytest.raises(BadQuery) as refused:
        parse.filters(wrong)
    assert refused.value.field == "filters"


def test_a_deep_filter_is_refused() -> None:
    deep: Any = ["is", "event:page", ["/"]]
    for _ in range(5000):
        deep = ["not", deep]
    with pytest.raises(BadQuery, match="deeper"):
        parse.filters([deep])
    with pytest.raises(BadQuery):
        parse.filter_of("[" * 100_000)
