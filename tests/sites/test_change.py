"""Changing sites, their aliases and keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User

from analytics.sites import access, change, create, keys, models

pytestmark = pytest.mark.database
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def refused(*given: Any, **more: Any) -> str:
    """The one sentence that says why an alias cannot be added."""
    with pytest.raises(change.BadChange) as caught:
        change.add_alias(*given, **more)
    return str(caught.value)


# --- aliases ---


def test_an_id_by_which_another_site_is_known_is_refused_as_alias(site: models.Site) -> None:
    for organisation in ("Test", "Theirs"):
        other = create.site(f"{organisation}.example", organisation=organisation).site
        change.add_alias(other, "domain", f"shop.{other.domain}")
        for protocol in models.PROTOCOLS:
            for identifier in (other.domain, f"www.{other.domain.upper()}."):
                assert refused(site, protocol, identifier) == "Another site is known by this id."
        for identifier in (other.measurement_id, other.public_key, str(other.uuid), other.uuid.hex, str(other.pk)):
            assert refused(site, "ga4", identifier) == "Another site is known by this id."
        assert refused(site, "domain", f"shop.{other.domain}") == "This alias exists already."
    assert not site.aliases.exists()


def test_a_small_number_of_matomo_may_be_another_site_of_the_same_house_alone(site: models.Site) -> None:
    sibling = create.site("sibling.example", organisation="Test").site
    stranger = create.site("stranger.example", organisation="Theirs").site
    change.add_alias(site, "matomo", str(sibling.pk))
    assert refused(site, "matomo", str(stranger.pk)) == "Another site is known by this id."
    assert refused(site, "segment", str(sibling.pk)) == "Another site is known by this id."


@pytest.mark.parametrize(
    ("protocol", "identifier", "why"),
    [
        ("domain", "a b", "Write the host alone"),
        ("domain", "https://shop.example", "Write the host alone"),
        ("domain", "", "Write the host alone"),
        ("domain", "7", "This is what ids look like"),
        ("domain", "G-ABCDEF1234", "This is what ids look like"),
        ("domain", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "This is what ids look like"),
        ("domain", "x" * 254, "at most 253 characters"),
        ("umami", "a,b", "An id is made of letters, digits"),
        ("umami", "é", "An id is made of letters, digits"),
        ("umami", "", "blank"),
        ("fathom", "ABC", "not a valid choice"),
    ],
)
def test_what_can_be_no_alias_is_refused_in_one_sentence(
    site: models.Site, protocol: str, identifier: str, why: str
) -> None:
    said = refused(site, protocol, identifier)
    assert why in said
    assert said.endswith(".")
    assert "\n" not in said


def test_the_same_id_may_mean_different_sites_to_different_protocols(site: models.Site) -> None:
    other = create.site("other.example", organisation="Theirs").site
    change.add_alias(site, "segment", "same")
    change.add_alias(other, "posthog", "same")
    assert refused(other, "segment", "SAME") == "This alias exists already."


def test_a_site_has_a_bounded_number_of_aliases(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_ALIASES", 3)
    for number in range(3):
        change.add_alias(site, "matomo", str(100 + number))
    assert refused(site, "matomo", "200") == "A site has at most 3 aliases."
    other = create.site("other.example").site
    change.add_alias(other, "matomo", "200")


def test_a_new_site_takes_no_name_that_is_anothers_alias(site: models.Site) -> None:
    change.add_alias(site, "plausible", "taken.example")
    change.add_alias(site, "domain", "shop.example")
    for domain in ("taken.example", "WWW.shop.example"):
        with pytest.raises(create.BadSite, match="Another site has this domain among its aliases"):
            create.site(domain, organisation="Theirs")


def test_a_new_site_takes_no_integer_id_that_is_somebodys_alias(site: models.Site) -> None:
    for number in (1, 2, 4):
        change.add_alias(site, "matomo", str(site.pk + number))
    made = create.site("other.example", organisation="Theirs")
    assert made.site.pk == site.pk + 3
    assert models.SecretKey.objects.get(hash=keys.digest(made.secret_key)).site == made.site
    assert create.site("third.example").site.pk == site.pk + 5
    assert models.Site.objects.count() == 3


def test_an_alias_is_found_to_be_removed_by_what_clients_send(site: models.Site) -> None:
    alias = change.add_alias(site, "ga4", "G-ABC1234567", trusted=True)
    assert change.alias_named("ga4", "G-ABC1234567") == alias
    for protocol, identifier in (("umami", "G-ABC1234567"), ("ga4", "G-NONE")):
        with pytest.raises(change.BadChange, match="No site has the"):
            change.alias_named(protocol, identifier)


# --- switches, limits, addresses ---


def test_values_are_set_and_what_is_not_named_stays(site: models.Site) -> None:
    change.set_values(site.pk, {"honour_dnt": True, "events_per_minute": 100})
    found = change.set_values(site.pk, {"events_per_month": 2_000_000_000_000})
    stored = models.Site.objects.get(pk=site.pk)
    for one in (found, stored):
        assert (one.honour_dnt, one.honour_gpc, one.events_per_minute) == (True, False, 100)
        assert one.events_per_month == 2_000_000_000_000
    assert change.set_values(site.pk, {"events_per_minute": None}).events_per_minute is None


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"events_per_minute": 0}, "Write 1 or more"),
        ({"events_per_month": 0}, "Write 1 or more"),
        ({"events_per_minute": -1}, "greater than or equal to 0"),
        ({"events_per_minute": 2**31}, "less than or equal to 2147483647"),
        ({"excluded_addresses": ["300.1.1.1"]}, "'300.1.1.1' is no address or network"),
        ({"excluded_addresses": ["fe80::1%eth0"]}, "is no address or network"),
        ({"excluded_addresses": ["example.com"]}, "is no address or network"),
    ],
)
def test_what_makes_no_sense_changes_nothing(site: models.Site, values: dict[str, Any], why: str) -> None:
    with pytest.raises(change.BadChange, match=why):
        change.set_values(site.pk, {"honour_dnt": True} | values)
    stored = models.Site.objects.nocache().get(pk=site.pk)  # type: ignore[attr-defined]
    assert (stored.honour_dnt, stored.events_per_minute, stored.excluded_addresses) == (False, None, [])


def test_excluded_addresses_are_added_and_removed_in_any_spelling(site: models.Site) -> None:
    found = change.set_values(site.pk, {}, ["203.0.113.9/28", " 198.51.100.7 ", "2001:DB8:0::/32", "::ffff:192.0.2.1"])
    assert found.excluded_addresses == ["203.0.113.0/28", "198.51.100.7", "2001:db8::/32", "192.0.2.1"]
    found = change.set_values(site.pk, {}, ["198.51.100.7/32"], ["203.0.113.0/28", "192.0.2.1"])
    assert found.excluded_addresses == ["198.51.100.7", "2001:db8::/32"]
    with pytest.raises(
        change.BadChange, match=r"192\.0\.2\.1 is not excluded; excluded are: 198\.51\.100\.7, 2001:db8::/32"
    ):
        change.set_values(site.pk, {}, [], ["192.0.2.1"])


def test_the_number_of_excluded_networks_is_bounded(site: models.Site) -> None:
    many = [f"10.0.{n // 250}.{n % 250}" for n in range(models.MOST_NETWORKS + 1)]
    with pytest.raises(change.BadChange, match="At most 500"):
        change.set_values(site.pk, {}, many)
    assert len(change.set_values(site.pk, {}, many[1:]).excluded_addresses) == models.MOST_NETWORKS


# --- keys ---


def test_a_key_is_revoked_once_by_its_number_or_its_text(site: models.Site) -> None:
    text = create.secret_key(site, "ci")
    key = change.secret_key_named(text)
    assert key == change.secret_key_named(str(key.pk))
    change.revoke_key(key, NOW)
    change.revoke_key(change.secret_key_named(text), NOW + dt.timedelta(days=1))
    assert models.SecretKey.objects.get(pk=key.pk).revoked_at == NOW
    for unknown in ("", "sk_", "99999", "9" * 30, key.hash, "é"):
        with pytest.raises(change.BadChange, match="There is no such secret key"):
            change.secret_key_named(unknown)


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_key_without_a_proper_name_is_not_made(site: models.Site, name: str) -> None:
    before = models.SecretKey.objects.count()
    with pytest.raises(create.BadSite):
        create.secret_key(site, name)
    assert models.SecretKey.objects.count() == before


# --- who may ---


def test_owners_and_admins_may_change_their_sites_and_nobody_else(site: models.Site) -> None:
    theirs = create.site("theirs.example", organisation="Theirs").site
    for role, may in (("owner", True), ("admin", True), ("viewer", False)):
        user = User.objects.create_user(role)
        models.Membership.objects.create(user=user, organisation=site.organisation, role=role)
        assert access.may_change(user, site) is may
        assert access.may_change(user, theirs) is False
        if may:
            assert access.site_to_change(user, "WWW.example.com") == site
        for domain in ("theirs.example", "none.example", "", *([] if may else ["example.com"])):
            with pytest.raises(access.NoSuchSite):
                access.site_to_change(user, domain)
    assert access.may_change(AnonymousUser(), site) is False
    assert access.may_change(User.objects.create_superuser("staff"), site) is False
