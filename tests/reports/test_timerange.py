"""Words and instants become ranges; ranges have buckets, also where the clock changes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.reports import timerange
from analytics.reports.query import BadQuery

NOW = dt.datetime(2026, 11, 23, 10, 30, 15, tzinfo=dt.UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("word", "first", "after"),
    [
        ("day", "2026-11-23", "2026-11-24"),
        ("yesterday", "2026-11-22", "2026-11-23"),
        ("7d", "2026-11-16", "2026-11-23"),
        ("28d", "2026-10-26", "2026-11-23"),
        ("30d", "2026-10-24", "2026-11-23"),
        ("91d", "2026-08-24", "2026-11-23"),
        ("3d", "2026-11-20", "2026-11-23"),
        ("month", "2026-11-01", "2026-12-01"),
        ("last_month", "2026-10-01", "2026-11-01"),
        ("6mo", "2026-05-01", "2026-11-01"),
        ("12mo", "2025-11-01", "2026-11-01"),
        ("year", "2026-01-01", "2027-01-01"),
        ("all", "2026-11-23", "2026-11-24"),
    ],
)
def test_a_word_is_a_range_of_whole_days_of_the_zone(word: str, first: str, after: str) -> None:
    clock = ZoneInfo(BERLIN)
    start, end = timerange.resolve(word, BERLIN, NOW)
    assert start == dt.datetime.fromisoformat(first).replace(tzinfo=clock)
    assert end == dt.datetime.fromisoformat(after).replace(tzinfo=clock)


def test_today_is_the_zones_today() -> None:
    start, _ = timerange.resolve("day", "Pacific/Kiritimati", NOW)
    assert start == dt.datetime(2026, 11, 24, tzinfo=ZoneInfo("Pacific/Kiritimati"))


def test_a_rolling_range_ends_with_the_current_minute_so_that_it_can_be_cached() -> None:
    start, end = timerange.resolve("24h", BERLIN, NOW)
    assert (end - start, end) == (dt.timedelta(hours=24), dt.datetime(2026, 11, 23, 10, 31, tzinfo=dt.UTC))
    start, end = timerange.resolve("realtime", BERLIN, NOW)
    assert end - start == dt.timedelta(minutes=30)


def test_all_begins_with_the_first_day_and_never_after_today() -> None:
    assert timerange.resolve("all", "UTC", NOW, dt.date(2024, 2, 29))[0] == dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
    assert timerange.resolve("all", "UTC", NOW, dt.date(2030, 1, 1))[0] == dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "word", ["", "7", "d", "0d", "5001d", "101mo", "-7d", "7D", "day ", "\uff11d", "1\uff11d", "week", "7d\n"]
)
def test_a_word_that_is_none_is_refused_by_name(word: str) -> None:
    with pytest.raises(BadQuery, match="date_range"):
        timerange.resolve(word, "UTC", NOW)


def test_a_pair_of_days_includes_both() -> None:
    start, end = timerange.between("2026-10-24", "2026-10-25", BERLIN)
    assert end - start == dt.timedelta(hours=49)


def test_a_pair_of_times_includes_the_last_second() -> None:
    start, end = timerange.between("2026-11-01T12:00:00+02:00", "2026-11-01T12:59:59+02:00", BERLIN)
    assert end - start == dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-11-02", "2026-11-01"),
        ("2026-02-30", "2026-03-01"),
        ("2026-11-01T12:00:00", "2026-11-01T13:00:00"),
        ("2026-11-01", "2026-11-01T13:00:00Z"),
        ("0001-01-01", "0001-01-02"),
        ("2026-01-01", "9999-12-31"),
        ("x", "y"),
    ],
)
def test_a_pair_that_makes_no_range_is_refused_by_name(first: str, last: str) -> None:
    with pytest.raises(BadQuery, match="date_range"):
        timerange.between(first, last, BERLIN)


def test_a_day_begins_with_its_first_instant_where_midnight_does_not_exist() -> None:
    clock = ZoneInfo("America/Sao_Paulo")
    assert timerange.midnight(dt.date(2018, 11, 4), clock).isoformat() == "2018-11-04T03:00:00+00:00"


def test_a_day_of_23_hours_has_23_buckets_and_one_of_25_hours_has_24_names() -> None:
    spring = timerange.between("2026-03-29", "2026-03-29", BERLIN)
    autumn = timerange.between("2026-10-25", "2026-10-25", BERLIN)
    assert len(timerange.buckets("hour", BERLIN, *spring)) == 23
    assert len(timerange.buckets("hour", BERLIN, *autumn)) == 24


def test_weeks_begin_on_monday_and_months_on_the_first_also_before_the_range() -> None:
    span = timerange.between("2026-10-28", "2026-11-03", "UTC")
    assert [f"{at:%a %d}" for at in timerange.buckets("week", "UTC", *span)] == ["Mon 26", "Mon 02"]
    assert [f"{at:%b %d}" for at in timerange.buckets("month", "UTC", *span)] == ["Oct 01", "Nov 01"]


def test_too_many_buckets_are_refused() -> None:
    span = timerange.between("2025-01-01", "2026-01-01", "UTC")
    with pytest.raises(BadQuery, match="too many"):
        timerange.buckets("minute", "UTC", *span)


@given(
    st.sampled_from(["UTC", BERLIN, "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"]),
    st.integers(0, 18 * 365 * 86_400),
    st.integers(1, 400 * 86_400),
    st.integers(0, 10**6),
)
def test_offsets_are_those_of_the_zone_at_every_instant(zone: str, at: int, length: int, part: int) -> None:
    start = dt.datetime(2011, 12, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=at)
    end = start + dt.timedelta(seconds=length)
    changes = timerange.offsets(zone, start, end)
    probe = start + (end - start) * (part / 10**6)
    known = [offset for since, offset in changes if since <= probe][-1]
    assert known == probe.astimezone(ZoneInfo(zone)).utcoffset()
    assert all(since < end for since, _ in changes)


@given(st.sampled_from(["minute", "hour", "day", "week", "month"]), st.integers(0, 3 * 86_400), st.integers(1, 90_000))
def test_every_instant_of_a_range_lies_in_one_of_its_buckets(
    interval: timerange.Interval, at: int, length: int
) -> None:
    start = dt.datetime(2026, 10, 24, tzinfo=dt.UTC) + dt.timedelta(seconds=at)
    end = start + dt.timedelta(seconds=length)
    found = timerange.buckets(interval, BERLIN, start, end)
    touched = {
        timerange.truncate(
            interval, (start + dt.timedelta(seconds=s)).astimezone(ZoneInfo(BERLIN)).replace(tzinfo=None)
        )
        for s in [*range(0, length, 60), length - 1]
    }
    assert touched == set(found)
    assert found == sorted(found)


def test_the_default_bucket_makes_a_readable_chart() -> None:
    def length(**size: float) -> timerange.Interval:
        return timerange.interval_for(NOW, NOW + dt.timedelta(**size))

    assert [length(minutes=30), length(hours=25), length(days=30), length(days=365)] == [
        "minute",
        "hour",
        "day",
        "month",
    ]
