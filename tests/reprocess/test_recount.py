"""A recount derives the same from the same, and what a rule says from a changed rule, in both stores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import CommandError, call_command

from analytics.events import Hit
from analytics.lake import export, read
from analytics.pipeline import books
from analytics.reprocess import jobs, recount, rows
from analytics.reprocess.models import Recount
from analytics.sites import models
from analytics.store import db
from tests import builders

pytestmark = pytest.mark.database
DAY = builders.NOW.date()
EVER = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
MINUTE = dt.timedelta(minutes=1)
VISIT = [
    {"at": builders.NOW, "url": "/a", "referrer": "https://news.example.org/x"},
    {"at": builders.NOW + 20 * MINUTE, "url": "/b"},
    {"at": builders.NOW + 60 * MINUTE, "url": "/c"},
]


def hot() -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute("SELECT path, visit_id, source, category, ruleset, part, batch FROM event ORDER BY ts, hit_id")
        return cursor.fetchall()


def lake(site: models.Site) -> list[tuple[Any, ...]]:
    files = read.slice(site.pk, *EVER).files
    if not files:
        return []
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT path, visit_id, source, category, ruleset, part, batch FROM read_parquet(?)"
            " WHERE site_id = ? ORDER BY ts, hit_id",
            [list(files), site.pk],
        ).fetchall()


def export_all() -> None:
    export.export("hits")
    export.export("events")


def ask(site: models.Site, first: dt.date = DAY, last: dt.date = DAY) -> Recount:
    job = jobs.ask(site.pk, first, last)
    assert jobs.perform(job)
    job.refresh_from_db()
    return job


def rules(site: models.Site, **given: Any) -> None:
    models.Ruleset.objects.create(site=site, version=site.rulesets.count() + 2, rules=given)


def test_under_the_same_rules_nothing_changes(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record(VISIT)
    export_all()
    record([{"at": builders.NOW + 70 * MINUTE, "url": "/not-exported"}])
    before = (hot(), lake(site))
    job = ask(site)
    assert (job.state, job.hits, job.changed, job.before) == ("done", 4, 0, job.after)
    assert (hot(), lake(site)) == before


def test_a_changed_rule_changes_past_events_in_both_stores(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record(VISIT)
    export_all()
    record([{"at": builders.NOW + 70 * MINUTE, "url": "/not-exported"}])
    rules(site, visit_timeout_seconds=600, source_names={"news.example.org": "The News"}, excluded_paths=["/c*"])
    job = ask(site)
    assert (job.changed, job.before["visits"], job.after["visits"]) == (4, 2, 3)
    found = hot()
    assert [(path, source, category, version) for path, _, source, category, version, *_ in found] == [
        ("/a", "The News", "", 2),
        ("/b", "", "", 2),
        ("/c", "", "excluded", 2),
        ("/not-exported", "", "", 2),
    ]
    assert lake(site) == found[:3]
    assert books.balance().holds


def test_doing_it_twice_changes_nothing_more(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record(VISIT)
    export_all()
    rules(site, visit_timeout_seconds=600)
    assert ask(site).changed == 1
    assert {row[4] for row in hot()} == {2}
    before = (hot(), lake(site))
    assert ask(site).changed == 0
    assert (hot(), lake(site)) == before


def test_rows_that_come_after_a_recount_are_exported_once(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record(VISIT)
    rules(site, visit_timeout_seconds=600)
    ask(site)
    record([{"at": builders.NOW + 61 * MINUTE, "url": "/d"}])
    export_all()
    assert [row[0] for row in lake(site)] == ["/a", "/b", "/c", "/d"]
    assert books.balance().holds


def test_other_sites_and_days_stay_as_they_are(record: Callable[..., list[Hit]], site: models.Site) -> None:
    from analytics.sites import create

    other = create.site("other.example").site
    record([*VISIT, {"at": builders.NOW + dt.timedelta(days=1), "url": "/tomorrow"}])
    builders.record(other, VISIT)
    export_all()
    rules(site, excluded_paths=["/*"])
    rules(other, excluded_paths=["/*"])
    assert ask(site).changed == 3
    assert {row[3] for row in lake(other)} == {""}
    assert [row[3] for row in lake(site)] == ["excluded"] * 3 + [""]


def test_a_visit_that_began_on_the_day_before_goes_on(record: Callable[..., list[Hit]], site: models.Site) -> None:
    midnight = dt.datetime.combine(DAY + dt.timedelta(days=1), dt.time(), dt.UTC)
    record([{"at": midnight - MINUTE, "url": "/before"}, {"at": midnight + MINUTE, "url": "/after"}])
    export_all()
    job = ask(site, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=1))
    assert (job.hits, job.changed) == (1, 0)


def test_rows_that_only_the_lake_still_has_are_recounted_there(
    record: Callable[..., list[Hit]], site: models.Site
) -> None:
    long_ago = builders.NOW - dt.timedelta(days=400)
    record([{"at": long_ago, "url": "/old"}])
    export_all()
    with db.transaction() as cursor:
        cursor.execute("DELETE FROM event")
        cursor.execute("DELETE FROM hit")
    rules(site, excluded_paths=["/old"])
    assert ask(site, long_ago.date(), long_ago.date()).changed == 1
    assert [row[3] for row in lake(site)] == ["excluded"]
    assert hot() == []


def test_a_visitor_active_for_days_has_the_same_visits_after_a_recount_of_one_day(
    record: Callable[..., list[Hit]], site: models.Site
) -> None:
    start = builders.NOW - dt.timedelta(days=3)
    record([{"at": start + n * 20 * MINUTE, "visitor_id": "restless"} for n in range(3 * 72)])
    export_all()
    assert ask(site).changed == 0


def test_a_lake_that_is_away_changes_neither_store_and_the_recount_is_tried_again(
    record: Callable[..., list[Hit]], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OSError("the bucket does not answer")

    record(VISIT)
    export_all()
    rules(site, excluded_paths=["/a"])
    before = (hot(), lake(site))
    job = jobs.ask(site.pk, DAY, DAY)
    with monkeypatch.context() as patched:
        patched.setattr(rows, "replace_in_lake", away)
        with pytest.raises(OSError, match="does not answer"):
            jobs.perform(job)
    assert (hot(), lake(site)) == before
    assert Recount.objects.get().state == "waiting"
    assert jobs.run_due() == 1
    assert [row[3] for row in hot()] == [row[3] for row in lake(site)] == ["excluded", "", ""]


def test_a_recount_that_another_worker_has_run_is_not_run_again(
    record: Callable[..., list[Hit]], site: models.Site
) -> None:
    record(VISIT)
    seen_waiting = jobs.ask(site.pk, DAY, DAY)
    assert jobs.run_due() == 1
    assert not jobs.perform(seen_waiting)


def test_hits_that_cannot_be_processed_stop_the_recount_and_change_nothing(
    record: Callable[..., list[Hit]], site: models.Site
) -> None:
    record(VISIT)
    export_all()
    rules(site, visit_timeout_seconds=600)
    with db.transaction() as cursor:
        cursor.execute("UPDATE part_offset SET batch = batch + 1")
        cursor.execute("UPDATE hit SET batch = batch + 1, payload = '{' WHERE payload LIKE '%/c%'")
    before = (hot(), lake(site))
    with pytest.raises(recount.CannotRecount, match="1 hits of 2026-11-20 cannot be processed under ruleset 2"):
        ask(site)
    assert (hot(), lake(site)) == before
    assert Recount.objects.get().state == "failed"


def test_the_command_says_what_changed_and_refuses_nonsense(
    record: Callable[..., list[Hit]], site: models.Site, capsys: pytest.CaptureFixture[str]
) -> None:
    record(VISIT)
    rules(site, visit_timeout_seconds=600)
    call_command("reprocess", "example.com", "--from", "2026-11-20", "--to", "2026-11-20")
    said = capsys.readouterr().out
    assert "visits  2 → 3" in said
    assert "3 hits recounted, 1 event changed" in said
    with pytest.raises(CommandError, match="before the first"):
        call_command("reprocess", "example.com", "--from", "2026-11-20", "--to", "2026-11-19")
    with pytest.raises(CommandError, match="no site nowhere"):
        call_command("reprocess", "nowhere", "--from", "2026-11-20", "--to", "2026-11-20")


def test_a_recount_left_by_a_worker_that_died_is_run_again(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record(VISIT)
    job = jobs.ask(site.pk, DAY, DAY)
    Recount.objects.filter(pk=job.pk).update(state=Recount.State.RUNNING)
    assert jobs.run_due() == 1
    assert jobs.run_due() == 0
    job.refresh_from_db()
    assert job.state == "done"


def test_a_broken_address_database_stops_the_recount_and_keeps_the_places(
    record: Callable[..., list[Hit]], site: models.Site, settings: Any, tmp_path: Path
) -> None:
    record(VISIT)
    with db.transaction() as cursor:
        cursor.execute("UPDATE event SET country = 'EE'")
    before = hot()
    settings.GEOIP_DB = str(tmp_path / "places.mmdb")
    (tmp_path / "places.mmdb").write_bytes(b"no database")
    with pytest.raises(recount.CannotRecount, match=r"places\.mmdb cannot be used"):
        ask(site)
    with db.transaction() as cursor:
        cursor.execute("SELECT DISTINCT country FROM event")
        assert cursor.fetchall() == [("EE",)]
    assert hot() == before
