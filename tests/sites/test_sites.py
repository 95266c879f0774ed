"""Making sites and keys, and who may see what."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError

from analytics.management.commands import import_log
from analytics.pipeline import dedupe
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
    assert access.site_for(user, "www.example.com.") == site
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


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("example.com", "example.com"),
        (" WWW.Shop.Example. ", "shop.example"),
        ("www.www.shop.example", "shop.example"),
        ("wwww.example", "wwww.example"),
        ("shop.www.example", "shop.www.example"),
        ("www", "www"),
        ("", ""),
    ],
)
def test_a_domain_is_kept_as_it_is_looked_up(typed: str, domain: str) -> None:
    assert models.bare_domain(typed) == models.bare_domain(domain) == domain


@pytest.mark.parametrize(
    ("rules", "wrong", "allowed"),
    [
        ({"visit_timeout_seconds": "30 min"}, "got `str`", "a whole number of seconds from 60 to 28500"),
        ({"visit_timeout_seconds": 59}, ">= 60", "7 h 55 min"),
        ({"visit_timeout_seconds": 28_501}, "<= 28500", "7 h 55 min"),
        ({"visit_timeout_seconds": True}, "got `bool`", "a whole number"),
        ({"visit_timeout_seconds": float("nan")}, "got `float`", "a whole number"),
        ({"visit_timeout_seconds": None}, "got `null`", "a whole number"),
        ({"excluded_paths": "/admin"}, "excluded_paths: Expected `array`, got `str`", '["/admin/*"]'),
        ({"excluded_paths": ["/x"] * 201}, "length <= 200", "up to 200"),
        ({"excluded_paths": ["x" * 2049]}, "length <= 2048", "wildcard patterns"),
        ({"excluded_paths": ["/\0"]}, "Control characters are not allowed", "wildcard patterns"),
        ({"excluded_paths": ["/\ud800"]}, "Control characters are not allowed", "wildcard patterns"),
        ({"excluded_paths": ["/a\n"]}, "Control characters are not allowed", "wildcard patterns"),
        ({"excluded_paths": [""]}, "length >= 1", "wildcard patterns"),
        ({"own_hosts": [1]}, "got `int`", "up to 100 hosts"),
        ({"own_hosts": ["a.example"] * 101}, "length <= 100", "up to 100 hosts"),
        ({"source_names": {"x" * 254: "X"}}, "length <= 253", "by host"),
        ({"source_names": {"x.example": 1}}, "got `int`", "by host"),
        ({"source_names": {str(n): "X" for n in range(1001)}}, "length <= 1000", "by host"),
        ({"channel_rules": [{"source": "x"}]}, "missing required field `channel`", "each has a channel"),
        (
            {"channel_rules": [{"channel": "X", "campain": "x"}]},
            "unknown field `campain`",
            "source, medium and campaign",
        ),
        ({"channel_rules": {"channel": "X"}}, "got `object`", "up to 100 rules"),
        (
            {"excluded_path": ["/x"]},
            "unknown field `excluded_path`",
            "visit_timeout_seconds, own_hosts, excluded_paths",
        ),
        ({"x - at `$.nothing": 1}, "unknown field", "own_hosts"),
        ({"\ud800": 1}, "surrogates not allowed", "own_hosts"),
        ({"version": 3}, "The version is counted, not given", "own_hosts"),
        (["/x"], "got `array`", "a JSON object of visit_timeout_seconds"),
        ("x", "got `str`", "a JSON object"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_rules_that_could_not_be_in_force_are_refused_with_what_is_allowed(
    rules: Any, wrong: str, allowed: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        models.Ruleset(version=2, rules=rules).clean()
    (sentence,) = caught.value.message_dict["rules"]
    assert wrong in sentence
    assert allowed in sentence


@pytest.mark.parametrize(
    "rules",
    [
        {},
        None,
        {"visit_timeout_seconds": 60},
        {"visit_timeout_seconds": 28_500, "own_hosts": ["shop.example"], "excluded_paths": ["/é/*"]},
        {"source_names": {"news.example": "The News"}, "channel_rules": [{"channel": "Paid", "medium": "cp*"}]},
    ],
)
def test_rules_within_the_bounds_are_allowed(rules: Any) -> None:
    models.Ruleset(version=2, rules=rules).clean()


def test_help_and_readme_say_how_long_an_import_is_known_again() -> None:
    within = f"again within {dedupe.REMEMBERED.days} days changes nothing"
    (row,) = [
        line for line in Path(settings.BASE_DIR, "README.md").read_text().splitlines() if "manage import-log" in line
    ]
    for text in (import_log.Command.help, row):
        assert within in text
        assert "count" in text.partition(within)[2]
