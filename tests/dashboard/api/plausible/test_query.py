"""The body of a Stats API query: any JSON is a question or is refused, and the refusal names the field."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.dashboard.api.plausible import including
from analytics.dashboard.api.plausible import query as api
from analytics.reports.query import BadQuery
from analytics.sites.models import Site

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAY = "2026-11-20"
BASE: dict[str, Any] = {"site_id": "example.com", "metrics": ["visitors"], "date_range": [DAY, DAY]}


def ask(body: dict[str, Any]) -> api.Asked:
    api.site_id(body)
    return api.read(body, Site(pk=1, domain="example.com", timezone="Europe/Berlin"), NOW)


def test_the_shortest_question_has_plausibles_defaults() -> None:
    asked = ask(BASE)
    assert (asked.query.limit, asked.query.offset, asked.query.zone) == (10_000, 0, "Europe/Berlin")
    assert asked.query.start == dt.datetime(2026, 11, 19, 23, tzinfo=dt.UTC)
    assert (asked.filters, asked.include, asked.query.filter) == ([], including.Include(), None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site_id": None}, "site_id"),
        ({"site_id": 7}, "site_id"),
        ({"metrics": None}, "metrics"),
        ({"metrics": "visitors"}, "metrics"),
        ({"metrics": []}, "metrics"),
        ({"metrics": ["visitors", "visitors"]}, "metrics"),
        ({"metrics": ["likes"]}, "metrics"),
        ({"metrics": [["visitors"]]}, "metrics"),
        ({"date_range": None}, "date_range"),
        ({"date_range": "fortnight"}, "date_range"),
        ({"date_range": [DAY]}, "date_range"),
        ({"date_range": [DAY, 5]}, "date_range"),
        ({"date_range": ["2026-11-21", DAY]}, "date_range"),
        ({"dimensions": "event:page"}, "dimensions"),
        ({"dimensions": ["event:pages"]}, "dimensions"),
        ({"dimensions": ["time:day", "time:month"]}, "dimensions"),
        ({"filters": {}}, "filters"),
        ({"filters": [["is", "event:page"]]}, "filters"),
        ({"filters": [["is", "event:page", ["\ud800"]]]}, "filters"),
        ({"order_by": [["visits", "asc"]]}, "order_by"),
        ({"order_by": [["visitors", "down"]]}, "order_by"),
        ({"order_by": "visitors"}, "order_by"),
        ({"include": {"everything": True}}, "include"),
        ({"include": {"total_rows": 1}}, "include"),
        ({"include": {"time_labels": True}}, "include"),
        ({"include": {"present_index": True}}, "include"),
        ({"include": {"comparisons": "previous_period"}}, "include"),
        ({"include": {"comparisons": {"mode": "last_week"}}}, "include"),
        ({"include": {"comparisons": {"mode": "custom"}}}, "include"),
        ({"include": {"comparisons": {"mode": "previous_period", "date_range": [DAY, DAY]}}}, "include"),
        ({"include": {"comparisons": {"mode": "previous_period", "match_day_of_week": "yes"}}}, "include"),
        ({"dimensions": ["visit:country", "visit:country_name"]}, "dimensions"),
        ({"filters": [["matches", "visit:country_name", ["("]]]}, "filters"),
        ({"filters": [["like", "visit:country_name", ["E"]]]}, "filters"),
        ({"filters": [["contains", "visit:country_name", [""]]]}, "filters"),
        ({"filters": [["is", "visit:country_name", []]]}, "filters"),
        ({"pagination": {"limit": 0}}, "pagination"),
        ({"pagination": {"limit": 10_001}}, "pagination"),
        ({"pagination": {"limit": "10"}}, "pagination"),
        ({"pagination": {"limit": True}}, "pagination"),
        ({"pagination": {"offset": -1}}, "pagination"),
        ({"pagination": {"page": 1}}, "pagination"),
        ({"periods": 1}, "periods"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (BASE | changes).items() if value is not None}
    with pytest.raises(BadQuery) as refused:
        ask(body)
    assert refused.value.field == field


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(api.KEYS), _JSON))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_is_a_question_or_refused(body: dict[str, Any]) -> None:
    field = ""
    try:
        ask(BASE | body)
    except BadQuery as error:
        field = error.field
    assert field in ("", *api.KEYS)
