"""Which events reports leave out and why, and which page an event belongs to: pure, and through a whole pipeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from analytics import protocols
from analytics.enrich.geo import Geo
from analytics.events import Event, Hit
from analytics.pipeline import derive, writer
from analytics.pipeline.visits import OpenVisits
from analytics.protocols import ga4
from analytics.reprocess import recount
from analytics.rules import Ruleset
from analytics.sites import lookup, models
from analytics.store import db
from tests import builders, shared

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
MINUTE = dt.timedelta(minutes=1)
LONDON, NARVA = "81.2.69.0/24", "2001:2b8::/48"


def events(*hits: Hit, geo: Geo | None = None, **rules: Any) -> list[Event]:
    """What hits become under the rules of example.com; none fails."""
    ruleset = msgspec.convert({"own_hosts": ["example.com"]} | rules, Ruleset)
    derived = derive.derive(hits, derive.Rules(lambda _: ruleset, geo or Geo()), OpenVisits())
    assert derived.failures == []
    return derived.events


def page(url: str, **given: Any) -> Hit:
    return builders.hit(event={"url": url, **given.pop("event", {})}, **given)


def category(hit: Hit, **rules: Any) -> str:
    (event,) = events(hit, **rules)
    return event.category


# --- the page ---


@pytest.mark.parametrize(
    ("url", "kept", "path"),
    [
        ("https://example.com/p?product=1&utm_source=x&size=L", [], "/p"),
        ("https://example.com/p?product=1&utm_source=x&size=L", ["size", "product"], "/p?product=1&size=L"),
        ("https://example.com/p?size=L&product=1", ["product"], "/p?product=1"),
        ("https://example.com?product=1", ["product"], "/?product=1"),
        ("/p?product=1#top", ["product"], "/p?product=1"),
        ("/p?product=1&product=2", ["product"], "/p?product=1&product=2"),
        ("/p?product", ["product"], "/p?product"),
        ("/p?products=1&Product=2&=3&", ["product"], "/p"),
        ("/p#?product=1", ["product"], "/p"),
        ("/p?product=a%20b%26c", ["product"], "/p?product=a%20b%26c"),
        ("/p?product=<b>\x1b[2J", ["product"], "/p?product=<b>[2J"),
        ("", ["product"], ""),
    ],
)
def test_parameters_that_tell_pages_apart_stay_in_the_path(url: str, kept: list[str], path: str) -> None:
    (event,) = events(page(url), kept_parameters=kept)
    assert (event.host, event.path, event.entry_path) == ("example.com", path, path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/app#/users/7", "/app#/users/7"),
        ("https://example.com/#!/inbox?x=1", "/#!/inbox?x=1"),
        ("https://example.com/app?tab=2#/users", "/app#/users"),
        ("https://example.com/app#", "/app"),
        ("/app#/users", "/app#/users"),
        ("/app", "/app"),
    ],
)
def test_a_site_that_routes_by_the_fragment_has_it_in_the_path(url: str, path: str) -> None:
    (event,) = events(page(url, event={"hash": True}))
    assert event.path == path
    (plain,) = events(page(url))
    assert "#" not in plain.path


def test_kept_parameters_and_the_fragment_go_together() -> None:
    (event,) = events(page("/app?tab=2&x=3#/users", event={"hash": True}), kept_parameters=["tab"])
    assert event.path == "/app?tab=2#/users"


@pytest.mark.parametrize("name", ["engagement", "identify", "web_vitals"])
def test_what_nobody_did_is_not_interactive_whatever_the_client_says(name: str) -> None:
    told = events(*(builders.hit(event={"name": one, "interactive": True}) for one in (name, "signup")))
    assert {event.name: event.interactive for event in told} == {name: False, "signup": True}


# --- what is left out ---


@pytest.mark.parametrize(
    ("url", "allowed", "expected"),
    [
        ("https://example.com/", [], ""),
        ("https://copy.example.net/", [], ""),
        ("https://example.com/", ["example.com"], ""),
        ("https://www.example.com:8443/", ["example.com"], ""),
        ("https://example.com/", ["www.example.com"], ""),
        ("https://EXAMPLE.com./", ["Example.COM"], ""),
        ("https://shop.example.com/", ["*.example.com"], ""),
        ("https://www.example.com/", ["*.example.com"], ""),
        ("https://shop.example.com/", ["example.com"], "foreign-host"),
        ("https://example.com.evil.example/", ["example.com", "*.example.com"], "foreign-host"),
        ("https://notexample.com/", ["*.example.com"], "foreign-host"),
        ("https://copy.example.net/", ["example.com"], "foreign-host"),
        ("https://shop.example.org/", ["example.com", "*.example.org"], ""),
        ("/pricing", ["example.com"], ""),
        ("/pricing", ["shop.example"], "foreign-host"),
        ("", ["shop.example"], ""),
    ],
)
def test_pages_of_hosts_that_are_not_allowed_are_left_out(url: str, allowed: list[str], expected: str) -> None:
    assert category(page(url), allowed_hosts=allowed) == expected


@pytest.mark.parametrize(
    ("network", "countries", "expected"),
    [
        (LONDON, [], ""),
        (LONDON, ["GB"], "excluded"),
        (LONDON, ["FR", "GB"], "excluded"),
        (LONDON, ["FR"], ""),
        ("10.0.0.0/24", ["GB"], ""),
        ("", ["GB"], ""),
    ],
)
def test_visitors_of_excluded_countries_are_left_out(network: str, countries: list[str], expected: str) -> None:
    geo = Geo.open(str(shared.path("data/geoip_maxmind_test/GeoIP2-City-Test.mmdb")))
    # The test database knows 81.2.69.142/31 and 81.2.69.160/27 of that /24.
    hit = page("/", ip_prefix=network.replace(".0/24", ".160/27"))
    (event,) = events(hit, geo=geo, excluded_countries=countries)
    assert (event.category, event.country) == (expected, "GB" if network == LONDON else "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ""),
        ({"flags": "prefetch"}, "prefetch"),
        ({"flags": "clamped,prefetch,excluded-address"}, "prefetch"),
        ({"flags": "excluded-address"}, "excluded"),
        ({"flags": "clamped,scrubbed"}, ""),
        ({"flags": "prefetch", "user_agent": BOT}, "search-engine"),
        ({"event": {"url": "/admin/x"}}, "excluded"),
        ({"user_agent": ""}, "library"),
    ],
)
def test_the_first_reason_to_leave_an_event_out_is_its_category(given: dict[str, Any], expected: str) -> None:
    assert category(builders.hit(**given), excluded_paths=["/admin/*"]) == expected


def test_a_server_that_says_nothing_of_the_visitor_is_no_bot_and_has_no_browser() -> None:
    payload = '[{"name": "signup", "params": {}}, {"client_id": "1.2"}]'
    assert protocols.BY_NAME["ga4"] is ga4
    assert ga4.read(payload).from_server
    (event,) = events(builders.hit(protocol="ga4", payload=payload, user_agent="python-requests/2.32"))
    assert (event.category, event.browser, event.os, event.device) == ("", "", "", "")


def test_a_server_that_says_who_the_visitor_is_has_that_visitors_browser_or_bot() -> None:
    # The door keeps what the program says as the user agent of the hit.
    for agent, expected in ((builders.USER_AGENT, ("", "Chrome")), (BOT, ("search-engine", "Googlebot"))):
        said = msgspec.json.encode({"client_id": "1.2", "user_agent": agent}).decode()
        hit = builders.hit(protocol="ga4", payload=f'[{{"name": "signup"}}, {said}]', user_agent=agent)
        (event,) = events(hit)
        assert (event.category, event.browser) == expected


# --- spam referrers ---


def visit(*referrers: str, minutes: int = 1) -> list[Event]:
    """One visitor's pages, one after the other."""
    at = [builders.NOW + number * minutes * MINUTE for number in range(len(referrers))]
    return events(*[page("/", event={"referrer": referrer}, ts=ts) for referrer, ts in zip(referrers, at, strict=True)])


def test_a_visit_that_a_spam_referrer_began_is_left_out_as_a_whole() -> None:
    found = visit("http://semalt.com/crawler.php", "https://example.com/", "", "https://www.google.com/")
    assert [event.category for event in found] == ["spam-referrer"] * 4
    assert len({event.visit_id for event in found}) == 1
    assert found[0].source == "semalt.com"


def test_a_visit_of_a_person_stays_counted_whatever_refers_later() -> None:
    found = visit("https://www.google.com/", "http://semalt.com/crawler.php")
    assert [event.category for event in found] == ["", ""]


def test_the_next_visit_of_the_visitor_counts_again() -> None:
    found = visit("http://semalt.com/", "", minutes=31)
    assert [event.category for event in found] == ["spam-referrer", ""]


def test_a_spam_domain_that_is_the_sites_own_is_no_spam() -> None:
    hit = page("/", event={"referrer": "https://semalt.com/"})
    assert category(hit) == "spam-referrer"
    assert category(hit, own_hosts=["example.com", "semalt.com"]) == ""


# --- through the whole pipeline ---

database = pytest.mark.database


def stored(columns: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(f"SELECT {columns} FROM event ORDER BY ts")
        return cursor.fetchall()


@database
def test_rules_of_a_site_decide_about_live_traffic_and_about_history(
    site: models.Site, record: Callable[..., list[Hit]]
) -> None:
    record([{"url": "/p?product=1&x=2"}, {"url": "https://copy.example/p"}])
    assert stored("path, category, ruleset") == [("/p", "", 1), ("/p", "", 1)]
    rules = {"kept_parameters": ["product"], "allowed_hosts": ["example.com"]}
    models.Ruleset.objects.create(site=site, version=2, rules=rules)
    lookup.forget()
    record([{"url": "/p?product=3&x=2", "at": builders.NOW + MINUTE}])
    day = builders.NOW.date()
    list(recount.days(site.pk, (day, day), lookup.load_ruleset(site.pk), False))
    assert stored("path, category, ruleset") == [
        ("/p?product=1", "", 2),
        ("/p", "foreign-host", 2),
        ("/p?product=3", "", 2),
    ]


@database
def test_a_spam_visit_goes_on_after_the_writer_and_in_a_recount_that_begins_within_it(
    site: models.Site, record: Callable[..., list[Hit]]
) -> None:
    midnight = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    first = {"at": midnight - MINUTE, "referrer": "http://semalt.com/", "visitor_id": "one"}
    second = {"at": midnight + MINUTE, "referrer": "https://example.com/", "visitor_id": "one"}
    record([first], now=midnight)
    record([second], now=midnight + 2 * MINUTE)
    before = stored("category, visit_id, referrer")
    assert [row[0] for row in before] == ["spam-referrer", "spam-referrer"]
    assert len({row[1] for row in before}) == 1
    day = midnight.date()
    list(recount.days(site.pk, (day, day), lookup.load_ruleset(site.pk), True))
    assert stored("category, visit_id, referrer") == before


@database
def test_a_running_writer_takes_a_new_address_database_into_use(
    site: models.Site, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared.path("data/geoip_maxmind_test")
    settings.GEOIP_DB = str(tmp_path / "places.mmdb")
    monkeypatch.setattr(writer, "PLACES_SECONDS", 0.0)
    running = writer.Writer()
    countries: list[str] = []

    def look() -> int:
        """Instead of a batch: what the rules in use know; then the file changes."""
        countries.append(running._rules.geo.locate("81.2.69.142/32").country)
        names = ["bad-data/cyclic-data-structure.mmdb", "GeoIP2-City-Test.mmdb", "bad-data/unexpected-bytes.mmdb"]
        if len(countries) > len(names):
            running.stop()
        else:
            (tmp_path / "places.mmdb").write_bytes((folder / names[len(countries) - 1]).read_bytes())
        return writer.BATCH_HITS

    monkeypatch.setattr(running, "drain_once", look)
    running.run()
    assert countries == ["", "", "GB", "GB"]
