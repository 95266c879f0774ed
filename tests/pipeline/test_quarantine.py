"""Quarantine: what could not be processed is looked at, given to its part again, and counted once whatever happens."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.core.management import CommandError, call_command

from analytics import buffer
from analytics.buffer import counters
from analytics.events import Hit
from analytics.pipeline import books, dedupe, quarantine
from analytics.sites import create, lookup, models
from analytics.store import db
from tests import builders

pytestmark = pytest.mark.database
ORDER = UUID(int=7)
NOW = dt.datetime.now(dt.UTC)


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def run(*words: str) -> str:
    """What `bin/manage quarantine WORDS` prints."""
    out = io.StringIO()
    call_command("quarantine", *words, stdout=out)
    return out.getvalue()


def failed(*hits: Hit, part: int = 0) -> None:
    builders.push((part, hit) for hit in hits)
    builders.drain()


def of_no_site(site: models.Site, **fields: Any) -> Hit:
    """A hit of the site that is made next."""
    return builders.hit(site_id=site.pk + 1, **fields)


def make_that_site(site: models.Site) -> None:
    assert create.site("late.example").site.pk == site.pk + 1
    lookup.forget()


def attempts() -> list[tuple[Any, ...]]:
    return rows("SELECT attempts, readmitted_at IS NULL FROM quarantine ORDER BY id")


def test_a_hit_that_failed_is_stored_once_what_was_wrong_is_right(site: models.Site) -> None:
    hits = [of_no_site(site, event_id=UUID(int=n + 1), visitor_id=n) for n in range(3)]
    failed(*hits, part=2)
    assert (attempts(), books.balance().holds) == ([(1, True)] * 3, True)
    make_that_site(site)
    run("readmit", "--all")
    waiting = books.balance()
    assert waiting.holds
    assert [(line.quarantined, line.buffered) for line in waiting.sites] == [(0, 3)]
    assert attempts() == [(1, False)] * 3
    with db.transaction() as cursor:
        assert sorted(buffer.overflowed(cursor, 2), key=lambda hit: hit.visitor_id) == hits
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event JOIN hit USING (hit_id, part)") == [(3, 3)]
    assert rows("SELECT count(*) FROM overflow") == [(0,)]
    assert books.balance().holds


def test_a_hit_that_fails_again_is_back_with_one_more_attempt(site: models.Site) -> None:
    failed(of_no_site(site, event_id=ORDER))
    run("readmit", "1")
    builders.drain()
    assert attempts() == [(2, True)]
    assert books.balance().holds
    make_that_site(site)
    run("readmit", "1")
    builders.drain()
    assert attempts() == [(2, False)]
    assert rows("SELECT event_id FROM event") == [(ORDER,)]
    assert books.balance().holds


@pytest.mark.parametrize("when", ["while it was in quarantine", "when it was given back", "when it was stored"])
def test_a_repeat_that_came_meanwhile_makes_no_second_row(site: models.Site, when: str) -> None:
    failed(of_no_site(site, event_id=ORDER))
    make_that_site(site)
    again = of_no_site(site, event_id=ORDER)
    if when == "while it was in quarantine":
        failed(again)
    run("readmit", "--all")
    if when == "when it was given back":
        builders.push([(1, again)])
    builders.drain()
    if when == "when it was stored":
        failed(again)
    assert rows("SELECT count(*) FROM event") == [(1,)]
    assert rows("SELECT sum(n) FROM ledger WHERE outcome = 'duplicate'") == [(1,)]
    assert books.balance().holds


def test_an_event_id_that_was_remembered_for_another_hit_long_after_stays_remembered(site: models.Site) -> None:
    failed(of_no_site(site, event_id=ORDER))
    make_that_site(site)
    for periods in range(1, dedupe.KEPT + 1):
        assert dedupe.open_next(NOW + periods * (dedupe.PERIOD + dt.timedelta(hours=1)))
    failed(of_no_site(site, event_id=ORDER))
    assert rows("SELECT count(*) FROM event") == [(1,)]
    run("readmit", "--all")
    builders.drain()
    assert rows("SELECT count(*) FROM event") == [(1,)]
    assert books.balance().holds


def test_visits_that_a_readmitted_hit_belongs_to_are_settled_later(site: models.Site) -> None:
    failed(of_no_site(site))
    make_that_site(site)
    later = builders.NOW + dt.timedelta(minutes=5)
    failed(of_no_site(site, ts=later, received_at=later))
    assert rows("SELECT count(*) FROM unsettled") == [(0,)]
    run("readmit", "--all")
    builders.drain()
    assert rows("SELECT ts FROM unsettled") == [(builders.NOW,)]


def test_hits_are_given_back_page_by_page_each_once(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "PAGE_HITS", 4)
    monkeypatch.setattr(quarantine, "ENTRY_HITS", 3)
    failed(*(of_no_site(site, visitor_id=n) for n in range(10)))
    assert quarantine.give_back(quarantine.Wanted(), NOW, 6).hits == 6
    assert quarantine.give_back(quarantine.Wanted(), NOW).hits == 4
    assert quarantine.give_back(quarantine.Wanted(), NOW).hits == 0
    assert rows("SELECT count(*) FROM overflow") == [(5,)]
    make_that_site(site)
    builders.drain()
    assert rows("SELECT count(*), count(DISTINCT hit_id) FROM event") == [(10, 10)]


def test_what_another_transaction_is_at_work_on_is_left_out(site: models.Site) -> None:
    failed(of_no_site(site), of_no_site(site))
    with db.transaction() as cursor:
        cursor.execute("SELECT FROM quarantine WHERE id = 1 FOR UPDATE")
        assert quarantine.give_back(quarantine.Wanted(), NOW).hits == 1
    assert quarantine.give_back(quarantine.Wanted(), NOW).hits == 1


def test_what_cannot_be_read_any_more_stays_and_is_said(site: models.Site) -> None:
    failed(of_no_site(site), of_no_site(site))
    rows("UPDATE quarantine SET hit = '\\xc1' WHERE id = 1")
    told = run("readmit", "--all")
    assert "1 hit readmitted" in told
    assert "1 cannot be read by this version" in told
    assert attempts() == [(1, True), (1, False)]
    assert "cannot be read by this version" in run("show", "1")
    assert books.balance().holds


def test_a_hit_of_a_part_that_is_gone_goes_to_one_that_is_read(site: models.Site, settings: Any) -> None:
    failed(of_no_site(site), part=3)
    settings.BUFFER_PARTS = 2
    make_that_site(site)
    run("readmit", "--all")
    assert rows("SELECT part FROM overflow") == [(1,)]
    builders.drain()
    assert rows("SELECT count(*) FROM event") == [(1,)]


def test_hits_are_chosen_by_site_and_reason(site: models.Site) -> None:
    failed(
        of_no_site(site),
        builders.hit(site_id=site.pk, payload='{"name": '),
        builders.hit(site_id=site.pk, payload="{}"),
        builders.hit(site_id=site.pk, payload="{}"),
    )
    listed = json.loads(run("list", "--json"))
    assert listed["reasons"] == {"no_name": 2, "bad_json": 1, "error": 1}
    assert sorted(hit["reason"] for hit in listed["hits"]) == ["bad_json", "error", "no_name", "no_name"]
    assert "nothing" not in run("list", "--site", "example.com").lower()
    by_number = json.loads(run("list", "--site", str(site.pk + 1), "--json"))
    assert [hit["site_id"] for hit in by_number["hits"]] == [site.pk + 1]
    assert len(json.loads(run("list", "--limit", "2", "--json"))["hits"]) == 2
    chosen = ["--site", "example.com", "--reason", "no_name"]
    assert run("readmit", *chosen, "--dry-run") == "2 hits would be readmitted.\n"
    assert json.loads(run("readmit", *chosen, "--json"))["hits"] == 2
    assert json.loads(run("list", "--json"))["reasons"] == {"bad_json": 1, "error": 1}
    assert "Nothing is in quarantine" in run("list", "--reason", "no_name")


def test_a_hit_is_shown_in_full_and_its_text_does_nothing_to_a_terminal(site: models.Site) -> None:
    payload = '{"name": "\x1b[2J\u202etxt", "url": 5}'
    hit = builders.hit(site_id=site.pk, payload=payload, user_agent="Mozilla/\x9b31m")
    failed(hit)
    told = run("show", "1")
    for expected in (str(hit.hit_id), "81.2.69.0/24", "2026-11-20 12:00:00"):
        assert expected in told
    assert r'{"name": "\x1b[2J\u202etxt", "url": 5}' in told
    assert not {"\x1b", "\x9b", "\u202e"} & set(told)
    shown = json.loads(run("show", "1", "--json"))
    assert (shown["hit"]["payload"], shown["attempts"], shown["part"]) == (payload, 1, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("readmit", "Say which hits"),
        ("readmit 1 --all", "Say which hits"),
        ("show 77", "Nothing has the number 77"),
        ("list --site none.example", "There is no site 'none.example'"),
    ],
)
def test_what_cannot_be_done_is_said(site: models.Site, words: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*words.split())


def test_more_than_a_flood_is_kept_and_said(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "FLOOD", 2)
    failed(*(of_no_site(site, visitor_id=n) for n in range(3)), builders.hit(site_id=site.pk, payload="{}"))
    with db.transaction() as cursor:
        assert quarantine.flooded(cursor) == {site.pk + 1: 3}
    assert rows("SELECT count(*) FROM quarantine") == [(4,)]
    assert books.balance().holds


def test_what_the_door_counted_is_not_counted_again(site: models.Site) -> None:
    failed(of_no_site(site))
    before = {part: counters.cut(part, 1).unbooked for part in range(4)}
    run("readmit", "--all")
    assert {part: counters.cut(part, 1).unbooked for part in range(4)} == before


def test_a_hit_is_kept_as_the_buffer_carries_it(site: models.Site) -> None:
    """Older versions read what newer ones kept, and the other way round: by the same rules as in the buffer."""
    hit = of_no_site(site)
    failed(hit)
    found = quarantine.one(1)
    assert found is not None
    shorter = msgspec.msgpack.encode(msgspec.msgpack.decode(found.encoded)[:-1])
    with db.transaction() as cursor:
        cursor.execute("UPDATE quarantine SET hit = $1", [shorter])
    assert quarantine.give_back(quarantine.Wanted(), NOW).hits == 1
