"""The staff portal: who may enter, what it shows, and that what visitors sent stays inert."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.events import Hit
from analytics.lake import export
from analytics.reprocess import jobs
from analytics.reprocess.models import Recount
from analytics.sites import models
from tests import builders

pytestmark = pytest.mark.database
SPAN: dict[str, Any] = {"start": "2026-11-20T11:00", "end": "2026-11-20T13:00"}
PAGES = ["/admin/", "/admin/history/", "/admin/history/download", "/admin/recount/", "/admin/books/"]


@pytest.fixture
def staff(stores: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


def exported(record: Callable[..., list[Hit]], *events: dict[str, object]) -> list[Hit]:
    hits = record(events)
    export.export("hits")
    export.export("events")
    return hits


@pytest.mark.parametrize("page", PAGES)
def test_only_staff_enter(stores: None, client: Client, page: str) -> None:
    client.force_login(User.objects.create_user("customer"))
    assert client.get(page).status_code == 302


@pytest.mark.parametrize("page", PAGES[:2] + PAGES[3:])
def test_every_page_answers_on_an_empty_instance(staff: Client, page: str) -> None:
    assert staff.get(page).status_code == 200


def test_history_shows_the_raw_hit_with_its_event(
    staff: Client, record: Callable[..., list[Hit]], site: models.Site
) -> None:
    (hit,) = exported(record, {"url": "/pricing", "title": "<script>alert(1)</script>"})
    page = staff.get("/admin/history/", SPAN | {"site": site.pk}).content.decode()
    assert str(hit.hit_id) in page
    assert "/pricing" in page
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_history_says_what_is_wrong_with_a_search(staff: Client, site: models.Site) -> None:
    page = staff.get("/admin/history/", {"site": str(site.pk), "start": SPAN["end"], "end": SPAN["start"]})
    assert "The end must be after the start." in page.content.decode()


def test_a_download_as_csv_has_every_row_and_no_formula(
    staff: Client, record: Callable[..., list[Hit]], site: models.Site
) -> None:
    exported(record, {"url": "/a", "title": "=HYPERLINK(1)"}, {"url": "/b", "title": "B"})
    answer = staff.get("/admin/history/download", SPAN | {"site": site.pk, "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert [row["path"] for row in rows] == ["/b", "/a"]
    assert [row["title"] for row in rows] == ["B", "'=HYPERLINK(1)"]


def test_a_download_as_parquet_is_untouched(staff: Client, record: Callable[..., list[Hit]], site: models.Site) -> None:
    exported(record, {"url": "/a", "title": "=HYPERLINK(1)"})
    answer = staff.get("/admin/history/download", SPAN | {"site": site.pk, "format": "parquet"})
    assert pq.read_table(io.BytesIO(answer.content))["title"].to_pylist() == ["=HYPERLINK(1)"]


def test_a_recount_is_asked_for_run_by_a_worker_and_shown(
    staff: Client, record: Callable[..., list[Hit]], site: models.Site
) -> None:
    record([{"url": "/a"}, {"url": "/internal"}])
    models.Ruleset.objects.create(site=site, version=2, rules={"excluded_paths": ["/internal"]})
    day = builders.NOW.date().isoformat()
    answer = staff.post("/admin/recount/", {"site": site.pk, "first_day": day, "last_day": day})
    job = Recount.objects.get()
    assert answer["Location"] == f"/admin/reprocess/recount/{job.pk}/change/"
    jobs.run_due()
    page = staff.get(answer["Location"]).content.decode()
    assert "2 hits recounted, 1 event changed" in page
    assert "pageviews" in page


def test_a_new_rule_is_the_next_version_and_old_ones_cannot_be_changed(staff: Client, site: models.Site) -> None:
    for _ in range(2):
        staff.post("/admin/sites/ruleset/add/", {"site": site.pk, "rules": '{"excluded_paths": ["/x"]}', "note": ""})
    assert list(site.rulesets.order_by("version").values_list("version", flat=True)) == [2, 3]
    first = site.rulesets.get(version=2)
    staff.post(f"/admin/sites/ruleset/{first.pk}/change/", {"site": site.pk, "rules": "{}", "note": "changed"})
    first.refresh_from_db()
    assert first.rules == {"excluded_paths": ["/x"]}


def test_keys_made_in_the_admin_are_shown_once_and_kept_as_hashes(staff: Client, site: models.Site) -> None:
    page = staff.post("/admin/sites/secretkey/add/", {"site": site.pk, "name": "server"}, follow=True)
    key = page.content.decode().partition("shown this once: ")[2][:51]
    assert key.startswith("sk_")
    assert key not in str(list(models.SecretKey.objects.values()))
    assert key not in staff.get("/admin/sites/secretkey/").content.decode()
