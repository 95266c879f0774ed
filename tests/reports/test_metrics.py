"""Revenue, scrolling, entries, exits and unfinished buckets, counted by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from analytics.lake import export
from analytics.reports import catalog, currency, run
from analytics.reports.query import Answer, BadQuery, Condition, Query
from analytics.sites import models
from analytics.store import rates
from tests import builders

pytestmark = pytest.mark.database

NOW = builders.NOW + dt.timedelta(hours=1)
TODAY = builders.NOW.date()
DAY = dt.timedelta(days=1)
ANNA, BERT = {"ip": "81.2.69.142"}, {"ip": "89.160.20.112"}


def page(path: str, **more: Any) -> dict[str, Any]:
    return {"url": f"https://example.com{path}", **more}


def order(amount: str, code: str, **more: Any) -> dict[str, Any]:
    return page("/paid", name="purchase", revenue={"amount": amount, "currency": code}, **more)


def query(site: models.Site, *metrics: str, **more: Any) -> Query:
    given: dict[str, Any] = {"start": builders.NOW - 10 * DAY, "end": builders.NOW + DAY, "zone": "UTC"}
    return Query(site.pk, metrics, **(given | more))


def answered(given: Query) -> Answer:
    """By both engines alike."""
    long, short = run.answer(given, NOW), run.answer(replace(given, start=NOW - DAY), NOW)
    assert (long.engine, short.engine) == ("duckdb", "timescaledb")
    assert (short.rows, short.warning, short.currency) == (long.rows, long.warning, long.currency)
    return long


def numbers(given: Query) -> list[tuple[Any, ...]]:
    return [(*row.dimensions, *row.metrics) for row in answered(given).rows]


# --- revenue ---


def test_revenue_of_one_currency_stays_as_it_is(site: models.Site, record: Callable[..., Any]) -> None:
    record([order("0.10", "USD", **ANNA), order("0.20", "USD", **ANNA), order("19.9999", "USD", **BERT), page("/")])
    asked = query(site, "total_revenue", "average_revenue", "orders", "buyers")
    found = answered(asked)
    assert found.rows[0].metrics == (20.2999, 20.2999 / 3, 3, 2)
    assert (found.currency, found.warning) == ("USD", "")


def test_revenue_is_converted_with_the_rate_of_the_day(site: models.Site, record: Callable[..., Any]) -> None:
    rates.load(["Date,USD,JPY", f"{TODAY},1.25,160", f"{TODAY - 3 * DAY},2,N/A"])
    record([order("10", "USD"), order("10", "EUR"), order("320", "JPY")])
    assert numbers(query(site, "total_revenue", currency="EUR")) == [(8 + 10 + 2,)]
    assert numbers(query(site, "total_revenue", currency="USD")) == [(10 + 12.5 + 2.5,)]
    by_currency = query(site, "total_revenue", "orders", currency="EUR", dimensions=("event:currency",))
    assert numbers(by_currency) == [("EUR", 10, 1), ("USD", 8, 1), ("JPY", 2, 1)]


def test_a_day_without_a_rate_takes_the_last_before_it(site: models.Site, record: Callable[..., Any]) -> None:
    rates.load(["Date,USD", f"{TODAY + DAY},9", f"{TODAY - 3 * DAY},2", f"{TODAY - 9 * DAY},7"])
    record([order("10", "USD")])
    assert numbers(query(site, "total_revenue", currency="EUR")) == [(5,)]


def test_orders_without_a_rate_are_left_out_and_told(site: models.Site, record: Callable[..., Any]) -> None:
    rates.load(["Date,USD", f"{TODAY + DAY},2"])
    record([order("10", "USD"), order("10", "USD"), order("3", "XTS"), order("4", "EUR")])
    found = answered(query(site, "total_revenue", "average_revenue", "orders", currency="EUR"))
    assert found.rows[0].metrics == (4, 4, 4)
    assert found.warning == "Orders without a rate to EUR are not in the revenue: 2 in USD, 1 in XTS."


def test_several_currencies_need_one_to_add_them_up_in(site: models.Site, record: Callable[..., Any]) -> None:
    record([order("10", "USD"), order("10", "EUR")])
    with pytest.raises(BadQuery, match="currency: the orders are in EUR, USD"):
        run.answer(query(site, "total_revenue"), NOW)
    only = query(site, "total_revenue", filter=Condition("is", "event:currency", ("USD",)))
    assert (answered(only).rows[0].metrics, answered(only).currency) == ((10,), "USD")


def test_without_orders_revenue_is_nothing_and_has_no_mean(site: models.Site, record: Callable[..., Any]) -> None:
    record([page("/")])
    assert numbers(query(site, "total_revenue", "average_revenue", "orders")) == [(0, None, 0)]
    days = query(site, "total_revenue", dimensions=("time:day",), start=builders.NOW - DAY)
    assert [row.metrics for row in run.answer(days, NOW).rows] == [(0,)] * 3


def test_revenue_in_the_lake_and_beyond_it_is_added_up_exactly(site: models.Site, record: Callable[..., Any]) -> None:
    record([order("0.1", "EUR")] * 3)
    export.export("hits"), export.export("events")
    record([order("0.1", "EUR", at=builders.NOW + dt.timedelta(minutes=1))])
    assert numbers(query(site, "total_revenue")) == [(0.4,)]


def test_a_rate_goes_by_way_of_the_euro() -> None:
    known = {"USD": [(TODAY, Decimal("1.25"))], "JPY": [(TODAY, Decimal("160"))]}
    assert currency.factor(known, "JPY", "USD", TODAY) == Decimal("0.0078125")
    assert currency.factor(known, "USD", "EUR", TODAY) == Decimal("0.8")
    assert currency.factor(known, "XTS", "EUR", TODAY) is None
    assert currency.factor(known, "XTS", "XTS", TODAY) == 1
    assert currency.factor(known, "USD", "EUR", TODAY - DAY) is None
    absurd = {"XTS": [(TODAY, Decimal("1e-9"))]}
    assert currency.factor(absurd, "XTS", "EUR", TODAY) is None


# --- pages ---

WALK = [
    page("/", **ANNA), page("/a", **ANNA), page("/", **ANNA),
    page("/a", **BERT), page("/b", **BERT), page("/a", name="click", **BERT),
]  # fmt: skip


def test_entries_and_exits_are_visits_that_began_and_ended_there(site: models.Site, record: Callable[..., Any]) -> None:
    record(WALK)
    asked = query(site, "entries", "exits", "exit_rate", "pageviews", dimensions=("event:page",))
    assert sorted(numbers(asked)) == [("/", 1, 1, 50.0, 2), ("/a", 1, 0, 0.0, 2), ("/b", 0, 1, 100.0, 1)]
    assert sorted(numbers(query(site, "exits", "exit_rate", dimensions=("visit:exit_page",)))) == [
        ("/", 1, 50.0),
        ("/b", 1, 100.0),
    ]
    assert numbers(query(site, "entries", "exits", "bounces", "engaged_visits")) == [(2, 2, 0, 2)]


def test_scroll_depth_is_the_mean_of_how_far_each_visitor_came(site: models.Site, record: Callable[..., Any]) -> None:
    def scrolled(path: str, percent: int, who: dict[str, str]) -> dict[str, Any]:
        return page(path, name="engagement", scroll=percent, engagement_ms=1500, **who)

    record(
        [*WALK, scrolled("/a", 20, ANNA), scrolled("/a", 60, ANNA), scrolled("/a", 100, BERT), scrolled("/b", 10, BERT)]
    )
    depth = numbers(query(site, "scroll_depth", dimensions=("event:page",)))
    assert dict(depth) == {"/": None, "/a": 80.0, "/b": 10.0}
    assert numbers(query(site, "scroll_depth", "engagement_seconds")) == [(80.0, 6.0)]


# --- unfinished buckets ---


def test_the_bucket_that_contains_now_is_marked(site: models.Site, record: Callable[..., Any]) -> None:
    record([page("/")])

    def incomplete(**more: Any) -> tuple[str, ...]:
        return run.answer(query(site, "visitors", **more), NOW).incomplete

    assert incomplete(dimensions=("time:day",)) == ("2026-11-20",)
    assert incomplete(dimensions=("time:month", "event:page")) == ("2026-11-01",)
    assert incomplete(dimensions=("time:hour",), zone="Asia/Kathmandu", start=NOW - DAY) == ("2026-11-20 18:00:00",)
    assert incomplete(dimensions=("time:day",), end=NOW) == ()
    assert incomplete(dimensions=("time:day", "event:page"), filter=Condition("is", "event:page", ("/x",))) == ()
    assert incomplete(dimensions=("time:weekday",)) == ()
    assert incomplete() == ()


def test_every_metric_has_an_answer(site: models.Site, record: Callable[..., Any]) -> None:
    record(WALK)
    given = query(
        site, *(set(catalog.METRICS) - {"exit_rate"} - {name for name in catalog.METRICS if "conver" in name})
    )
    for start in range(0, len(given.metrics), 20):
        assert answered(replace(given, metrics=given.metrics[start : start + 20])).rows
