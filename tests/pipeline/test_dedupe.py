"""Event ids are remembered by period."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest

from analytics.pipeline import dedupe
from analytics.store import db
from tests.builders import NOW, hit

pytestmark = pytest.mark.database


def repeats(*numbers: int, site: int = 1) -> list[int]:
    """Which of the event ids were known."""
    with db.transaction() as cursor:
        _, found = dedupe.drop_repeats(cursor, [hit(site_id=site, event_id=UUID(int=number)) for number in numbers])
    return sorted(one.event_id.int for one in found if one.event_id)


def opened() -> dt.datetime:
    """The running period, put back to NOW."""
    with db.transaction() as cursor:
        cursor.execute("UPDATE seen_period SET opened_at = $1", [NOW])
    return NOW


def test_an_id_counts_once_for_a_site_within_and_between_batches(stores: None) -> None:
    assert repeats(1, 2, 1) == [1]
    assert repeats(2, 3) == [2]
    assert repeats(2, site=2) == []


def test_hits_without_an_id_never_repeat(stores: None) -> None:
    with db.transaction() as cursor:
        fresh, known = dedupe.drop_repeats(cursor, [hit(), hit()])
    assert (len(fresh), known) == (2, [])


def test_ids_are_known_for_at_least_seven_days_and_forgotten_with_their_period(stores: None) -> None:
    at = opened()
    assert repeats(1) == []
    last_known = None
    for day in range(1, 15):
        dedupe.open_next(at + dt.timedelta(days=day))
        if repeats(1, 100 + day) != [1]:
            # It was forgotten, and is remembered anew.
            last_known = day - 1
            break
    assert last_known is not None
    assert 7 <= last_known <= dedupe.KEPT * dedupe.PERIOD.days
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'seen_event'::regclass")
        assert cursor.fetchall() == [(dedupe.KEPT,)]


def test_a_period_is_opened_once_and_not_before_it_is_due(stores: None) -> None:
    at = opened()
    assert not dedupe.open_next(at + dedupe.PERIOD - dt.timedelta(seconds=1))
    assert dedupe.open_next(at + dedupe.PERIOD)
    assert not dedupe.open_next(at + dedupe.PERIOD)


def test_an_id_of_the_period_before_is_known_to_a_batch_that_waited_for_the_next(stores: None) -> None:
    at = opened()
    assert repeats(5) == []
    assert dedupe.open_next(at + dedupe.PERIOD)
    assert repeats(5, 6) == [5]
    assert repeats(6) == [6]


def test_an_impossible_site_does_not_hold_up_the_others(stores: None) -> None:
    with db.transaction() as cursor:
        hits = [hit(site_id=2**40, event_id=UUID(int=1)), hit(site_id=1, event_id=UUID(int=1))]
        fresh, known = dedupe.drop_repeats(cursor, hits)
    assert ({*fresh}, known) == ({*hits}, [])
