"""Which site is meant: remembered, bounded, and still known while PostgreSQL is away."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from analytics.events import Hit
from analytics.rules import ChannelRule, Ruleset
from analytics.sites import change, create, lookup, models
from analytics.store import db
from tests import processes

pytestmark = pytest.mark.database


@contextlib.contextmanager
def postgresql_away() -> Iterator[None]:
    """Nothing listens where Django looks for it."""
    connection = connections["default"]
    settings, port = connection.settings_dict, connection.settings_dict["PORT"]
    connection.close()
    settings["PORT"] = str(processes.free_port())
    try:
        yield
    finally:
        connection.close()
        settings["PORT"] = port


def let_answers_age() -> None:
    """As if half a minute had gone by."""
    lookup._known.update({place: (0.0, value) for place, (_, value) in lookup._known.items()})


def test_any_id_of_a_site_names_it(site: models.Site) -> None:
    facts = lookup.SiteFacts(site.pk, "example.com", "UTC")
    for reference in (
        "example.com", "Example.COM", " www.example.com", str(site.pk), str(site.uuid), str(site.uuid).upper(),
        site.uuid.hex, f"urn:uuid:{site.uuid}", site.measurement_id, site.measurement_id.lower(), site.public_key,
    ):  # fmt: skip
        assert lookup.site(reference) == facts, reference


def test_an_alias_comes_before_own_ids_and_in_its_own_protocol_only(site: models.Site) -> None:
    other = create.site("other.example", organisation="Test").site
    change.add_alias(site, "matomo", str(other.pk))
    found = {ids: lookup.site(str(other.pk), ids) for ids in ("", *models.PROTOCOLS)}
    assert {ids: facts.id for ids, facts in found.items() if facts} == dict.fromkeys(found, other.pk) | {
        "matomo": site.pk
    }


def test_an_alias_of_a_protocol_comes_before_a_further_domain(site: models.Site) -> None:
    other = create.site("other.example", organisation="Test").site
    change.add_alias(site, "domain", "shop.example")
    change.add_alias(other, "plausible", "shop.example", trusted=True)
    found = [lookup.site("shop.example", ids) for ids in ("", "umami", "plausible")]
    assert [(facts.id, facts.trusted) for facts in found if facts] == [
        (site.pk, False),
        (site.pk, False),
        (other.pk, True),
    ]


def test_an_alias_is_found_however_it_is_spelt(site: models.Site) -> None:
    change.add_alias(site, "ga4", "G-AbC1234567")
    change.add_alias(site, "umami", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
    change.add_alias(site, "snowplow", "Acme Web")
    change.add_alias(site, "plausible", "old.example/blog")
    for reference, ids in (
        ("g-abc1234567", "ga4"), ("G-ABC1234567", "ga4"), ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "umami"),
        ("Acme Web", "snowplow"), (" acme web ", "snowplow"), ("www.old.example/blog", "plausible"),
    ):  # fmt: skip
        assert lookup.site(reference, ids) == lookup.site("example.com"), reference
        assert lookup.site(reference) is None


def test_a_further_domain_is_one_of_the_sites_own_hosts(site: models.Site) -> None:
    change.add_alias(site, "domain", "www.Shop.example")
    change.add_alias(site, "plausible", "old-name.example")
    models.Ruleset.objects.create(site=site, version=2, rules={"own_hosts": ["more.example"]})
    assert lookup.ruleset(site.pk).own_hosts == ("example.com", "shop.example", "more.example")


def test_a_page_of_a_further_domain_is_no_referrer(site: models.Site, record: Callable[..., list[Hit]]) -> None:
    change.add_alias(site, "domain", "shop.example")
    record(
        [
            {"url": "https://example.com/", "referrer": "https://www.shop.example/basket", "visitor_id": "a"},
            {"url": "https://shop.example/", "referrer": "https://example.com/", "visitor_id": "b"},
            {"url": "https://shop.example/", "referrer": "https://partner.example/x", "visitor_id": "c"},
        ]
    )
    with db.transaction() as cursor:
        cursor.execute("SELECT host, referrer, channel FROM event ORDER BY ts")
        assert cursor.fetchall() == [
            ("example.com", "", "Direct"),
            ("shop.example", "", "Direct"),
            ("shop.example", "partner.example/x", "Referral"),
        ]


def test_the_door_knows_the_switches_and_limits_of_a_site(site: models.Site) -> None:
    values: dict[str, Any] = {"honour_dnt": True, "honour_gpc": True, "events_per_minute": 5, "events_per_month": 6}
    change.set_values(site.pk, values | {"suspended_at": dt.datetime.now(dt.UTC)}, ["203.0.113.7"])
    assert lookup.site("example.com") == lookup.SiteFacts(
        site.pk, "example.com", "UTC", excluded_addresses=("203.0.113.7",), suspended=True, **values
    )


def test_what_names_no_site_is_not_even_asked_for(site: models.Site) -> None:
    with postgresql_away():
        for reference in (
            "",
            " ",
            "%",
            "*",
            "\0",
            "\ud83d",
            "é.example",
            "a&b",
            "a,b",
            "a' OR 1=1",
            "x" * 254,
            "x" * 10_000,
        ):
            assert lookup.site(reference) is None, reference
    assert lookup._known == {}


def test_an_answer_is_remembered_and_looked_up_again_when_it_is_old(site: models.Site) -> None:
    assert lookup.site("example.com")
    assert lookup.site("other.example") is None
    create.site("other.example")
    models.Site.objects.filter(pk=site.pk).delete()
    assert lookup.site("example.com")
    assert lookup.site("other.example") is None
    let_answers_age()
    assert lookup.site("other.example")


def test_known_sites_stay_known_while_postgresql_is_away(site: models.Site) -> None:
    key = create.secret_key(site)
    known = (lookup.site("example.com"), lookup.secret(key), lookup.ruleset(site.pk), lookup.site("none.example"))
    let_answers_age()
    with postgresql_away():
        assert (
            lookup.site("example.com"), lookup.secret(key), lookup.ruleset(site.pk), lookup.site("none.example"),
        ) == known  # fmt: skip
        with pytest.raises(lookup.LookupAway):
            lookup.site("never-asked.example")
        with pytest.raises(lookup.LookupAway):
            lookup.secret("sk_never_asked")
    lookup._away_until = time.monotonic()
    assert lookup.site("never-asked.example") is None


def test_postgresql_is_left_alone_while_it_is_away(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = lookup._load_site

    def load(reference: str, ids: str) -> lookup.SiteFacts | None:
        asked.append(reference)
        return real(reference, ids)

    monkeypatch.setattr(lookup, "_load_site", load)
    with postgresql_away():
        for n in range(10):
            with pytest.raises(lookup.LookupAway):
                lookup.site(f"{n}.example")
        assert asked == ["0.example"]
    assert lookup._away_until > time.monotonic()
    lookup._away_until = time.monotonic()
    assert lookup.site("example.com")
    assert lookup._away_until == 0.0


def test_what_does_not_exist_is_forgotten_before_what_does(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MAX_ENTRIES", 20)
    assert lookup.site("example.com")
    for n in range(100):
        assert lookup.site(f"none-{n}.example") is None
        assert len(lookup._known) <= 20
    assert ("site", ("", "example.com")) in lookup._known


def test_memory_is_bounded_though_everything_exists(site: models.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "MAX_ENTRIES", 3)
    for reference in ("example.com", str(site.pk), site.public_key, site.measurement_id, str(site.uuid)):
        assert lookup.site(reference)
        assert len(lookup._known) <= 3


def test_a_secret_key_that_was_revoked_stops_when_the_answer_is_old(site: models.Site) -> None:
    key = create.secret_key(site)
    assert lookup.secret(key) == site.pk
    row = models.SecretKey.objects.filter(site=site).latest("pk")
    row.revoked_at = dt.datetime.now(dt.UTC)
    row.save()
    let_answers_age()
    assert lookup.secret(key) is None


def test_a_text_that_is_no_secret_key_opens_nothing(site: models.Site) -> None:
    create.secret_key(site)
    for key in ("", "sk_", site.public_key, models.SecretKey.objects.latest("pk").hash, "é", "x" * 100_000):
        assert lookup.secret(key) is None


def test_the_rules_of_a_site_are_the_newest_and_name_its_own_hosts_first(site: models.Site) -> None:
    assert lookup.ruleset(site.pk) == Ruleset(own_hosts=("example.com",))
    rules = {"own_hosts": ["shop.example"], "channel_rules": [{"channel": "Paid", "medium": "cp*"}]}
    models.Ruleset.objects.create(site=site, version=2, rules={"visit_timeout_seconds": 60})
    models.Ruleset.objects.create(site=site, version=3, rules=rules)
    let_answers_age()
    assert lookup.ruleset(site.pk) == Ruleset(
        version=3,
        own_hosts=("example.com", "shop.example"),
        channel_rules=(ChannelRule(channel="Paid", medium="cp*"),),
    )
    assert lookup.load_ruleset(site.pk, 2).visit_timeout_seconds == 60
    assert lookup.load_ruleset(site.pk, 1) == Ruleset(own_hosts=("example.com",))
    with pytest.raises(models.Ruleset.DoesNotExist):
        lookup.load_ruleset(site.pk, 9)
    assert lookup.longest_idle() == dt.timedelta(minutes=30)


BROKEN: list[Any] = [
    {"visit_timeout_seconds": "30 min"},
    {"excluded_paths": "/admin"},
    {"own_hosts": 7},
    {"excluded_path": ["/admin"]},
    {"version": 9},
    ["/admin"],
    "rules",
]


@pytest.mark.parametrize("rules", BROKEN, ids=str)
def test_broken_rules_leave_those_before_in_force(
    site: models.Site, rules: Any, caplog: pytest.LogCaptureFixture
) -> None:
    models.Ruleset.objects.create(site=site, version=2, rules={"visit_timeout_seconds": 60})
    for version in (3, 4):
        models.Ruleset.objects.create(site=site, version=version, rules=rules)
    assert lookup.ruleset(site.pk) == Ruleset(version=2, visit_timeout_seconds=60, own_hosts=("example.com",))
    assert lookup.ruleset(site.pk).version == 2
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said.startswith("Rules of example.com are broken, version 2 is in force: version 4 (")
    with pytest.raises(models.BrokenRules):
        lookup.load_ruleset(site.pk, 3)


def test_traffic_under_broken_rules_is_counted_under_the_default(
    site: models.Site, record: Callable[..., list[Hit]]
) -> None:
    models.Ruleset.objects.create(site=site, version=2, rules={"excluded_paths": "/admin"})
    record([{"url": "/a"}])
    with db.transaction() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM quarantine), array_agg(ruleset) FROM event")
        assert cursor.fetchall() == [(0, [1])]


def test_a_timeout_that_is_not_allowed_makes_no_visit_longer(site: models.Site) -> None:
    not_allowed = ["30 min", True, 59, 28_501, 3600.5, None, [3600], {}, -3600]
    for version, timeout in enumerate(not_allowed, 2):
        models.Ruleset.objects.create(site=site, version=version, rules={"visit_timeout_seconds": timeout})
    models.Ruleset.objects.create(site=site, version=100, rules=[3600])
    assert lookup.longest_idle() == dt.timedelta(minutes=30)
    models.Ruleset.objects.create(site=site, version=101, rules={"visit_timeout_seconds": 28_500})
    assert lookup.longest_idle() == dt.timedelta(hours=7, minutes=55)


def test_rules_are_read_past_the_cache(site: models.Site) -> None:
    models.Ruleset.objects.create(site=site, version=2, rules={"visit_timeout_seconds": 600})
    assert lookup.load_ruleset(site.pk, 2).visit_timeout_seconds == 600
    assert lookup.longest_idle() == dt.timedelta(minutes=30)
    # As when the cache was away while they were saved: what it holds is not told.
    models.Ruleset.objects.filter(version=2).update(rules={"visit_timeout_seconds": 3600})
    models.Site.objects.update(domain="moved.example")
    moved = Ruleset(version=2, visit_timeout_seconds=3600, own_hosts=("moved.example",))
    assert lookup.load_ruleset(site.pk, 2) == lookup.load_ruleset(site.pk) == moved
    assert lookup.longest_idle() == dt.timedelta(hours=1)
