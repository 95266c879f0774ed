"""Sites in the staff portal: aliases, privacy and limits."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.sites import change, create, models
from tests.dashboard.test_pages import text

pytestmark = pytest.mark.database


@pytest.fixture
def staff(stores: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


def form(site: models.Site, *aliases: Mapping[str, object], **values: object) -> dict[str, object]:
    """What the page of a site sends."""
    kept = [alias for alias in aliases if "id" in alias]
    sent: dict[str, object] = {
        "organisation": site.organisation_id,
        "domain": site.domain,
        "timezone": "UTC",
        "currency": "EUR",
        "excluded_addresses": "[]",
        "aliases-TOTAL_FORMS": len(aliases),
        "aliases-INITIAL_FORMS": len(kept),
    }
    for number, alias in enumerate([*kept, *(alias for alias in aliases if alias not in kept)]):
        sent |= {f"aliases-{number}-{name}": value for name, value in alias.items()}
    return sent | values


def change_page(site: models.Site) -> str:
    return f"/admin/sites/site/{site.pk}/change/"


def test_aliases_are_added_changed_and_removed_on_the_sites_page(staff: Client, site: models.Site) -> None:
    wanted = {"protocol": "ga4", "identifier": "G-ABC1234567", "trusted": "on"}
    assert staff.post(change_page(site), form(site, wanted)).status_code == 302
    alias = site.aliases.get()
    assert (alias.protocol, alias.identifier, alias.trusted) == ("ga4", "g-abc1234567", True)
    row = {"id": alias.pk, "site": site.pk, "protocol": "ga4", "identifier": alias.identifier}
    assert staff.post(change_page(site), form(site, row)).status_code == 302
    assert site.aliases.get().trusted is False
    assert staff.post(change_page(site), form(site, row | {"DELETE": "on"})).status_code == 302
    assert not site.aliases.exists()


def test_what_another_site_is_known_by_is_no_alias_here_either(staff: Client, site: models.Site) -> None:
    other = create.site("other.example", organisation="Theirs").site
    answer = staff.post(change_page(site), form(site, {"protocol": "domain", "identifier": "other.example"}))
    assert "Another site is known by this id." in text(answer)
    answer = staff.post(change_page(site), form(site, {"protocol": "umami", "identifier": str(other.uuid)}))
    assert "Another site is known by this id." in text(answer)
    assert not site.aliases.exists()


def test_a_new_site_is_made_with_its_aliases_and_a_key(staff: Client, site: models.Site) -> None:
    change.add_alias(site, "matomo", str(site.pk + 1))
    sent = form(site, {"protocol": "domain", "identifier": "shop.new.example"}, domain="new.example")
    page = text(staff.post("/admin/sites/site/add/", sent, follow=True))
    assert "Secret key, shown this once: sk_" in page
    made = models.Site.objects.get(domain="new.example")
    assert made.pk == site.pk + 2
    assert made.aliases.get().identifier == "shop.new.example"
    assert made.secret_keys.count() == 1


def test_privacy_and_limits_are_set_and_an_empty_list_is_none(staff: Client, site: models.Site) -> None:
    values = {
        "honour_dnt": "on",
        "events_per_minute": "100",
        "events_per_month": "5000",
        "excluded_addresses": '["203.0.113.0/28"]',
        "suspended_at_0": "2026-11-20",
        "suspended_at_1": "12:00:00",
    }
    assert staff.post(change_page(site), form(site, **values)).status_code == 302
    found = models.Site.objects.get(pk=site.pk)
    assert (found.honour_dnt, found.honour_gpc, found.events_per_minute) == (True, False, 100)
    assert (found.events_per_month, found.excluded_addresses) == (5000, ["203.0.113.0/28"])
    assert found.suspended_at is not None
    assert staff.post(change_page(site), form(site, excluded_addresses="")).status_code == 302
    found = models.Site.objects.get(pk=site.pk)
    assert (found.excluded_addresses, found.events_per_minute, found.suspended_at) == ([], None, None)
    for values in ({"excluded_addresses": '["here"]'}, {"events_per_minute": "0"}):
        assert staff.post(change_page(site), form(site, **values)).status_code == 200


def test_sites_are_found_by_their_aliases(staff: Client, site: models.Site) -> None:
    change.add_alias(site, "ga4", "G-ABC1234567")
    create.site("other.example")
    found = text(staff.get("/admin/sites/site/", {"q": "g-abc1234567"}))
    assert "example.com Test" in found
    assert "other.example" not in found


def test_the_form_of_rules_says_what_each_may_be(staff: Client, site: models.Site) -> None:
    page = html.unescape(text(staff.get("/admin/sites/ruleset/add/")))
    for rule in models.RULES_ALLOWED:
        assert f"{rule} :" in page
    assert 'kept_parameters : a list of up to 50 names such as ["product"]' in page
    rules = '{"excluded_countries": ["AQ"], "allowed_hosts": ["*.example.com"], "kept_parameters": ["product"]}'
    assert staff.post("/admin/sites/ruleset/add/", {"site": site.pk, "rules": rules, "note": ""}).status_code == 302
    stored = models.Ruleset.objects.get()
    assert staff.get(f"/admin/sites/ruleset/{stored.pk}/change/").status_code == 200
