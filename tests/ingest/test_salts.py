"""The secrets of the days: one for all processes, made ahead, given back, destroyed."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics import buffer
from analytics.buffer import server
from analytics.ingest import salts
from tests import processes
from tests.buffer.test_buffer import nothing_listens, valkey

__all__ = ["valkey"]
pytestmark = pytest.mark.database
TODAY = dt.datetime.now(dt.UTC).date()
DAY = dt.timedelta(days=1)


@contextlib.contextmanager
def another_process() -> Iterator[None]:
    """Nothing is known of what this process knows, and in the end again what it knew."""
    before = dict(salts._known), dict(salts._asked_at)
    forget()
    yield
    forget()
    salts._known.update(before[0])
    salts._asked_at.update(before[1])


def forget() -> None:
    salts._known.clear()
    salts._asked_at.clear()


def a_minute_goes_by() -> None:
    for day in salts._asked_at:
        salts._asked_at[day] -= salts.ASK_AGAIN_SECONDS + 1


def test_a_days_salt_is_the_same_in_every_process(stores: None) -> None:
    first = salts.of(TODAY)
    with another_process():
        assert salts.of(TODAY) == first
    assert len(first) == 32


def test_every_day_has_a_salt_of_its_own(stores: None) -> None:
    assert len({salts.of(TODAY - DAY), salts.of(TODAY), salts.of(TODAY + DAY)}) == 3


def test_of_many_who_make_the_salt_at_once_one_wins(stores: None) -> None:
    found: list[bytes] = []
    together = threading.Barrier(16)

    def ask() -> None:
        together.wait()
        found.append(salts._shared(TODAY))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (16, 1)


def test_valkey_destroys_a_salt_when_the_next_day_ends(stores: None) -> None:
    salts.of(TODAY)
    for day in (TODAY, TODAY + DAY):
        seconds: Any = server.client().expiretime(f"salt:{day}")
        expires_at = dt.datetime.fromtimestamp(seconds, dt.UTC)
        assert expires_at == dt.datetime.combine(day + 2 * DAY, dt.time(), dt.UTC)


def test_a_salt_that_ended_is_on_no_disk_either(valkey: subprocess.Popen[bytes], tmp_path: Path) -> None:
    def appends() -> bool:
        said: Any = server.client().info("persistence")
        return said["aof_enabled"] and not said["aof_rewrite_in_progress"] and not said["aof_rewrite_scheduled"]

    def on_disk(secret: bytes) -> bool:
        try:
            return any(secret in file.read_bytes() for file in (tmp_path / "appendonlydir").iterdir())
        except FileNotFoundError:  # It is being written anew, and an old file went while we looked.
            return True

    yesterday = salts.of(TODAY - DAY)
    server.client().config_set("appendonly", "yes")
    server.client().config_set("appendfsync", "always")
    processes.wait_until(appends, "the server appends to its file")
    ended = b"the salt of two days ago"
    server.client().set(f"salt:{TODAY - 2 * DAY}", ended, px=1)
    assert on_disk(ended)
    time.sleep(0.01)
    salts.of(TODAY)
    processes.wait_until(lambda: not on_disk(ended), "the file is written anew")
    assert on_disk(yesterday)


def test_a_process_forgets_salts_older_than_yesterdays(stores: None) -> None:
    for day in (TODAY - DAY, TODAY, TODAY + DAY, TODAY + 2 * DAY):
        salts.of(day)
    assert sorted(salts._known) == sorted(salts._asked_at) == [TODAY + DAY, TODAY + 2 * DAY, TODAY + 3 * DAY]


def test_a_buffer_that_is_away_at_midnight_does_not_matter(settings: Any, stores: None) -> None:
    today = salts.of(TODAY)
    with nothing_listens(settings):
        assert salts.of(TODAY) == today
        assert salts.of(TODAY + DAY) != today
        a_minute_goes_by()
        assert salts.of(TODAY) == today
        with pytest.raises(buffer.Away):
            salts.of(TODAY + 2 * DAY)


def test_a_buffer_that_lost_the_salts_is_given_them_back(stores: None) -> None:
    today, tomorrow = salts.of(TODAY), salts.of(TODAY + DAY)
    server.client().flushdb()
    a_minute_goes_by()
    assert (salts.of(TODAY), salts.of(TODAY + DAY)) == (today, tomorrow)
    with another_process():
        assert (salts.of(TODAY), salts.of(TODAY + DAY)) == (today, tomorrow)


def test_processes_that_disagree_after_a_loss_agree_a_minute_later(stores: None) -> None:
    before = salts.of(TODAY)
    server.client().flushdb()
    with another_process():
        made = salts.of(TODAY)
    assert salts.of(TODAY) == before != made
    a_minute_goes_by()
    assert salts.of(TODAY) == made


def test_a_process_whose_clock_is_behind_valkeys_goes_on_at_midnight(stores: None) -> None:
    """Valkey keeps no salt of a day that has ended by its clock; nobody else has the one that is made instead."""
    ended = TODAY - 2 * DAY
    first = salts.of(ended)
    a_minute_goes_by()
    assert salts.of(ended) == first
    with another_process():
        assert salts.of(ended) != first
    assert server.client().get(f"salt:{ended}") is None


def test_a_full_buffer_gives_the_salt_that_is_there(valkey: subprocess.Popen[bytes]) -> None:
    first = salts.of(TODAY)
    forget()
    server.client().config_set("maxmemory-policy", "noeviction")
    server.client().config_set("maxmemory", "1")
    assert salts.of(TODAY) == first
