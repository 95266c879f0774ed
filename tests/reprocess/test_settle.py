"""Late events end up in the visits they belong to, in both stores, whatever the order they came in."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from analytics.events import Hit
from analytics.lake import export
from analytics.pipeline import books
from analytics.reprocess import rows, settle
from analytics.sites import models
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


def event(visitor: int, ts: dt.datetime, received_at: dt.datetime, site: models.Site) -> Hit:
    """A page view whose path and referrer tell when it happened."""
    said = {"url": f"https://example.com/{ts:%dT%H%M%S.%f}", "referrer": f"https://r{ts:%d%H%M%S%f}.example/"}
    return builders.hit(site_id=site.pk, visitor_id=visitor, ts=ts, received_at=received_at, event=said)


def expected(hits: Iterable[Hit]) -> list[Placed]:
    """By the definition: in order of time, a new visit after 30 minutes idle, and after 24 hours."""
    found = []
    ordered = sorted(hits, key=lambda hit: (hit.visitor_id, hit.ts, hit.hit_id.int))
    for visitor, theirs in itertools.groupby(ordered, key=lambda hit: hit.visitor_id):
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
    pairs = {(r["visit_id"], r["visitor_id"], r["visit_started_at"]) for r in found}
    assert len({visit for visit, _, _ in pairs}) == len(pairs)
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


def test_a_visit_that_still_goes_on_waits(site: models.Site) -> None:
    come([event(1, NOW, NOW, site), event(1, NOW - 50 * MINUTE, NOW + MINUTE, site)], NOW + MINUTE)
    assert settle.settle_due(NOW + 5 * MINUTE).waiting == marks() > 0
    settle.settle_due(NOW + 2 * HOUR)
    assert marks() == 0


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
    come([event(1, NOW, NOW, site)])
    come([event(1, NOW - 20 * MINUTE, NOW + 3 * HOUR, site)], NOW + 3 * HOUR)
    export_all()
    real = rows.replace_in_lake

    def broken(*given: Any) -> None:
        real(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rows, "replace_in_lake", broken)
        with pytest.raises(KeyboardInterrupt):
            settle.settle_due(LATER)
    assert hot(site) != both(site)
    settle.settle_due(LATER)
    assert hot(site) == both(site)
    assert {placed.started_at for placed in both(site)} == {NOW - 20 * MINUTE}
    assert marks() == 0
    assert books.balance().holds


def test_what_was_derived_under_older_rules_stays_under_them(site: models.Site) -> None:
    come([event(1, NOW, NOW, site)])
    models.Ruleset.objects.create(site=site, version=2, rules={"visit_timeout_seconds": 60})
    come([event(1, NOW + 20 * MINUTE, NOW + 20 * MINUTE, site)])
    with db.transaction() as cursor:
        cursor.execute("UPDATE event SET ruleset = 1")
    come([event(1, NOW + 10 * MINUTE, NOW + 3 * HOUR, site)], NOW + 3 * HOUR)
    with db.transaction() as cursor:
        cursor.execute("UPDATE event SET ruleset = 1")
    settle.settle_due(LATER)
    assert visits(site) == 1


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
            delay = luck.choice((0 * MINUTE, 0 * MINUTE, 2 * MINUTE, 20 * MINUTE, 2 * HOUR, 30 * HOUR, 72 * HOUR))
            hits.append(event(visitor, at, at + delay, site))
    return sorted(hits, key=lambda hit: (hit.received_at, hit.hit_id))


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_arrival_gives_the_visits_of_the_definition(seed: int, site: models.Site) -> None:
    luck = random.Random(seed)
    hits = arrivals(luck, site)
    cuts = sorted(luck.sample(range(1, len(hits)), 5))
    for first, last in itertools.pairwise([0, *cuts, len(hits)]):
        come(hits[first:last], hits[last - 1].received_at)  # another writer each time: they start anew
        if luck.random() < 0.4:
            export_all()
        if luck.random() < 0.4:
            settle.settle_due(hits[last - 1].received_at)
    settle.settle_due(hits[-1].received_at + 10 * HOUR)
    assert marks() == 0
    assert both(site) == expected(hits)
    assert hot(site) == both(site)
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
