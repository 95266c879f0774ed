"""Making sites and keys, and who may see what."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser, User

from analytics.sites import access, create, keys, models

database = pytest.mark.database


def test_keys_say_what_they_are_and_never_repeat() -> None:
    for make, prefix, length in (
        (keys.public_key, "pk_", 27),
        (keys.secret_key, "sk_", 51),
        (keys.api_key, "ak_", 51),
        (keys.measurement_id, "G-", 12),
    ):
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert {(key[: len(prefix)], len(key)) for key in made} == {(prefix, length)}


def test_only_the_hash_of_a_secret_key_is_kept() -> None:
    digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    assert keys.digest("password") == digest


@pytest.mark.parametrize(
    ("domain", "like_an_id"),
    [
        ("example.com", False),
        ("localhost", False),
        ("12345.com", False),
        ("g-shop.example", False),
        ("7", True),
        ("g-abcdefgh23", True),
        ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", True),
        ("a0eebc999c0b4ef8bb6d6bb9bd380a11", True),
    ],
)
def test_a_domain_that_reads_like_an_id_is_recognised(domain: str, like_an_id: bool) -> None:
    assert keys.looks_like_an_id(domain) == like_an_id


@database
def test_a_site_is_made_with_its_ids_and_a_secret_key(stores: None) -> None:
    made = create.site("WWW.Example.com", timezone="Europe/Tallinn", currency="USD", organisation="Shop")
    site = models.Site.objects.get()
    assert (site.domain, site.timezone, site.currency, str(site.organisation)) == (
        "example.com", "Europe/Tallinn", "USD", "Shop",
    )  # fmt: skip
    assert models.SecretKey.objects.get().hash == keys.digest(made.secret_key)
    assert create.snippet(site, "https://in.example") == (
        '<script defer data-site="example.com" src="https://in.example/js/recount.js"></script>'
    )


@database
def test_a_site_that_cannot_be_is_not_made(site: models.Site) -> None:
    for domain, options in (
        ("example.com", {}), ("www.example.com", {}), ("", {}), ("https://a.example", {}), ("a.example/x", {}),
        ("a b", {}), ("é.example", {}), (".example", {}), ("x" * 300, {}), (str(site.pk), {}),
        (site.measurement_id, {}), (str(site.uuid), {}), ("b.example", {"timezone": "Mars/Base"}),
        ("b.example", {"currency": "euro"}),
    ):  # fmt: skip
        with pytest.raises(create.BadSite) as caught:
            create.site(domain, **options)
        assert str(caught.value)
    assert models.Site.objects.count() == 1
    assert list(models.Organisation.objects.values_list("name", flat=True)) == ["Test"]


@database
def test_changed_data_moves_the_version_that_caches_go_by(site: models.Site) -> None:
    create.data_changed(site.pk)
    assert models.Site.objects.get(pk=site.pk).data_version == 2


@database
def test_a_user_sees_the_sites_of_the_own_organisations_only(site: models.Site) -> None:
    theirs = create.site("theirs.example", organisation="Theirs").site
    create.site("also.example", organisation="Test")
    user = User.objects.create_user("user")
    models.Membership.objects.create(user=user, organisation=site.organisation)
    assert [found.domain for found in access.sites_of(user)] == ["also.example", "example.com"]
    assert access.site_for(user, "Example.com") == site
    for domain in ("theirs.example", "none.example", "", "%", str(theirs.pk), "\ud83d"[:0]):
        with pytest.raises(access.NoSuchSite):
            access.site_for(user, domain)
    assert not access.sites_of(AnonymousUser())
    assert not access.sites_of(User.objects.create_user("stranger"))
    with pytest.raises(access.NoSuchSite):
        access.site_for(AnonymousUser(), "example.com")


@database
def test_an_api_key_allows_its_scopes_on_its_site(site: models.Site) -> None:
    sibling = create.site("sibling.example", organisation="Test").site
    stranger = create.site("stranger.example", organisation="Theirs").site
    key = access.api_key(create.api_key(site, ["stats:read"]))
    assert key is not None
    assert key.allows("stats:read", site)
    assert not key.allows("events:write", site)
    assert not key.allows("stats:read", sibling)
    assert not key.allows("stats:read", stranger)
    key.site = None
    assert key.allows("stats:read", sibling)
    assert not key.allows("stats:read", stranger)
    key.revoked_at = dt.datetime.now(dt.UTC)
    assert not key.allows("stats:read", site)


@database
def test_an_api_key_that_is_unknown_or_revoked_is_none(site: models.Site) -> None:
    text = create.api_key(site, ["stats:read"])
    assert access.api_key(text)
    assert access.api_key(text + "x") is access.api_key("") is access.api_key(keys.digest(text)) is None
    models.ApiKey.objects.update(revoked_at=dt.datetime.now(dt.UTC))
    assert access.api_key(text) is None
    with pytest.raises(ValueError, match="No such scope"):
        create.api_key(site, ["everything"])
