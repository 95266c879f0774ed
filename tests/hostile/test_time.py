"""G. Times (catalogue 99 to 114)."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

import pytest

from tests.hostile.running import Pool, Row

pytestmark = pytest.mark.flow
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
SLACK = dt.timedelta(seconds=20)
"""Between the clock of the test and that of the pool lies the time of a request."""


def ago(**span: float) -> str:
    """A moment so long ago, as clients write it."""
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**span)).isoformat()


def offset(row: Row | str) -> dt.timedelta:
    """How much before the request an event is said to have happened."""
    assert isinstance(row, dict), row
    moved: dt.timedelta = row["received_at"] - row["ts"]
    return moved


def test_99_without_a_time_it_happened_now(pool: Pool) -> None:
    for given in ({}, {"timestamp": None}, {"timestamp": ""}):
        row = pool.one(**given)
        assert offset(row) == dt.timedelta()
        assert isinstance(row, dict)
        assert row["flags"] == ""


@pytest.mark.parametrize(
    ("span", "moved"),
    [
        pytest.param({"minutes": -9}, None, id="100-9-minutes-ahead"),
        pytest.param({"minutes": -11}, -10 * MINUTE, id="100-11-minutes-ahead"),
        pytest.param({"hours": -23}, -10 * MINUTE, id="100-23-hours-ahead"),
        pytest.param({"days": -365 * 50}, -10 * MINUTE, id="100-50-years-ahead"),
        pytest.param({"hours": 71}, None, id="101-71-hours-ago"),
        pytest.param({"hours": 73}, 72 * HOUR, id="101-73-hours-ago"),
        pytest.param({"days": 365 * 20}, 72 * HOUR, id="101-20-years-ago"),
    ],
)
def test_a_time_is_moved_into_the_allowed_range_and_flagged(
    pool: Pool, span: dict[str, float], moved: dt.timedelta | None
) -> None:
    row = pool.one(timestamp=ago(**span))
    assert abs(offset(row) - (moved if moved is not None else dt.timedelta(**span))) < SLACK
    assert isinstance(row, dict)
    assert row["flags"] == ("" if moved is None else "clamped")


def test_101_with_a_secret_key_the_past_stands_and_the_future_does_not(pool: Pool) -> None:
    headers = {"Authorization": f"Bearer {pool.secret_key}"}
    old, ahead, ancient = pool.ones(
        [
            {"timestamp": "2024-02-29T23:59:59.999999Z"},
            {"timestamp": ago(hours=-1)},
            {"timestamp": "1971-01-01T00:00Z"},
        ],
        headers,
    )
    assert isinstance(old, dict)
    assert (old["ts"], old["flags"]) == (dt.datetime(2024, 2, 29, 23, 59, 59, 999999, dt.UTC), "")
    assert abs(offset(ahead) + 10 * MINUTE) < SLACK
    assert isinstance(ancient, dict)
    # Reports reach no further back.
    assert (ancient["ts"], ancient["flags"]) == (dt.datetime(1990, 1, 1, tzinfo=dt.UTC), "clamped")


@pytest.mark.parametrize(
    ("number", "moved"),
    [
        pytest.param(0, 72 * HOUR, id="102-zero"),
        pytest.param(-1, 72 * HOUR, id="102-negative"),
        pytest.param(-62135596800, 72 * HOUR, id="102-year-1"),
        pytest.param(10**18, -10 * MINUTE, id="102-10-to-18"),
        pytest.param(2**63, -10 * MINUTE, id="102-2-to-63"),
        pytest.param(-(2**63) - 1, 72 * HOUR, id="102-below-int8"),
        pytest.param(1e308, -10 * MINUTE, id="102-1e308"),
        pytest.param(-1e308, 72 * HOUR, id="102-minus-1e308"),
        pytest.param(10**300, -10 * MINUTE, id="102-10-to-300"),
    ],
)
def test_a_number_from_a_clock_that_is_wrong_is_clamped(pool: Pool, number: float, moved: dt.timedelta) -> None:
    row = pool.one(timestamp=number)
    assert abs(offset(row) - moved) < SLACK
    assert isinstance(row, dict)
    assert row["flags"] == "clamped"


@pytest.mark.parametrize(
    ("unit", "moved"),
    [
        pytest.param(1, HOUR, id="103-seconds"),
        pytest.param(10**3, HOUR, id="103-milliseconds"),
        pytest.param(10**6, HOUR, id="103-microseconds"),
        pytest.param(10**9, -10 * MINUTE, id="103-nanoseconds-are-no-unit"),
    ],
)
def test_the_unit_of_a_number_is_seen_by_its_size(pool: Pool, unit: int, moved: dt.timedelta) -> None:
    row = pool.one(timestamp=int((time.time() - 3600) * unit))
    assert abs(offset(row) - moved) < SLACK


NO_MOMENTS = {
    "104": ["infinity", "-infinity", "now", "today", "tomorrow", "yesterday", "epoch", "allballs", "NaN", "x", " "],
    "105": ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z",
            "294276-12-31T23:59:59Z", "-0001-01-01T00:00:00Z", "2100-01-02T00:00:00Z", "1969-12-31T23:59:59Z"],
    "106": ["2024-02-30T00:00:00Z", "2026-11-20T24:00:00Z", "2016-12-31T23:59:60Z", "2026-13-01T00:00:00Z"],
    "107": ["2026-11-20T00:00:00+16:00", "2026-11-20T00:00:00+15:59", "2026-11-20T00:00:00+14:01",
            "2026-11-20T00:00:00-99:99", "2026-11-20T00:00:00 Europe/Tallinn", "2026-11-20T00:00:00 UTC"],
    "109": ["01/02/2024", "Jan 1 2024", "20240101", "2024-01-01", "2026-W47-5", "Thu, 20 Nov 2026 08:00:00 GMT"],
    "113": ["2025-02-29T00:00:00Z", "2100-02-29T00:00:00Z"],
    "114": ["1.7e9", "1700000000", "0x65536180"],
}  # fmt: skip


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=f"{number}-{text!a}") for number, texts in NO_MOMENTS.items() for text in texts]
)
def test_what_is_no_moment_costs_its_own_event_alone(pool: Pool, text: str) -> None:
    answer = pool.send({"name": "x"}, {"name": "x", "timestamp": text}, {"name": "x"})
    assert answer.codes == {1: "bad_timestamp"}


@pytest.mark.parametrize("value", [True, [], {}], ids=lambda value: f"114-{value}")
def test_a_time_of_another_type_is_refused(pool: Pool, value: object) -> None:
    assert pool.one(timestamp=value) == "bad_field"


def test_107_and_108_offsets_count_and_without_one_it_is_utc(pool: Pool) -> None:
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0) - HOUR
    spellings = [
        moment.astimezone(dt.timezone(shift)).isoformat()
        for shift in (14 * HOUR, -14 * HOUR, dt.timedelta(hours=5, minutes=45), dt.timedelta())
    ]
    spellings += [
        moment.strftime("%Y-%m-%dT%H:%M:%S"),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        moment.strftime("%Y-%m-%dT%H:%M:%Sz"),
    ]
    found = {
        row["ts"] if isinstance(row, dict) else row for row in pool.ones([{"timestamp": text} for text in spellings])
    }
    assert found == {moment}


def test_112_the_hour_that_comes_twice_is_told_apart_by_its_offset(pool: Pool) -> None:
    headers = {"Authorization": f"Bearer {pool.secret_key}"}
    first, second = pool.ones(
        [{"timestamp": "2026-10-25T02:30:00+02:00"}, {"timestamp": "2026-10-25T02:30:00+01:00"}], headers
    )
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert second["ts"] - first["ts"] == HOUR


def test_114_a_fraction_of_a_second_is_kept_to_the_microsecond(pool: Pool) -> None:
    whole = int(time.time()) - 3600
    row = pool.one(timestamp=whole + 0.123456)
    assert isinstance(row, dict)
    assert abs((row["ts"] - dt.datetime.fromtimestamp(whole, dt.UTC)).total_seconds() - 0.123456) < 1e-5


@pytest.mark.parametrize(
    ("sent_at", "said", "moved"),
    [
        pytest.param({"hours": 5}, {"hours": 6}, HOUR, id="110-five-hours-slow"),
        pytest.param({"hours": -5}, {"hours": -4}, HOUR, id="110-five-hours-fast"),
        pytest.param({"days": 5 * 365}, {"days": 5 * 365, "hours": 1}, HOUR, id="110-five-years-slow"),
        pytest.param({"hours": 3}, {"hours": 1}, HOUR, id="110-sent-before-it-happened"),
        pytest.param({"days": 365 * 50}, {"hours": 1}, HOUR, id="110-sent-50-years-before"),
        pytest.param({"hours": -5}, {"days": 365}, 72 * HOUR, id="110-a-year-between-them"),
    ],
)
def test_a_wrong_clock_is_corrected_by_when_it_sent(
    pool: Pool, sent_at: dict[str, float], said: dict[str, float], moved: dt.timedelta
) -> None:
    mark = str(uuid.uuid4())
    event = {"name": "x", "event_id": mark, "timestamp": ago(**said)}
    assert pool.send(event, sent_at=ago(**sent_at)).status == 202
    assert abs(offset(pool.event(mark)) - moved) < SLACK


@pytest.mark.parametrize("sent_at", ["now", "infinity", "0000-00-00", "x" * 1000], ids=lambda text: f"110-{text[:12]}")
def test_a_clock_that_says_nonsense_stops_the_request(pool: Pool, sent_at: str) -> None:
    answer = pool.send({"name": "x"}, sent_at=sent_at)
    assert (answer.status, answer.code) == (400, "bad_timestamp")


def test_110_a_clock_of_1970_corrects_nothing(pool: Pool) -> None:
    mark = str(uuid.uuid4())
    pool.send({"name": "x", "event_id": mark, "timestamp": ago(hours=1)}, sent_at=0)
    assert abs(offset(pool.event(mark)) - HOUR) < SLACK


def test_111_a_clock_that_goes_back_gives_no_visit_of_negative_length(pool: Pool) -> None:
    visitor = str(uuid.uuid4())
    spans: list[dict[str, Any]] = [{"minutes": 1}, {"minutes": 5}, {"minutes": 3}, {"hours": 1}, {"minutes": -5}]
    pool.ones([{"visitor_id": visitor, "timestamp": ago(**span), "url": "/back"} for span in spans])
    pool.ones([{"visitor_id": visitor, "timestamp": ago(minutes=90), "url": "/back"}])
    rows = pool.rows("event.path = $1", ["/back"])
    assert len(rows) == 6
    started: dict[int, dt.datetime] = {}
    for row in rows:
        assert row["visit_started_at"] <= row["ts"] + dt.timedelta(hours=2)
        started.setdefault(row["visit_id"], row["visit_started_at"])
        assert started[row["visit_id"]] == row["visit_started_at"]


def test_the_last_and_the_first_moment_of_a_day_are_stored(pool: Pool) -> None:
    midnight = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [midnight - dt.timedelta(microseconds=1), midnight, midnight + dt.timedelta(microseconds=1)]
    rows = pool.ones([{"timestamp": moment.isoformat()} for moment in moments])
    assert [row["ts"] for row in rows if isinstance(row, dict)] == moments


def test_121_the_time_of_a_version_7_uuid_is_only_part_of_its_id(pool: Pool) -> None:
    mark = "ffffffff-ffff-7fff-bfff-" + uuid.uuid4().hex[:12]
    assert pool.send({"name": "x", "event_id": mark}).json["accepted"] == 1
    assert offset(pool.event(mark)) == dt.timedelta()
