"""Which range another is compared with, and which rows stand side by side. The days were counted in a calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics.reports import comparison, timerange
from analytics.reports.comparison import Mode
from analytics.reports.query import Answer, BadQuery, Query, Row

LATER = dt.datetime(2027, 6, 1, tzinfo=dt.UTC)
BY_DATE = Mode(match_day_of_week=False)
YEAR = Mode("year_over_year", match_day_of_week=False)


def local(text: str, zone: str = "Europe/Berlin") -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def query(start: str, end: str, zone: str = "Europe/Berlin", **more: Any) -> Query:
    return Query(1, ("visitors",), local(start, zone), local(end, zone), zone, **more)


def other(given: Query, mode: Mode, now: dt.datetime = LATER) -> tuple[str, str]:
    found = comparison.against(given, mode, now)
    clock = ZoneInfo(given.zone)
    return tuple(f"{at.astimezone(clock):%Y-%m-%d %H:%M}" for at in (found.start, found.end))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("start", "end", "mode", "wanted"),
    [
        # Monday 2 to Sunday 8 November 2026
        ("2026-11-02", "2026-11-09", Mode(), ("2026-10-26 00:00", "2026-11-02 00:00")),
        # one Wednesday: the one before, not the day before
        ("2026-11-25", "2026-11-26", Mode(), ("2026-11-18 00:00", "2026-11-19 00:00")),
        ("2026-11-25", "2026-11-26", BY_DATE, ("2026-11-24 00:00", "2026-11-25 00:00")),
        # Thursday 1 to Saturday 31 October, over the change of the clock: four weeks, or 31 days before
        ("2026-10-01", "2026-11-01", Mode(), ("2026-09-03 00:00", "2026-10-04 00:00")),
        ("2026-10-01", "2026-11-01", BY_DATE, ("2026-08-31 00:00", "2026-10-01 00:00")),
        # not whole days: what lies just before
        ("2026-11-25 10:00", "2026-11-25 10:30", Mode(), ("2026-11-25 09:30", "2026-11-25 10:00")),
        ("2026-11-24 10:00", "2026-11-25 10:00", Mode(), ("2026-11-17 10:00", "2026-11-18 10:00")),
        ("2026-11-24 10:00", "2026-11-25 10:00", BY_DATE, ("2026-11-23 10:00", "2026-11-24 10:00")),
        # the day of 25 hours
        ("2026-10-25", "2026-10-26", BY_DATE, ("2026-10-24 00:00", "2026-10-25 00:00")),
        # a year before: the same dates, or from the same weekday on
        ("2026-11-02", "2026-11-09", YEAR, ("2025-11-02 00:00", "2025-11-09 00:00")),
        ("2026-11-02", "2026-11-09", Mode("year_over_year"), ("2025-11-03 00:00", "2025-11-10 00:00")),
        ("2024-02-29", "2024-03-01", YEAR, ("2023-02-28 00:00", "2023-03-01 00:00")),
        ("2024-02-28", "2024-02-29", YEAR, ("2023-02-28 00:00", "2023-03-01 00:00")),
        ("2024-02-01", "2024-03-01", YEAR, ("2023-02-01 00:00", "2023-03-01 00:00")),
        ("2025-02-28", "2025-03-01", YEAR, ("2024-02-28 00:00", "2024-02-29 00:00")),
        ("2024-02-29 06:00", "2024-02-29 18:00", YEAR, ("2023-02-28 06:00", "2023-02-28 18:00")),
    ],
)
def test_a_range_is_compared_with(start: str, end: str, mode: Mode, wanted: tuple[str, str]) -> None:
    assert other(query(start, end), mode) == wanted


def test_a_custom_range_is_taken_as_it_is() -> None:
    mode = Mode("custom", start=local("2026-01-01"), end=local("2026-01-15"))
    assert other(query("2026-11-02", "2026-11-09"), mode) == ("2026-01-01 00:00", "2026-01-15 00:00")
    with pytest.raises(BadQuery, match="needs a range"):
        comparison.against(query("2026-11-02", "2026-11-09"), Mode("custom"), LATER)
    with pytest.raises(BadQuery, match="before"):
        comparison.against(query("2026-11-02", "2026-11-09"), replace(mode, end=mode.start), LATER)


def test_an_unfinished_range_is_compared_with_the_same_part() -> None:
    now = local("2026-11-26 15:30")
    assert other(query("2026-11-26", "2026-11-27"), BY_DATE, now) == ("2026-11-25 00:00", "2026-11-25 15:30")
    assert other(query("2026-11-01", "2026-12-01"), YEAR, now) == ("2025-11-01 00:00", "2025-11-26 15:30")
    custom = Mode("custom", start=local("2026-03-01"), end=local("2026-04-01"))
    assert other(query("2026-11-01", "2026-12-01"), custom, now) == ("2026-03-01 00:00", "2026-03-26 15:30")
    short = Mode("custom", start=local("2026-03-01"), end=local("2026-03-03"))
    assert other(query("2026-11-01", "2026-12-01"), short, now) == ("2026-03-01 00:00", "2026-03-03 00:00")
    assert other(query("2026-11-27", "2026-11-28"), BY_DATE, now) == ("2026-11-26 00:00", "2026-11-27 00:00")


def test_the_same_part_of_a_day_of_another_length_ends_at_the_same_time_of_the_clock() -> None:
    # 25 October 2026 has 25 hours in Berlin: 15:30 is 16.5 hours after midnight there.
    assert other(query("2026-10-26", "2026-10-27"), BY_DATE, local("2026-10-26 15:30")) == (
        "2026-10-25 00:00",
        "2026-10-25 15:30",
    )


@given(
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Beirut"]),
    st.dates(dt.date(2012, 1, 5), dt.date(2026, 11, 1)),
    st.integers(1, 40),
    st.sampled_from([Mode(), BY_DATE, YEAR, Mode("year_over_year")]),
)
def test_whole_days_are_compared_with_whole_days(zone: str, first: dt.date, days: int, mode: Mode) -> None:
    clock, last = ZoneInfo(zone), first + dt.timedelta(days=days)
    given = Query(1, ("visits",), timerange.midnight(first, clock), timerange.midnight(last, clock), zone)
    found = comparison.against(given, mode, LATER)
    begin, end = found.start.astimezone(clock).date(), found.end.astimezone(clock).date()
    assert (found.start, found.end) == (timerange.midnight(begin, clock), timerange.midnight(end, clock))
    assert begin < first
    if mode.match_day_of_week:
        assert begin.weekday() == first.weekday()
    if mode.kind == "previous_period" or mode.match_day_of_week:
        assert (end - begin).days == days
    else:
        assume(not (first.month == 2 and first.day == 29))
        assert (begin.month, begin.day) == (first.month, first.day)


# --- rows ---


def answer(*rows: tuple[tuple[str, ...], tuple[float | None, ...]]) -> Answer:
    return Answer(tuple(Row(*row) for row in rows), "duckdb", LATER)


def side_by_side(given: Query, new: Answer, before: Query, old: Answer) -> list[Any]:
    return [
        (one.row.dimensions, one.old and one.old.metrics, one.change)
        for one in comparison.matched(given, new, before, old)
    ]


def test_rows_are_matched_by_their_values() -> None:
    given = query("2026-11-02", "2026-11-09", dimensions=("visit:source", "visit:device"))
    new = answer((("Google", "Mobile"), (30, 1.5)), (("Bing", "Mobile"), (5, None)), (("X", "TV"), (3, 2.0)))
    old = answer((("X", "TV"), (0, 1.0)), (("Google", "Mobile"), (20, 3.0)), (("Google", "TV"), (9, 9.0)))
    assert side_by_side(given, new, given, old) == [
        (("Google", "Mobile"), (20, 3.0), (0.5, -0.5)),
        (("Bing", "Mobile"), None, (None, None)),
        (("X", "TV"), (0, 1.0), (None, 1.0)),
    ]


def test_days_are_matched_by_position() -> None:
    given = query("2026-11-02", "2026-11-04", dimensions=("time:day",))
    before = comparison.against(given, Mode(), LATER)
    new = answer((("2026-11-02",), (10,)), (("2026-11-03",), (8,)))
    old = answer((("2026-10-26",), (5,)), (("2026-10-27",), (4,)))
    assert side_by_side(given, new, before, old) == [(("2026-11-02",), (5,), (1.0,)), (("2026-11-03",), (4,), (1.0,))]


def test_months_are_matched_by_position_though_they_differ_in_length() -> None:
    given = query("2026-02-01", "2026-04-01", dimensions=("visit:source", "time:month"))
    before = replace(given, start=local("2025-12-01"), end=local("2026-02-01"))
    new = answer((("a", "2026-02-01"), (2,)), (("a", "2026-03-01"), (6,)))
    old = answer((("a", "2025-12-01"), (1,)), (("a", "2026-01-01"), (3,)))
    assert [change for _, _, change in side_by_side(given, new, before, old)] == [(1.0,), (1.0,)]


def test_hours_are_matched_by_the_clock_where_a_day_lacks_one() -> None:
    # 29 March 2026 has no hour from 02:00 to 03:00 in Berlin.
    given = query("2026-03-30", "2026-03-31", dimensions=("time:hour",))
    before = comparison.against(given, BY_DATE, LATER)
    new = answer(*(((f"2026-03-30 0{hour}:00:00",), (hour,)) for hour in (1, 2, 3)))
    old = answer(*(((f"2026-03-29 0{hour}:00:00",), (hour * 2,)) for hour in (1, 3)))
    assert side_by_side(given, new, before, old) == [
        (("2026-03-30 01:00:00",), (2,), (-0.5,)),
        (("2026-03-30 02:00:00",), None, (None,)),
        (("2026-03-30 03:00:00",), (6,), (-0.5,)),
    ]


def test_the_other_range_is_asked_for_the_rows_of_the_first() -> None:
    given = query("2026-11-02", "2026-11-09", dimensions=("time:day", "visit:source"), limit=2, offset=4)
    found = comparison.of_rows(given, answer((("2026-11-02", "a"), (1,)), (("2026-11-03", "a"), (1,))))
    assert (found.only, found.offset) == ((("a",),), 0)
