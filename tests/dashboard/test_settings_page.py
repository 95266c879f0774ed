"""The settings of a site: who reaches them, what they change, and that nothing of another tenant is touched."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.dashboard.settings_page import forms
from analytics.sites import change, create, keys, lookup, models
from tests.dashboard.test_pages import text

pytestmark = pytest.mark.database
PAGE = "/example.com/-/settings"


@pytest.fixture
def owner(client: Client, site: models.Site) -> Client:
    """Signed in, and an owner of example.com."""
    return signed_in(client, site, "owner")


def signed_in(client: Client, site: models.Site, role: str, **more: Any) -> Client:
    user = User.objects.create_user(role, **more)
    models.Membership.objects.create(organisation=site.organisation, user=user, role=role)
    client.force_login(user)
    return client


def post(client: Client, form: str, page: str = PAGE, **values: object) -> str:
    """What the page says after a form was sent and the redirect followed."""
    answer = client.post(page, {"form": form, **values}, follow=True)
    assert answer.status_code == 200
    return text(answer)


def stored(site: models.Site) -> models.Site:
    return models.Site.objects.nocache().get(pk=site.pk)  # type: ignore[attr-defined,no-any-return]


# --- who ---


def test_only_who_is_signed_in_sees_it(client: Client, site: models.Site) -> None:
    for answer in (client.get(PAGE), client.post(PAGE, {"form": "privacy", "honour_dnt": "on"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login?next=")
    assert stored(site).honour_dnt is False


@pytest.mark.parametrize(("role", "reached"), [("owner", True), ("admin", True), ("viewer", False)])
def test_owners_and_admins_reach_it_and_viewers_do_not(
    client: Client, site: models.Site, role: str, reached: bool
) -> None:
    member = signed_in(client, site, role)
    assert member.get(PAGE).status_code == (200 if reached else 404)
    answer = member.post(PAGE, {"form": "privacy", "honour_gpc": "on"})
    assert answer.status_code == (302 if reached else 404)
    assert stored(site).honour_gpc is reached
    assert (PAGE in member.get("/example.com").content.decode()) is reached
    assert (PAGE in member.get("/example.com/-/table/sources/sources").content.decode()) is reached


def test_the_settings_of_another_tenant_do_not_exist(owner: Client, site: models.Site) -> None:
    theirs = create.site("theirs.example", organisation="Theirs").site
    alias = change.add_alias(theirs, "matomo", "7")
    key = theirs.secret_keys.get()
    page = "/theirs.example/-/settings"
    for name in forms.FORMS:
        assert owner.post(page, {"form": name, "number": alias.pk, "name": "x"}).status_code == 404
    assert owner.get(page).status_code == owner.get("/none.example/-/settings").status_code == 404
    # Nor through the own page, by the number of what is theirs.
    assert "That alias was removed already." in post(owner, "remove-alias", number=alias.pk)
    assert "There is no such key." in post(owner, "revoke-key", number=key.pk)
    assert theirs.aliases.get() == alias
    assert theirs.secret_keys.get().revoked_at is None


def test_a_form_from_another_page_changes_nothing(site: models.Site) -> None:
    member = signed_in(Client(enforce_csrf_checks=True), site, "owner")
    assert member.post(PAGE, {"form": "privacy", "honour_dnt": "on"}).status_code == 403
    assert stored(site).honour_dnt is False


def test_the_page_is_kept_by_no_cache_and_other_methods_are_refused(owner: Client) -> None:
    assert "no-store" in owner.get(PAGE)["Cache-Control"]
    assert owner.put(PAGE).status_code == owner.delete(PAGE).status_code == 405
    assert owner.post(PAGE, {"form": "everything"}).status_code == owner.post(PAGE, {}).status_code == 404


# --- what ---


def test_it_shows_ids_and_snippet_and_no_secret(owner: Client, site: models.Site, settings: Any) -> None:
    settings.INGEST_URL = "https://in.example"
    key = create.secret_key(site, "shop server")
    said = text(owner.get(PAGE))
    for shown in ("example.com", str(site.uuid), site.measurement_id, site.public_key, "shop server", "Revoke"):
        assert shown in said
    assert '<script defer data-site="example.com" src="https://in.example/js/recount.js"></script>' in said
    assert key not in said
    assert keys.digest(key) not in owner.get(PAGE).content.decode()


def test_aliases_and_further_domains_are_added_and_removed(owner: Client, site: models.Site) -> None:
    said = post(owner, "alias", protocol="ga4", identifier=" G-ABC1234567 ", trusted="on")
    assert "Google Analytics 4's g-abc1234567 means this site now." in said
    assert "Google Analytics 4 g-abc1234567 like a secret key Remove" in said
    said = post(owner, "domain", identifier="www.Shop.example")
    assert "shop.example is a domain of this site now." in said
    assert {(alias.protocol, alias.identifier, alias.trusted) for alias in site.aliases.all()} == {
        ("ga4", "g-abc1234567", True),
        ("domain", "shop.example", False),
    }
    found = lookup.site("shop.example")
    assert found
    assert found.id == site.pk
    for alias in site.aliases.all():
        assert f"{alias.identifier} was removed" in post(owner, "remove-alias", number=alias.pk)
    assert not site.aliases.exists()


@pytest.mark.parametrize(
    ("form", "values", "said"),
    [
        ("domain", {"identifier": "https://a.example/"}, "Write the host alone, such as example.com."),
        ("domain", {"identifier": "theirs.example"}, "Another site is known by this id."),
        ("domain", {"identifier": ""}, "This field is required."),
        ("domain", {"identifier": "a\0.example"}, "Null characters are not allowed."),
        ("alias", {"protocol": "domain", "identifier": "x"}, "Select a valid choice."),
        ("alias", {"protocol": "umami", "identifier": "<script>alert(1)</script>"}, "An id is made of letters"),
        ("addresses", {"excluded_addresses": "203.0.113.7\nhere"}, "'here' is no address or network"),
        ("new-key", {"name": ""}, "This field is required."),
        ("new-key", {"name": "x" * 101}, "at most 100 characters"),
        ("remove-alias", {"number": "x"}, "Settings"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form_and_changes_nothing(
    owner: Client, site: models.Site, form: str, values: dict[str, str], said: str
) -> None:
    create.site("theirs.example", organisation="Theirs")
    before = (stored(site).excluded_addresses, site.secret_keys.count())
    answer = owner.post(PAGE, {"form": form, **values})
    assert answer.status_code == 200
    assert said in text(answer)
    assert "<script>alert(1)" not in answer.content.decode()
    assert (stored(site).excluded_addresses, site.secret_keys.count()) == before
    assert not site.aliases.exists()


def test_privacy_and_excluded_addresses_are_saved(owner: Client, site: models.Site) -> None:
    assert "Saved." in post(owner, "privacy", honour_dnt="on")
    assert (stored(site).honour_dnt, stored(site).honour_gpc) == (True, False)
    post(owner, "privacy", honour_gpc="on")
    assert (stored(site).honour_dnt, stored(site).honour_gpc) == (False, True)
    post(owner, "addresses", excluded_addresses=" 203.0.113.9/28 \r\n\r\n2001:db8::1\r\n203.0.113.0/28")
    assert stored(site).excluded_addresses == ["203.0.113.0/28", "2001:db8::1"]
    assert "203.0.113.0/28\n2001:db8::1</textarea>" in owner.get(PAGE).content.decode()
    post(owner, "addresses", excluded_addresses="")
    assert stored(site).excluded_addresses == []
    assert stored(site).honour_gpc is True


def test_a_secret_key_is_shown_once_and_works_until_it_is_revoked(owner: Client, site: models.Site) -> None:
    answer = owner.post(PAGE, {"form": "new-key", "name": "shop server"})
    found = re.search(r"sk_[0-9a-f]{48}", answer.content.decode())
    assert found
    assert lookup.secret(found[0]) == site.pk
    assert found[0] not in owner.get(PAGE).content.decode()
    assert found[0] not in str(owner.cookies) + str(dict(owner.session))
    row = models.SecretKey.objects.get(name="shop server")
    assert "The key shop server was revoked" in post(owner, "revoke-key", number=row.pk)
    lookup.forget()
    assert lookup.secret(found[0]) is None


def test_limits_are_for_staff_to_set_and_for_others_to_read(owner: Client, site: models.Site) -> None:
    change.set_values(site.pk, {"events_per_minute": 5000})
    said = text(owner.get(PAGE))
    assert "Events a minute 5000 Events a UTC month no limit" in said
    values = {"form": "limits", "events_per_minute": "9", "events_per_month": "", "suspended_at": ""}
    assert owner.post(PAGE, values).status_code == 404
    assert stored(site).events_per_minute == 5000
    staff = signed_in(Client(), site, "admin", is_staff=True)
    assert staff.post(PAGE, values).status_code == 302
    assert stored(site).events_per_minute == 9
    assert "greater than or equal to 1" in post(staff, "limits", events_per_minute="0")


def test_no_field_that_is_not_on_the_form_is_taken(owner: Client, site: models.Site) -> None:
    more = {"organisation": "9", "domain": "evil.example", "events_per_minute": "1", "data_version": "99"}
    post(owner, "privacy", honour_dnt="on", **more)
    found = stored(site)
    assert (found.honour_dnt, found.domain, found.organisation) == (True, "example.com", site.organisation)
    assert (found.events_per_minute, found.data_version) == (None, 1)


def test_a_suspended_site_says_so(owner: Client, site: models.Site) -> None:
    assert "suspended" not in text(owner.get(PAGE))
    change.set_values(site.pk, {"suspended_at": dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)})
    assert "nothing is accepted for it since 20 Nov 2026, 12:00 UTC" in text(owner.get(PAGE))


def test_every_service_whose_ids_can_be_aliases_can_be_chosen() -> None:
    assert {"domain", *forms.SERVICES} == set(models.PROTOCOLS)
