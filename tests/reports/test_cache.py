"""Answers are kept as long as they are true, computed once at a time, and never wrong without the cache."""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analytics.reports import cache, run, shelf
from analytics.reports.query import All, Answer, AnyOf, BadQuery, Condition, Query, Row
from tests import processes

pytestmark = pytest.mark.database

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SECOND, MINUTE, DAY = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


def query(**changes: Any) -> Query:
    given: dict[str, Any] = {
        "site_id": 1, "metrics": ("visitors",), "start": NOW - 7 * DAY, "end": NOW + DAY, "zone": "UTC",
    }  # fmt: skip
    return Query(**(given | changes))


class Engine:
    """Stands where `run.answer` does and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.seconds = 0.0
        self.warning = ""
        self.error: Exception | None = None

    def __call__(self, query: Query, now: dt.datetime) -> Answer:
        self.asked += 1
        number = self.asked
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        rows = (Row(("ä", "(none)"), (number, None, 1.5)),)
        return Answer(rows, "duckdb", now, (1, 2), self.warning, 7)


@pytest.fixture
def engine(stores: None, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(run, "answer", made)
    return made


def number(given: Query, now: dt.datetime, version: int = 1) -> Any:
    return cache.answer(given, version, now).rows[0].metrics[0]


def test_an_answer_comes_back_as_it_was_and_says_that_it_was_kept(engine: Engine) -> None:
    first = cache.answer(query(), 1, NOW)
    second = cache.answer(query(), 1, NOW + SECOND)
    assert (first.cached, second.cached) == (False, True)
    assert second == Answer(first.rows, "duckdb", NOW, (1, 2), "", 7, cached=True)


@pytest.mark.parametrize(
    ("end", "lives"), [(DAY, 30 * SECOND), (-DAY, 5 * MINUTE), (-4.3 * DAY, 5 * MINUTE), (-4.4 * DAY, DAY)]
)
def test_the_nearer_the_end_of_a_range_the_shorter_its_answer_lives(
    engine: Engine, end: dt.timedelta, lives: dt.timedelta
) -> None:
    given = query(start=NOW - 9 * DAY, end=NOW + end)
    assert [number(given, NOW), number(given, NOW + lives - SECOND), number(given, NOW + lives)] == [1, 1, 2]


def test_an_answer_of_before_the_end_of_the_range_is_not_final_after_it(engine: Engine) -> None:
    given = query(end=NOW + SECOND)
    assert [number(given, NOW), number(given, NOW + 31 * SECOND)] == [1, 2]


def test_an_answer_that_is_not_whole_lives_shortly(engine: Engine) -> None:
    engine.warning = "the lake is away"
    given = query(start=NOW - 60 * DAY, end=NOW - 30 * DAY)
    assert [number(given, NOW), number(given, NOW + 31 * SECOND)] == [1, 2]


def test_a_new_data_version_or_another_question_is_computed_anew(engine: Engine) -> None:
    one, two = Condition("is", "event:page", ("a", "b")), Condition("is", "event:page", ("a",))
    different = [
        (query(), 1), (query(), 2), (query(site_id=2), 1), (query(with_bots=True), 1), (query(filter=one), 1),
        (query(filter=two), 1), (query(filter=All((one, two))), 1), (query(filter=AnyOf((one, two))), 1),
    ]  # fmt: skip
    assert [number(given, NOW, version) for given, version in different] == list(range(1, 9))
    assert [number(given, NOW, version) for given, version in different] == list(range(1, 9))


def test_200_callers_at_once_cost_one_computation(engine: Engine) -> None:
    engine.seconds = 0.3
    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda _: number(query(), NOW), range(200)))
    assert (set(found), engine.asked) == ({1}, 1)


def test_a_stale_answer_is_served_while_it_is_renewed_but_not_after_half_an_hour(engine: Engine) -> None:
    number(query(), NOW)
    engine.seconds = 1.0
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: number(query(), NOW + MINUTE), range(20))) == {1}
    processes.wait_until(lambda: number(query(), NOW + MINUTE) == 2, "the answer is renewed though nobody waits")
    assert number(query(), NOW + 32 * MINUTE) == 3


def test_a_new_answer_is_worth_a_short_wait(engine: Engine) -> None:
    assert [number(query(), NOW), number(query(), NOW + MINUTE)] == [1, 2]


def test_a_question_that_was_too_much_is_not_tried_again_by_those_who_waited(engine: Engine) -> None:
    engine.seconds, engine.error = 0.3, run.TooMuch("too long")

    def ask(_: int) -> str:
        with pytest.raises(run.TooMuch) as refused:
            number(query(), NOW)
        return str(refused.value)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {"too long"}
    assert engine.asked == 1


def test_a_stale_answer_is_served_while_no_store_can_be_reached(engine: Engine) -> None:
    number(query(), NOW)
    engine.error = run.Unavailable("away")
    assert number(query(), NOW + MINUTE) == 1
    with pytest.raises(run.Unavailable):
        number(query(), NOW + 31 * MINUTE)


def test_a_failure_is_not_kept(engine: Engine) -> None:
    engine.error = run.Unavailable("away")
    with pytest.raises(run.Unavailable):
        number(query(), NOW)
    engine.error = None
    assert number(query(), NOW) == 2


def test_without_the_cache_server_every_answer_is_computed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(shelf, "_away_until", 0.0)
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    begun = time.monotonic()
    assert [number(query(), NOW), number(query(), NOW)] == [1, 2]
    assert shelf.count("anything", 60) == 0
    assert time.monotonic() - begun < 0.5
    monkeypatch.setattr(shelf, "_away_until", 0.0)


def test_what_lies_in_the_cache_and_cannot_be_read_is_computed_anew(engine: Engine) -> None:
    shelf.put(cache.key(query(), 1), b"\x80\x04pickled", 60)
    assert number(query(), NOW) == 1


def test_the_turn_of_a_process_that_died_ends_by_itself(engine: Engine) -> None:
    shelf.client().set(f"{cache.key(query(), 1)}:turn", "somebody", px=300)
    assert number(query(), NOW) == 1


def test_a_turn_lasts_as_long_as_its_computation(stores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "TURN_SECONDS", 1)
    with shelf.turn("a") as mine:
        time.sleep(2.5)
        with shelf.turn("a") as other:
            assert (mine, other) == (True, False)
    with shelf.turn("a") as next_one:
        assert next_one


def test_nonsense_is_refused_before_anything_is_kept(engine: Engine) -> None:
    with pytest.raises(BadQuery):
        cache.answer(query(metrics=("x",)), 1, NOW)
    assert engine.asked == 0


def test_threads_get_their_own_answers(engine: Engine) -> None:
    barrier = threading.Barrier(8)

    def ask(site: int) -> int:
        barrier.wait()
        return len({cache.answer(query(site_id=site), 1, NOW).rows for _ in range(5)})

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {1}
