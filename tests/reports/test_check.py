"""What cannot be answered is refused before any engine is asked, and the refusal names the field."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from analytics.reports import check
from analytics.reports.query import BadQuery, Condition, Done, Goal, Query

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
GOALS = (Goal("Sign up", Condition("is", "event:name", ("Sign up",))),)
EXITS: dict[str, Any] = {"metrics": ("exit_rate",), "dimensions": ("visit:exit_page",)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metrics": ()}, "metrics"),
        ({"metrics": ("revenues",)}, "metrics"),
        ({"metrics": ("visits", "visits")}, "metrics"),
        ({"dimensions": ("visit:planet",)}, "dimensions"),
        ({"dimensions": ("time:day", "time:hour")}, "dimensions"),
        ({"dimensions": tuple(f"event:props:{n}" for n in range(10))}, "dimensions"),
        ({"filter": Condition("is", "x", ("1",))}, "filters"),
        ({"filter": Condition("is", "event:page", ())}, "filters"),
        ({"order": (("visits", "asc"),)}, "order_by"),
        ({"order": (("visitors", "up"),)}, "order_by"),
        ({"start": NOW, "end": NOW}, "date_range"),
        ({"start": dt.datetime(2026, 1, 1)}, "date_range"),  # noqa: DTZ001
        ({"start": dt.datetime(1, 1, 2, tzinfo=dt.UTC)}, "date_range"),
        ({"dimensions": ("time:minute",), "start": NOW - 90 * DAY}, "date_range"),
        ({"zone": "Europe/Atlantis"}, "timezone"),
        ({"zone": "../../etc/passwd"}, "timezone"),
        ({"dimensions": ("event:goal",)}, "dimensions"),
        ({"metrics": ("conversion_rate",)}, "metrics"),
        ({"filter": Condition("is", "event:goal", ("Sign up",))}, "filters"),
        ({"filter": Condition("is", "event:goal", ("Nope",)), "goals": GOALS}, "filters"),
        ({"filter": Done(Condition("is", "event:goal", ("Nope",))), "goals": GOALS}, "filters"),
        ({"goals": GOALS * 2}, "goals"),
        ({"goals": (Goal("Loop", Condition("is", "event:goal", ("Loop",))),)}, "goals"),
        ({"goals": (Goal("Bad", Condition("is", "event:nope", ("x",))),)}, "filters"),
        ({"metrics": ("exit_rate",)}, "metrics"),
        ({"metrics": ("exit_rate",), "dimensions": ("event:page", "visit:exit_page")}, "metrics"),
        ({"metrics": ("exit_rate",), "dimensions": ("visit:exit_page", "event:name")}, "dimensions"),
        ({**EXITS, "filter": Condition("is", "event:page", ("/",))}, "filters"),
        ({**EXITS, "filter": Condition("is", "visit:exit_page", ("/",))}, "filters"),
        ({"currency": "euro"}, "currency"),
        ({"dimensions": ("event:page",), "only": (("/", "x"),)}, "only"),
        ({"dimensions": ("time:day",), "only": ((),)}, "only"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
    ],
)
def test_a_question_without_sense_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {
        "site_id": 1, "metrics": ("visitors", "pageviews"), "start": NOW - 10 * DAY, "end": NOW, "zone": "UTC",
    }  # fmt: skip
    check.query(Query(**given))
    with pytest.raises(BadQuery) as refused:
        check.query(Query(**(given | changes)))
    assert refused.value.field == field


@pytest.mark.parametrize("expression", ["(", "a{1001}", "(?=a)", r"(a)\1", "[z-a]", ""])
def test_an_expression_that_is_none_of_re2_is_refused(expression: str) -> None:
    with pytest.raises(BadQuery, match="filters"):
        check.tree(Condition("matches", "event:page", (expression,)))
