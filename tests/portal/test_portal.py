"""The staff portal: who may enter, what it shows, and that what visitors sent stays inert."""

from __future__ import annotations

import csv
import html
import io
import time
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
from analytics.sites import create, keys, lookup, models
from tests import builders

pytestmark = pytest.mark.database
SPAN: dict[str, Any] = {"start": "2026-11-20T11:00", "end": "2026-11-20T13:00"}
PAGES = [
    "/admin/",
    "/admin/history/",
    "/admin/history/download",
    "/admin/recount/",
    "/admin/books/",
    "/admin/quarantine/",
]


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


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('{"visit_timeout_seconds": "30 min"}', "a whole number of seconds from 60 to 28500"),
        ('{"excluded_paths": "/admin"}', "excluded_paths: Expected `array`, got `str`"),
        ('{"excluded_paths": ["\\u0000"]}', "Control characters are not allowed"),
        ('{"exclude": ["/admin"]}', "unknown field `exclude`"),
        ("[]", "Write a JSON object"),
        ("{", "Enter a valid JSON"),
    ],
)
def test_rules_that_cannot_be_are_refused_in_the_form(staff: Client, site: models.Site, rules: str, said: str) -> None:
    page = staff.post("/admin/sites/ruleset/add/", {"site": site.pk, "rules": rules, "note": ""})
    assert page.status_code == 200
    assert said in html.unescape(page.content.decode())
    assert not site.rulesets.exists()


def test_no_rules_at_all_are_the_defaults(staff: Client, site: models.Site) -> None:
    staff.post("/admin/sites/ruleset/add/", {"site": site.pk, "rules": "", "note": "back to the defaults"})
    assert site.rulesets.get().rules == {}


def add_site(staff: Client, domain: str) -> str:
    organisation = models.Organisation.objects.get_or_create(name="Test")[0]
    given = {"organisation": organisation.pk, "domain": domain, "timezone": "UTC", "currency": "EUR"}
    given |= {"aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0}
    return html.unescape(staff.post("/admin/sites/site/add/", given, follow=True).content.decode())


@pytest.mark.parametrize("typed", ["www.shop.example", "WWW.Shop.Example", "shop.example.", "Shop.Example"])
def test_a_site_is_found_whichever_way_its_domain_was_typed(staff: Client, typed: str) -> None:
    assert "Secret key, shown this once: sk_" in add_site(staff, typed)
    made = models.Site.objects.get()
    assert made.domain == "shop.example"
    assert lookup.site("www.shop.example") == lookup.SiteFacts(made.pk, "shop.example", "UTC")


def test_a_site_that_exists_is_not_made_again_under_www(staff: Client, site: models.Site) -> None:
    assert "Site with this Domain already exists" in add_site(staff, "WWW.Example.com")
    assert "Write the host alone" in add_site(staff, "https://shop.example/")
    assert models.Site.objects.count() == 1


def test_a_new_site_is_found_within_half_a_minute_though_it_was_asked_for_before(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    assert lookup.site("shop.example") is None
    add_site(staff, "shop.example")
    made = models.Site.objects.get()
    monkeypatch.setattr(time, "monotonic", lambda: began + 31)
    assert lookup.site("shop.example") == lookup.SiteFacts(made.pk, "shop.example", "UTC")
    assert lookup.TTL_SECONDS <= 30


@pytest.mark.parametrize("scopes", ['["everything"]', '"stats:read"', '{"stats:read": 1}', "[[]]", "[1]"])
def test_an_api_key_has_no_scope_that_does_not_exist(staff: Client, site: models.Site, scopes: str) -> None:
    given = {"organisation": site.organisation_id, "site": site.pk, "name": "reader", "scopes": scopes}
    page = html.unescape(staff.post("/admin/sites/apikey/add/", given).content.decode())
    assert 'Write a list of scopes out of ["stats:read", "sites:read", "sites:write", "events:write"].' in page
    assert not models.ApiKey.objects.exists()


def test_an_api_key_opens_sites_of_its_organisation_only(staff: Client, site: models.Site) -> None:
    theirs = create.site("theirs.example", organisation="Theirs").site
    given = {"organisation": site.organisation_id, "site": theirs.pk, "name": "reader", "scopes": '["stats:read"]'}
    page = html.unescape(staff.post("/admin/sites/apikey/add/", given).content.decode())
    assert "This site is another organisation's." in page
    assert not models.ApiKey.objects.exists()
    page = staff.post("/admin/sites/apikey/add/", given | {"site": site.pk}, follow=True).content.decode()
    key = page.partition("shown this once: ")[2][:51]
    assert models.ApiKey.objects.get().hash == keys.digest(key)


def test_keys_made_in_the_admin_are_shown_once_and_kept_as_hashes(staff: Client, site: models.Site) -> None:
    page = staff.post("/admin/sites/secretkey/add/", {"site": site.pk, "name": "server"}, follow=True)
    key = page.content.decode().partition("shown this once: ")[2][:51]
    assert key.startswith("sk_")
    assert key not in str(list(models.SecretKey.objects.values()))
    assert key not in staff.get("/admin/sites/secretkey/").content.decode()
