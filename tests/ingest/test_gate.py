"""Who is let in: aliases, privacy, limits and quotas of a site, as a request meets them."""

from __future__ import annotations

import datetime as dt
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as django_settings

from analytics import buffer
from analytics.events import Hit
from analytics.ingest import accept, hits, rates, visitor
from analytics.pipeline import books
from analytics.protocols import ga4, gtag, matomo, plausible, posthog, recount, segment, snowplow, umami, wire
from analytics.sites import cache_server, change, create, lookup, models
from analytics.store import db
from tests import builders, processes
from tests.sites.test_lookup import let_answers_age, postgresql_away

pytestmark = pytest.mark.database
NOW = builders.NOW
MINUTE = dt.timedelta(minutes=1)
YEARS_AGO = "2015-05-17T10:00:00Z"


@pytest.fixture(autouse=True)
def nothing_counted(stores: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rates begin at nothing, and the cache is asked."""
    rates._counts.clear()
    monkeypatch.setattr(cache_server, "_away_until", 0.0)
    yield
    rates._counts.clear()


def send(
    *events: Mapping[str, Any],
    site: object = "example.com",
    address: str = "203.0.113.9",
    now: dt.datetime = NOW,
    **headers: str,
) -> wire.Reply:
    """The door's answer to events of our own format; without any, one pageview."""
    body = {"site": site, "events": [{"name": "pageview", **event} for event in events or ({},)]}
    return request(recount, json.dumps(body).encode(), address, now, headers)


def request(
    protocol: ModuleType, body: bytes, address: str, now: dt.datetime, headers: Mapping[str, str]
) -> wire.Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    builders._know_salts(now.date())
    caller = hits.caller(named, visitor.parse_address(address))
    return accept.begin(protocol, wire.Request("POST", "/", "", named, body), caller, now)()


def plausible_event(domain: str, **headers: str) -> wire.Reply:
    body = {"n": "pageview", "u": "https://example.com/", "d": domain}
    return request(plausible, json.dumps(body).encode(), "203.0.113.9", NOW, headers)


def client_of(protocol: ModuleType, site: str, **headers: str) -> wire.Reply:
    """The answer to a pageview as clients of another service send it."""
    method, path, query, body = CLIENTS[protocol.NAME]
    raw = b"" if body is None else json.dumps(body).replace("SITE", site).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    caller = hits.caller({"user-agent": builders.USER_AGENT} | named, visitor.parse_address("203.0.113.9"))
    builders._know_salts(NOW.date())
    return accept.begin(protocol, wire.Request(method, path, query.replace("SITE", site), named, raw), caller, NOW)()


# Method, path, query and body; SITE stands for the id.
CLIENTS: dict[str, tuple[str, str, str, Any]] = {
    "plausible": ("POST", "/api/event", "", {"n": "pageview", "u": "https://example.com/", "d": "SITE"}),
    "ga4": ("POST", "/mp/collect", "measurement_id=SITE", {"client_id": "1.2", "events": [{"name": "page_view"}]}),
    "gtag": ("POST", "/g/collect", "v=2&tid=SITE&cid=1.2&en=page_view&dl=https%3A%2F%2Fexample.com%2F", None),
    "segment": ("POST", "/v1/page", "", {"writeKey": "SITE", "anonymousId": "a", "type": "page", "name": "x"}),
    "umami": ("POST", "/api/send", "", {"type": "event", "payload": {"website": "SITE", "url": "/"}}),
    "matomo": ("GET", "/matomo.php", "idsite=SITE&rec=1&url=https%3A%2F%2Fexample.com%2F", None),
    "posthog": ("POST", "/e/", "", {"api_key": "SITE", "event": "$pageview", "distinct_id": "a"}),
    "snowplow": ("GET", "/i", "aid=SITE&e=pv&url=https%3A%2F%2Fexample.com%2F", None),
}
OTHERS = {
    plausible: "old-name.example",
    ga4: "G-ABC1234567",
    gtag: "G-ABC1234567",
    segment: "wk7Sd2bWriteKey",
    umami: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    matomo: "77",
    posthog: "phc_abcDEF123",
    snowplow: "web-shop",
}
"""A protocol, and a site's id as it looks at that service."""
each_other_service = pytest.mark.parametrize(("protocol", "identifier"), OTHERS.items(), ids=CLIENTS)


def waiting() -> list[Hit]:
    """What is in the buffer."""
    return [hit for part in buffer.lengths() for hit in buffer.waiting(part, "0-0")]


def refusal(reply: wire.Reply) -> tuple[int, str, str | None]:
    """(status, code, receipt) of a request that was refused as a whole."""
    return reply.status, json.loads(reply.body)["error"]["code"], reply.headers.get("X-Recount-Dropped")


def turned_away() -> list[tuple[int, str, int]]:
    """(site, reason, events) of which the ledger alone knows; nothing else is kept of them."""
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM hit WHERE refused <> ''")
        assert cursor.fetchall() == [(0,)]
        cursor.execute(
            "SELECT site_id, reason, sum(n)::int FROM ledger WHERE outcome = 'turned away' GROUP BY 1, 2 ORDER BY 1"
        )
        found = cursor.fetchall()
    assert books.balance().holds
    return found


# --- aliases ---


@each_other_service
def test_a_client_is_moved_here_by_its_host_alone(site: models.Site, protocol: ModuleType, identifier: str) -> None:
    client_of(protocol, identifier)
    assert waiting() == []
    change.add_alias(site, protocol.IDS, identifier)
    let_answers_age()
    reply = client_of(protocol, identifier)
    assert (reply.status // 100, reply.headers.get("X-Recount-Dropped")) == (2, None)
    assert [(hit.site_id, hit.protocol) for hit in waiting()] == [(site.pk, protocol.NAME)]


def test_every_protocol_with_ids_of_its_own_is_tried_here() -> None:
    assert {protocol.IDS for protocol in OTHERS} == set(models.PROTOCOLS) - {"domain"}


def test_an_alias_names_the_site_to_its_own_protocol_only(site: models.Site) -> None:
    change.add_alias(site, "plausible", "Old-Name.example")
    assert plausible_event("www.old-name.example").headers.get("X-Recount-Dropped") is None
    assert refusal(send(site="old-name.example")) == (400, "unknown_site", "unknown_site=1")
    assert [hit.site_id for hit in waiting()] == [site.pk]


def test_a_further_domain_names_the_site_to_every_protocol(site: models.Site) -> None:
    change.add_alias(site, "domain", "shop.example")
    assert plausible_event("shop.example").headers.get("X-Recount-Dropped") is None
    assert send(site="www.Shop.example").status == 202
    assert [hit.site_id for hit in waiting()] == [site.pk, site.pk]


def test_a_trusted_alias_is_believed_about_the_past_and_about_addresses(site: models.Site) -> None:
    change.add_alias(site, "domain", "known-to-our-servers", trusted=True)
    change.add_alias(site, "domain", "known-to-all")
    change.set_values(site.pk, {}, ["198.51.100.0/24"])
    said = {"timestamp": YEARS_AGO, "ip": "198.51.100.7", "user_agent": builders.USER_AGENT}
    for reference in ("known-to-our-servers", "known-to-all", "example.com"):
        assert send(said, site=reference).status == 202
    believed, *others = sorted(waiting(), key=lambda hit: hit.ts)
    assert (believed.ts, believed.ip_prefix) == (dt.datetime(2015, 5, 17, 10, tzinfo=dt.UTC), "198.51.100.0/24")
    assert believed.flags == "scrubbed,excluded-address"
    for hit in others:
        assert (hit.ts, hit.ip_prefix) == (NOW - dt.timedelta(hours=72), "203.0.113.0/24")
        assert hit.flags == "clamped,scrubbed"


def test_an_alias_that_was_removed_and_a_key_that_was_revoked_stop_when_the_answers_are_old(site: models.Site) -> None:
    alias = change.add_alias(site, "domain", "shop.example")
    key = create.secret_key(site)
    assert send(site="shop.example").status == send(authorization=f"Bearer {key}").status == 202
    alias.delete()
    change.revoke_key(change.secret_key_named(key), dt.datetime.now(dt.UTC))
    let_answers_age()
    assert refusal(send(site="shop.example"))[:2] == (400, "unknown_site")
    assert refusal(send(authorization=f"Bearer {key}"))[:2] == (401, "bad_key")


def test_answers_are_old_within_half_a_minute_even_when_nobody_says_that_they_changed(site: models.Site) -> None:
    """A change tells the cache; where that failed, this process's time and the cache's add up."""
    default: dict[str, Any] = {**django_settings.CACHEOPS_DEFAULTS}
    timeouts = [(default | options)["timeout"] for options in django_settings.CACHEOPS.values()]
    assert lookup.TTL_SECONDS + max(timeouts) <= 30


def test_known_sites_their_aliases_and_limits_go_on_while_postgresql_is_away(site: models.Site) -> None:
    change.add_alias(site, "domain", "shop.example")
    change.set_values(site.pk, {"events_per_minute": 5, "events_per_month": 100, "honour_gpc": True})
    assert send(site="shop.example").status == send().status == 202
    let_answers_age()
    with postgresql_away():
        assert send(site="shop.example").status == send().status == 202
        assert refusal(send(sec_gpc="1"))[:2] == (403, "opted_out")
        assert send({}, {}).status == 429
        assert send(site="never-asked.example").status == 503
    assert len(waiting()) == 4


# --- privacy ---


@pytest.mark.parametrize(
    ("switch", "headers", "counted"),
    [
        ("honour_dnt", {"dnt": "1"}, False),
        ("honour_dnt", {"dnt": "0"}, True),
        ("honour_dnt", {"sec_gpc": "1"}, True),
        ("honour_gpc", {"sec_gpc": "1"}, False),
        ("honour_gpc", {"dnt": "1"}, True),
        ("honour_gpc", {}, True),
    ],
)
def test_who_does_not_want_to_be_counted_is_not_where_the_site_honours_it(
    site: models.Site, switch: str, headers: dict[str, str], counted: bool
) -> None:
    given: dict[str, Any] = {**headers}
    assert send(**given).status == 202
    change.set_values(site.pk, {switch: True})
    let_answers_age()
    reply = send({}, {}, **given)
    if counted:
        assert (reply.status, turned_away()) == (202, [])
    else:
        assert refusal(reply) == (403, "opted_out", "opted_out=2")
        assert turned_away() == [(site.pk, "opted_out", 2)]


@each_other_service
def test_clients_of_other_services_have_no_reason_to_try_again(
    site: models.Site, protocol: ModuleType, identifier: str
) -> None:
    change.add_alias(site, protocol.IDS, identifier)
    change.set_values(site.pk, {"honour_gpc": True})
    reply = client_of(protocol, identifier, sec_gpc="1")
    assert (reply.status // 100, reply.headers["X-Recount-Dropped"]) == (2, "opted_out=1")
    assert turned_away() == [(site.pk, "opted_out", 1)]


@pytest.mark.parametrize("events", [1, 2])
def test_of_the_senders_own_address_a_payload_keeps_the_network(site: models.Site, events: int) -> None:
    for address in ("81.2.69.142", "127.0.0.1"):
        send(*[{"title": address, "props": {"seen_as": address}}] * events, address=address)
    kept = [(json.loads(hit.payload)["props"]["seen_as"], hit.flags) for hit in waiting()]
    # What a page on this machine says of itself is nobody's address.
    assert sorted(kept) == [("127.0.0.1", "")] * events + [("81.2.69.0", "scrubbed")] * events


def test_visitors_from_excluded_addresses_are_kept_and_left_out_of_reports(site: models.Site) -> None:
    change.set_values(site.pk, {}, ["203.0.113.8/30", "2001:db8:1::/48"])
    addresses = {
        "/a": "203.0.113.9",
        "/b": "203.0.113.12",
        "/c": "2001:db8:1::7",
        "/d": "2001:db8:2::7",
        "/e": "::ffff:203.0.113.10",
    }
    for page, address in addresses.items():
        send({"url": page}, address=address, user_agent=builders.USER_AGENT)
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT path, category FROM event")
        found = dict(cursor.fetchall())
    assert found == {"/a": "excluded", "/b": "", "/c": "excluded", "/d": "", "/e": "excluded"}


# --- suspended ---


def test_a_suspended_site_takes_nothing_until_it_is_resumed(site: models.Site) -> None:
    create.site("other.example")
    change.set_values(site.pk, {"suspended_at": NOW})
    assert refusal(send({}, {})) == (403, "suspended", "suspended=2")
    assert refusal(send(authorization=f"Bearer {create.secret_key(site)}"))[:2] == (403, "suspended")
    assert send(site="other.example").status == 202
    assert turned_away() == [(site.pk, "suspended", 3)]
    change.set_values(site.pk, {"suspended_at": None})
    let_answers_age()
    assert send().status == 202


# --- how fast ---


def test_a_site_that_comes_too_fast_waits_for_the_next_minute_and_no_other_does(site: models.Site) -> None:
    other = create.site("other.example").site
    change.set_values(site.pk, {"events_per_minute": 10})
    assert send(*[{}] * 9).status == send().status == 202
    reply = send(*[{}] * 3)
    assert refusal(reply) == (429, "rate_limited", "rate_limited=3")
    assert int(reply.headers["Retry-After"]) > 0
    assert send(*[{}] * 50, site="other.example").status == 202
    assert send(now=NOW + MINUTE).status == 202
    assert sorted(hit.site_id for hit in waiting()) == [site.pk] * 11 + [other.pk] * 50
    assert turned_away() == [(site.pk, "rate_limited", 3)]


@each_other_service
def test_clients_of_other_services_are_told_to_come_again(
    site: models.Site, protocol: ModuleType, identifier: str
) -> None:
    change.add_alias(site, protocol.IDS, identifier)
    change.set_values(site.pk, {"events_per_minute": 1})
    assert client_of(protocol, identifier).status // 100 == 2
    reply = client_of(protocol, identifier)
    assert (reply.status, reply.headers["X-Recount-Dropped"]) == (429, "rate_limited=1")
    assert int(reply.headers["Retry-After"]) > 0


def test_of_a_request_for_two_sites_the_one_that_is_too_fast_is_left_out(site: models.Site) -> None:
    other = create.site("other.example").site
    change.set_values(site.pk, {"events_per_minute": 1})
    plausible_event("example.com")
    reply = plausible_event("example.com,other.example")
    assert (reply.status, reply.headers["X-Recount-Dropped"]) == (202, "rate_limited=1")
    assert sorted(hit.site_id for hit in waiting()) == [site.pk, other.pk]


ELSEWHERE = """
import datetime as dt, time
import django
django.setup()
from analytics.ingest import rates
now = dt.datetime.fromisoformat("{now}")
rates.count("{name}", {n}, now)
time.sleep({wait})
print(rates.count("{name}", 0, now))
"""


def count_elsewhere(name: str, n: int, environment: Mapping[str, str]) -> int:
    """Another process counts, and tells the others; the total it knows."""
    program = ELSEWHERE.format(now=NOW.isoformat(), name=name, n=n, wait=rates.SYNC_SECONDS + 0.1)
    variables = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=processes.ROOT, env=variables, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_processes_share_the_limit_through_the_cache(site: models.Site, environment: dict[str, str]) -> None:
    change.set_values(site.pk, {"events_per_minute": 100})
    assert count_elsewhere(f"s:{site.pk}", 70, environment) == 70
    assert send(*[{}] * 20).status == 202
    time.sleep(rates.SYNC_SECONDS + 0.1)
    assert send(*[{}] * 5).status == 202  # 70 elsewhere, 25 here; from now on this process knows it
    assert send(*[{}] * 6).status == 429
    assert cache_server.add(f"rate:s:{site.pk}:{int(NOW.timestamp()) // 60}", 0, 60) == 70 + 25


def test_while_the_cache_is_away_each_process_keeps_the_limit_by_itself(
    site: models.Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.set_values(site.pk, {"events_per_minute": 10})
    assert send().status == 202
    monkeypatch.setattr(rates, "SYNC_SECONDS", 0.0)
    here, settings.CACHE_URL = settings.CACHE_URL, f"redis://127.0.0.1:{processes.free_port()}/0"
    assert [send(*[{}] * 3).status for _ in range(4)] == [202, 202, 202, 429]
    settings.CACHE_URL = here
    monkeypatch.setattr(cache_server, "_away_until", 0.0)
    # It is back and learns what it missed; nothing of this process's own count is forgotten.
    assert send().status == 429
    assert cache_server.add(f"rate:s:{site.pk}:{int(NOW.timestamp()) // 60}", 0, 60) == 1 + 4 * 3 + 1


def test_a_cache_that_hangs_holds_up_one_request_and_not_each(
    site: models.Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.set_values(site.pk, {"events_per_minute": 1000})
    send()
    monkeypatch.setattr(rates, "SYNC_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.CACHE_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        started = time.monotonic()
        assert {send().status for _ in range(20)} == {202}
        assert time.monotonic() - started < cache_server.TIMEOUT_SECONDS * 3


# --- requests of an address ---


def test_an_address_that_comes_too_fast_waits_and_no_other_does(site: models.Site, settings: Any) -> None:
    settings.REQUESTS_PER_ADDRESS = 3
    assert [send({}, {}).status for _ in range(3)] == [202] * 3
    reply = send()
    assert refusal(reply) == (429, "rate_limited", "rate_limited=1")
    assert int(reply.headers["Retry-After"]) > 0
    assert send(address="203.0.113.10").status == 202
    assert send(address="::ffff:203.0.113.9").status == 429
    assert send(now=NOW + MINUTE).status == 202
    assert len(waiting()) == 3 * 2 + 2


def test_an_ipv6_subscriber_is_one_address_whatever_the_last_half(site: models.Site, settings: Any) -> None:
    settings.REQUESTS_PER_ADDRESS = 3
    inside = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9"]
    assert [send(address=address).status for address in inside] == [202, 202, 202, 429]
    assert send(address="2001:db8:1:3::1").status == 202


def test_no_address_is_limited_unless_a_limit_is_set(site: models.Site, settings: Any) -> None:
    assert settings.REQUESTS_PER_ADDRESS == 0
    assert {send().status for _ in range(50)} == {202}
    assert rates._counts == {}


def test_the_addresses_themselves_are_in_no_counter(site: models.Site, settings: Any) -> None:
    settings.REQUESTS_PER_ADDRESS = 3
    send(address="203.0.113.9")
    send(address="2001:db8:1:2::1")
    names = " ".join(rates._counts)
    assert len(rates._counts) == 2
    for told in ("203", "113", "2001", "db8", str(0xCB007109), f"{0xCB007109:x}"):
        assert told not in names


# --- quota ---


def test_the_events_of_a_month_are_used_up_at_the_quota(site: models.Site) -> None:
    change.set_values(site.pk, {"events_per_month": 10})
    assert send(*[{}] * 8, {"name": ""}).status == 202  # one is refused and costs nothing
    builders.drain()
    let_answers_age()
    assert send({}, {}, {}).status == 429
    assert send({}, {}).status == 202
    builders.drain()
    let_answers_age()
    reply = send()
    assert refusal(reply) == (429, "over_quota", "over_quota=1")
    assert int(reply.headers["Retry-After"]) > 60
    december = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    assert send(now=december - dt.timedelta(seconds=1)).status == 429
    assert send(now=december).status == 202


def test_another_sites_events_use_up_no_quota(site: models.Site) -> None:
    create.site("other.example")
    change.set_values(site.pk, {"events_per_month": 10})
    send(*[{}] * 30, site="other.example")
    builders.drain()
    assert send(*[{}] * 10).status == 202
