"""Quarantine in the staff portal: what it shows, who may give hits back, and what is kept of that."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from analytics.pipeline import books, quarantine
from analytics.sites import create, lookup, models
from analytics.store import db
from portal import quarantine as pages
from tests import builders
from tests.dashboard.test_pages import text

pytestmark = pytest.mark.database
HERE = "/admin/quarantine/"
GIVE_BACK = "/admin/quarantine/readmit"


@pytest.fixture
def staff(stores: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def kept(site: models.Site) -> models.Site:
    """Three hits in quarantine: two of a site that does not exist, one that is no JSON."""
    hits = [builders.hit(site_id=site.pk + 1, visitor_id=n) for n in range(2)]
    hits.append(builders.hit(site_id=site.pk, payload='{"name": "<script>alert(1)</script>", '))
    builders.push((0, hit) for hit in hits)
    builders.drain()
    return site


def number_of(reason: str) -> int:
    (row,) = quarantine.page(quarantine.Wanted(reason=reason), 10)
    return row.id


def stored() -> int:
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM event")
        ((n,),) = cursor.fetchall()
    return int(n)


@pytest.mark.parametrize("page", [HERE, f"{HERE}1"])
def test_only_staff_enter(kept: models.Site, client: Client, page: str) -> None:
    client.force_login(User.objects.create_user("customer"))
    assert client.get(page).status_code == 302
    assert client.post(GIVE_BACK, {"all": "on", "confirmed": "on"}).status_code == 302
    assert quarantine.count(quarantine.Wanted()) == 3


def test_staff_without_the_right_to_recount_look_and_change_nothing(kept: models.Site, client: Client) -> None:
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert "Readmit" not in text(client.get(HERE))
    assert client.post(GIVE_BACK, {"all": "on", "confirmed": "on"}).status_code == 403
    assert quarantine.count(quarantine.Wanted()) == 3


def test_nothing_is_given_back_by_a_link_or_by_another_sites_form(kept: models.Site) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("staff"))
    assert strict.get(GIVE_BACK).status_code == 405
    assert strict.post(GIVE_BACK, {"all": "on", "confirmed": "on"}).status_code == 403
    assert quarantine.count(quarantine.Wanted()) == 3


def test_an_empty_quarantine_is_said(staff: Client) -> None:
    assert "No such hit is in quarantine." in text(staff.get(HERE))
    assert staff.get(f"{HERE}1").status_code == 404


def test_hits_are_listed_by_reason_and_one_by_one(staff: Client, kept: models.Site) -> None:
    page = text(staff.get(HERE))
    assert "error 2" in page
    assert "bad_json 1" in page
    assert f"(site {kept.pk + 1}, which does not exist)" in page
    only = text(staff.get(HERE, {"site": str(kept.pk + 1), "reason": "error"}))
    assert "bad_json" not in only
    assert only.count("which does not exist") == 2
    assert "No such hit" in text(staff.get(HERE, {"site": str(kept.pk), "reason": "error"}))


def test_pages_go_from_the_newest_to_the_oldest(
    staff: Client, kept: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    newest = [row.id for row in quarantine.page(quarantine.Wanted(), 10)]
    first = staff.get(HERE).content.decode()
    assert f"before={newest[1]}" in first
    assert f'href="{HERE}{newest[2]}"' not in first
    second = staff.get(HERE, {"before": newest[1]}).content.decode()
    assert f'href="{HERE}{newest[2]}"' in second
    assert "older" not in second


@pytest.mark.parametrize("query", ["before=x", "before=99999999999999999999", "site=here", "site=99999999999"])
def test_a_page_that_cannot_be_is_answered(staff: Client, kept: models.Site, query: str) -> None:
    assert staff.get(f"{HERE}?{query}").status_code == 200


def test_a_hit_is_shown_in_full_and_inert(staff: Client, kept: models.Site) -> None:
    page = staff.get(f"{HERE}{number_of('bad_json')}").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "81.2.69.0/24" in page
    assert "after 1 attempt." in text(staff.get(f"{HERE}{number_of('bad_json')}"))


def test_hits_of_a_reason_are_given_back_after_a_confirmation_and_it_is_kept_who_asked(
    staff: Client, kept: models.Site
) -> None:
    create.site("late.example")
    lookup.forget()
    asked: dict[str, Any] = {"all": "on", "reason": "error"}
    assert "2 hits with the reason error will be given to the pipeline again." in text(staff.post(GIVE_BACK, asked))
    assert quarantine.count(quarantine.Wanted()) == 3
    assert not LogEntry.objects.exists()
    done = text(staff.post(GIVE_BACK, asked | {"confirmed": "on"}, follow=True))
    assert "2 hits readmitted." in done
    builders.drain()
    assert stored() == 2
    assert books.balance().holds
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("staff", "Quarantine: reason error")
    assert entry.change_message == "Readmitted 2 hits."
    assert "Quarantine: reason error" in text(staff.get("/admin/"))


def test_chosen_hits_are_given_back_and_no_others(staff: Client, kept: models.Site) -> None:
    chosen = [row.id for row in quarantine.page(quarantine.Wanted(reason="error"), 1)]
    asked = staff.post(GIVE_BACK, {"ids": chosen})
    assert "1 hit that you chose" in text(asked)
    assert f'name="ids" value="{chosen[0]}"' in asked.content.decode()
    staff.post(GIVE_BACK, {"ids": chosen, "confirmed": "on"})
    assert quarantine.count(quarantine.Wanted(reason="error")) == 1
    assert text(staff.get(f"{HERE}{chosen[0]}")).count("it is in quarantine no longer") == 1
    nothing = html.unescape(staff.post(GIVE_BACK, {"confirmed": "on"}, follow=True).content.decode())
    assert "Choose the hits first." in nothing
    assert quarantine.count(quarantine.Wanted()) == 2


def test_a_flood_is_said_and_one_request_gives_back_so_many(
    staff: Client, kept: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "FLOOD", 1)
    monkeypatch.setattr(pages, "MOST_AT_ONCE", 1)
    assert f"2 hits of (site {kept.pk + 1}, which does not exist) are in quarantine." in text(staff.get(HERE))
    everything = {"all": "on"}
    assert "At most 1 go at once." in text(staff.post(GIVE_BACK, everything))
    done = text(staff.post(GIVE_BACK, everything | {"confirmed": "on"}, follow=True))
    assert "1 hit readmitted." in done
    assert "2 such hits are here still or again" in done
