"""Late events end up in the visits they belong to, in both stores, whatever the order they came in."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command

from analytics import buffer
from analytics.events import Hit
from analytics.lake import export
from analytics.pipeline import books, rebuild
from analytics.pipeline.writer import Writer
from analytics.reprocess import rows, settle
from analytics.sites import lookup, models
from analytics.store import db
from tests import builders

pytestmark = pytest.mark.database

NOW = builders.NOW
LATER = NOW + dt.timedelta(days=2)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
IDLE, LONGEST = 30 * MINUTE, 24 * HOUR
SPAN = (NOW - dt.timedelta(days=30), NOW + dt.timedelta(days=30))


class Placed(NamedTuple):
    """An event, and what it says of its visit."""

    visitor: int
    ts: dt.datetime
    path: str
    started_at: dt.datetime
    entry: str
    source: str


BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def event(visitor: int, ts: dt.datetime, received_at: dt.datetime, site: models.Site, **more: Any) -> Hit:
    """A page view whose path and referrer tell when it happened."""
    said = {"url": f"https://example.com/{ts:%dT%H%M%S.%f}", "referrer": f"https://r{ts:%d%H%M%S%f}.example/"}
    return builders.hit(site_id=site.pk, visitor_id=visitor, ts=ts, received_at=received_at, event=said, **more)


def expected(hits: Iterable[Hit]) -> list[Placed]:
    """By the definition: in order of time, a new visit after 30 minutes idle and after 24 hours; of bots apart."""
    found = []
    ordered = sorted(hits, key=lambda hit: (hit.visitor_id, hit.user_agent, hit.ts, hit.hit_id.int))
    for (visitor, _), theirs in itertools.groupby(ordered, key=lambda hit: (hit.visitor_id, hit.user_agent)):
        started = last = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
        for hit in theirs:
            if hit.ts - last > IDLE or hit.ts - started >= LONGEST:
                started = hit.ts
            last = hit.ts
            path, source = f"/{hit.ts:%dT%H%M%S.%f}", f"r{started:%d%H%M%S%f}.example"
            found.append(Placed(visitor, hit.ts, path, started, f"/{started:%dT%H%M%S.%f}", source))
    return sorted(found)


def hot(site: models.Site) -> list[Placed]:
    with db.transaction() as cursor:
        cursor.execute(
            "SELECT visitor_id, ts, path, visit_started_at, entry_path, source FROM event WHERE site_id = $1", [site.pk]
        )
        return sorted(Placed(*row) for row in cursor.fetchall())


def both(site: models.Site) -> list[Placed]:
    """The lake as far as it reaches, then the hot tier."""
    found = rows.events(site.pk, SPAN, rows.committed()).to_pylist()
    return sorted(
        Placed(r["visitor_id"], r["ts"], r["path"], r["visit_started_at"], r["entry_path"], r["source"]) for r in found
    )


def visits(site: models.Site) -> int:
    """How many visit ids there are: one for each start of a visitor."""
    found = rows.events(site.pk, SPAN, rows.committed()).to_pylist()
    pairs = {(r["visit_id"], r["visitor_id"], r["visit_started_at"], r["category"]) for r in found}
    assert len({pair[0] for pair in pairs}) == len(pairs)
    return len(pairs)


def marks() -> int:
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM unsettled")
        ((n,),) = cursor.fetchall()
    return int(n)


def export_all() -> None:
    export.export("hits")
    export.export("events")


def come(hits: Iterable[Hit], now: dt.datetime = NOW) -> None:
    builders.push((0, hit) for hit in hits)
    builders.drain(now)


class Live:
    """A writer that goes on from one batch to the next, at the time of a clock."""

    def __init__(self) -> None:
        self.now = NOW
        self._writer = Writer(lambda: self.now)

    def come(self, *hits: Hit) -> None:
        self.now = max(self.now, *(hit.received_at for hit in hits))
        builders.push((0, hit) for hit in hits)
        deadline = time.monotonic() + builders.LOCKS_SECONDS
        while len(self._writer.parts) < len(buffer.lengths()):
            assert time.monotonic() < deadline
            self._writer.claim()
        while self._writer.drain_once():
            pass

    def restart(self) -> None:
        self._writer.let_go()
        self._writer = Writer(lambda: self.now)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    # As if many batches had been written in between.
    monkeypatch.setattr(rebuild, "RECENT_BATCHES", 0)
    found = Live()
    yield found
    found.restart()


def test_an_event_that_came_hours_late_makes_one_visit_of_two(site: models.Site) -> None:
    first = [event(1, NOW, NOW, site), event(1, NOW + 40 * MINUTE, NOW + 40 * MINUTE, site)]
    come(first)
    assert visits(site) == 2
    late = event(1, NOW + 20 * MINUTE, NOW + 5 * HOUR, site)
    come([late], NOW + 5 * HOUR)
    assert marks() > 0
    done = settle.settle_due(LATER)
    assert (done.waiting, marks()) == (0, 0)
    assert hot(site) == both(site) == expected([*first, late])
    assert visits(site) == 1
    assert books.balance().holds


def test_an_event_before_the_first_one_is_the_entry_of_the_visit(site: models.Site) -> None:
    come([event(1, NOW, NOW, site)])
    export_all()
    come([event(1, NOW - 10 * MINUTE, NOW + HOUR, site)], NOW + HOUR)
    export_all()
    settle.settle_due(LATER)
    assert {placed.started_at for placed in both(site)} == {NOW - 10 * MINUTE}
    assert hot(site) == both(site)


def test_a_visit_across_midnight_is_settled_on_both_days(site: models.Site) -> None:
    midnight = NOW.replace(hour=0, minute=0) + dt.timedelta(days=1)
    on_time = [
        event(1, midnight - 25 * MINUTE, midnight, site),
        event(1, midnight + 20 * MINUTE, midnight + HOUR, site),
    ]
    come(on_time, midnight + HOUR)
    export_all()
    late = event(1, midnight - MINUTE, midnight + 50 * HOUR, site)
    come([late], midnight + 50 * HOUR)
    export_all()
    settle.settle_due(midnight + 60 * HOUR)
    assert visits(site) == 1
    assert hot(site) == both(site) == expected([*on_time, late])


def test_a_visit_that_may_still_go_on_waits(site: models.Site, live: Live) -> None:
    first, earlier = event(1, NOW, NOW, site), event(1, NOW - 10 * MINUTE, NOW, site)
    live.come(first)
    live.come(earlier)
    assert settle.settle_due(NOW + 55 * MINUTE).waiting == marks() == 1
    # Not late by itself, and in the visit that the writer remembers.
    last = event(1, NOW + 28 * MINUTE, NOW + 56 * MINUTE, site)
    live.come(last)
    settle.settle_due(NOW + 4 * HOUR)
    assert marks() == 0
    assert hot(site) == both(site) == expected([first, earlier, last])


def test_a_visit_waits_for_what_is_in_the_buffer(site: models.Site, live: Live) -> None:
    first, earlier = event(1, NOW, NOW, site), event(1, NOW - 10 * MINUTE, NOW, site)
    live.come(first)
    live.come(earlier)
    last = event(1, NOW + 20 * MINUTE, NOW + 20 * MINUTE, site)
    builders.push([(0, last)])
    assert settle.settle_due(NOW + 5 * HOUR).waiting == marks() == 1
    live.come(event(2, NOW + 5 * HOUR, NOW + 5 * HOUR, site))
    settle.settle_due(NOW + 5 * HOUR)
    assert [placed for placed in both(site) if placed.visitor == 1] == expected([first, earlier, last])


def test_a_hit_that_left_the_quarantine_hours_later_is_in_its_visit(site: models.Site, live: Live) -> None:
    first, other = event(1, NOW, NOW, site), event(2, NOW + 5 * HOUR, NOW + 5 * HOUR, site)
    mended = event(1, NOW + 20 * MINUTE, NOW + 20 * MINUTE, site)
    live.come(first)
    live.come(other)
    live.restart()
    live.come(mended)
    settle.settle_due(LATER)
    assert both(site) == expected([first, other, mended])


def test_a_writer_that_begins_in_the_middle_of_a_backlog_goes_on_with_its_visits(site: models.Site, live: Live) -> None:
    first, second = event(1, NOW, NOW, site), event(1, NOW + 20 * MINUTE, NOW + 20 * MINUTE, site)
    live.now = NOW + 9 * HOUR
    live.come(first)
    live.restart()
    live.come(second)
    assert marks() == 0
    assert both(site) == expected([first, second])


def test_a_writer_that_takes_over_knows_the_visits_of_events_that_were_held_back(site: models.Site, live: Live) -> None:
    first, other = event(1, NOW, NOW, site), event(2, NOW + 49 * MINUTE, NOW + 49 * MINUTE, site)
    held_back = event(1, NOW + 25 * MINUTE, NOW + 50 * MINUTE, site)
    live.come(first)
    live.come(other)
    live.restart()
    live.come(held_back)
    assert marks() == 0
    assert both(site) == expected([first, other, held_back])


def test_the_command_says_what_changed_and_what_waits(site: models.Site, capsys: pytest.CaptureFixture[str]) -> None:
    come([event(1, NOW, NOW, site)])
    come([event(1, NOW - 10 * MINUTE, NOW + HOUR, site)], NOW + HOUR)
    now = dt.datetime.now(dt.UTC)
    come([event(2, now, now, site), event(2, now - 50 * MINUTE, now, site)], now)
    call_command("settle", site="example.com")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 marks of late events settled, 2 events are in other visits now."
    assert second == "1 marks wait: their visits may still go on."


def test_settling_again_changes_nothing_and_other_visitors_are_left_alone(site: models.Site) -> None:
    come([event(visitor, NOW + visitor * MINUTE, NOW + HOUR, site) for visitor in range(5)])
    come([event(2, NOW - 20 * MINUTE, NOW + 3 * HOUR, site)], NOW + 3 * HOUR)
    export_all()
    before = {placed for placed in both(site) if placed.visitor != 2}
    first = settle.settle_due(LATER)
    assert first.changed == 2
    assert before == {placed for placed in both(site) if placed.visitor != 2}
    snapshot = both(site)
    again = settle.settle_due(LATER)
    assert (again.marks, again.changed) == (0, 0)
    assert both(site) == hot(site) == snapshot


def test_a_run_that_broke_off_between_the_stores_is_run_again(
    site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = NOW.replace(hour=0, minute=0) + dt.timedelta(days=1)
    came = [event(1, midnight - 5 * MINUTE, midnight, site), event(1, midnight + 5 * MINUTE, midnight + HOUR, site)]
    come(came, midnight + HOUR)
    late = event(1, midnight - 20 * MINUTE, midnight + 3 * HOUR, site)
    come([late], midnight + 3 * HOUR)
    export_all()
    real = rows.replace_in_lake

    def broken(*given: Any) -> None:
        real(*given)
        raise KeyboardInterrupt

    version = models.Site.objects.nocache().get().data_version  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr(rows, "replace_in_lake", broken)
        with pytest.raises(KeyboardInterrupt):
            settle.settle_due(LATER)
    assert {placed.started_at for placed in hot(site)} == {midnight - 5 * MINUTE}
    assert both(site) != expected([*came, late])  # the first of two days
    settle.settle_due(LATER)
    assert hot(site) == both(site) == expected([*came, late])
    assert marks() == 0
    assert models.Site.objects.nocache().get().data_version > version  # type: ignore[attr-defined]
    assert books.balance().holds


def test_what_was_counted_under_older_rules_stays_under_them(site: models.Site, live: Live) -> None:
    live.come(event(1, NOW, NOW, site), event(1, NOW + 20 * MINUTE, NOW + 20 * MINUTE, site))
    models.Ruleset.objects.create(site=site, version=2, rules={"visit_timeout_seconds": 60})
    lookup.forget()
    live.come(*(event(1, NOW + n * MINUTE, NOW + n * MINUTE, site) for n in (180, 200)))
    live.come(event(1, NOW - 10 * MINUTE, NOW + 4 * HOUR, site))
    settle.settle_due(LATER)
    placed = [(row.ts, row.started_at) for row in both(site)]
    minutes = [((ts - NOW) // MINUTE, (started_at - NOW) // MINUTE) for ts, started_at in placed]
    assert minutes == [(-10, -10), (0, -10), (20, -10), (180, 180), (200, 200)]
    with db.transaction() as cursor:
        cursor.execute("SELECT ruleset FROM event ORDER BY ts")
        assert [version for (version,) in cursor.fetchall()] == [2, 1, 1, 2, 2]


def test_a_hit_that_cannot_be_derived_any_more_stops_nobody(site: models.Site, live: Live) -> None:
    live.come(*(event(visitor, NOW, NOW, site) for visitor in (1, 2)))
    live.come(*(event(visitor, NOW - 10 * MINUTE, NOW + HOUR, site) for visitor in (1, 2)))
    before = hot(site)
    with db.transaction() as cursor:
        cursor.execute("UPDATE hit SET payload = '{' WHERE visitor_id = 1 AND ts = $1", [NOW])
    settle.settle_due(LATER)
    assert marks() == 0
    assert [placed for placed in hot(site) if placed.visitor == 1] == [one for one in before if one.visitor == 1]
    assert {placed.started_at for placed in hot(site) if placed.visitor == 2} == {NOW - 10 * MINUTE}


def test_marks_without_events_go(site: models.Site) -> None:
    with db.transaction() as cursor:
        cursor.execute(
            "INSERT INTO unsettled (site_id, visitor_id, ts, part, batch) VALUES ($1, 5, $2, 0, 1)", [site.pk, NOW]
        )
    assert settle.settle_due(LATER).marks == 1
    assert marks() == 0


def arrivals(luck: random.Random, site: models.Site) -> list[Hit]:
    """Events of a few visitors over three days, in the order they came: some at once, some up to 72 hours late."""
    hits = []
    for visitor in range(4):
        at = NOW + luck.randrange(600) * MINUTE
        for _ in range(luck.choice((3, 6, 12))):
            at += luck.choice((MINUTE, 7 * MINUTE, 25 * MINUTE, 31 * MINUTE, 3 * HOUR, 11 * HOUR))
            delay = luck.choice((0 * MINUTE, 0 * MINUTE, 2 * MINUTE, 24 * MINUTE, 2 * HOUR, 30 * HOUR, 72 * HOUR))
            who = {"user_agent": BOT} if luck.random() < 0.1 else {}
            hits.append(event(visitor, at, at + delay, site, **who))
    return sorted(hits, key=lambda hit: (hit.received_at, hit.hit_id))


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_arrival_gives_the_visits_of_the_definition(seed: int, site: models.Site, live: Live) -> None:
    luck = random.Random(seed)
    hits = arrivals(luck, site)
    cuts = sorted(luck.sample(range(1, len(hits)), 7))
    for first, last in itertools.pairwise([0, *cuts, len(hits)]):
        live.come(*hits[first:last])
        for happens, chance in ((live.restart, 0.4), (export_all, 0.4), (lambda: settle.settle_due(live.now), 0.6)):
            if luck.random() < chance:
                happens()
    settle.settle_due(live.now + 10 * HOUR)
    assert marks() == 0
    assert both(site) == expected(hits)
    assert hot(site) == both(site)
    assert visits(site) == len({(placed.visitor, placed.started_at) for placed in expected(hits)})
    assert books.balance().holds


def test_hot_rows_that_the_lake_alone_keeps_are_not_brought_back(
    site: models.Site, record: Callable[..., Any], settings: Any
) -> None:
    come([event(1, NOW, NOW, site)])
    come([event(1, NOW - 20 * MINUTE, NOW + 3 * HOUR, site)], NOW + 3 * HOUR)
    export_all()
    with db.transaction() as cursor:
        cursor.execute("DELETE FROM event")
    settings.HOT_DAYS = -100_000
    settle.settle_due(LATER)
    assert hot(site) == []
    assert {placed.started_at for placed in both(site)} == {NOW - 20 * MINUTE}
