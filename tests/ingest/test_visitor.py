"""The client's address, what is kept of it, and the id that stands in for a visitor."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Any

import pytest

from analytics.events import ClientEvent
from analytics.ingest import salts, visitor

TRUSTED = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")]
TODAY = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
WHO = (ipaddress.ip_address("203.0.113.9"), "Firefox")


@pytest.fixture(autouse=True)
def _salts(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [TODAY.date() + dt.timedelta(days=n) for n in range(-2, 3)]
    monkeypatch.setattr(salts, "_known", {day: day.isoformat().encode() for day in days})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:80", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("::1", "::1"),
    ],
)
def test_an_address_is_read_with_or_without_a_port(text: str, found: str) -> None:
    assert visitor.parse_address(text) == ipaddress.ip_address(found)


@pytest.mark.parametrize(
    "text",
    [
        "", "unknown", "_hidden", "-", "256.1.1.1", "1.2.3", "1.2.3.4/8", "010.8.8.8", "0x7f.1", "2130706433",
        "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[::1", "[::1]x", "[1.2.3.4]", "fe80::1%eth0", "[fe80::1%eth0]:80",
        "::g", ":::", "1.2.3.4 5", "\u0661.\u0662.\u0663.\u0664", "'; DROP TABLE hit", "1" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert visitor.parse_address(text) is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6,198.51.100.1,10.1.1.1,10.2.2.2", "198.51.100.1"),
        ("127.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::5", "2001:db8::1, fd00::6", "2001:db8::1"),
        ("127.0.0.1", " , 198.51.100.1 ,, ", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, unknown", None),
        ("127.0.0.1", "198.51.100.1, _hidden, 10.1.1.1", None),
        ("127.0.0.1", ", ".join(["6.6.6.6"] * 200 + ["10.0.0.1"] * 200), "6.6.6.6"),
        ("", "198.51.100.1", None),
        ("unix:", "198.51.100.1", None),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_trusted_proxy(
    peer: str, forwarded: str, client: str | None, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    found = visitor.address({"x-forwarded-for": forwarded}, peer)
    assert found == (ipaddress.ip_address(client) if client else None)


@pytest.mark.parametrize("name", ["forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-plausible-ip"])
def test_other_headers_say_nothing_about_the_client(name: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    assert visitor.address({name: "6.6.6.6"}, "127.0.0.1") == ipaddress.ip_address("127.0.0.1")


def test_one_other_header_can_be_configured_and_then_it_alone_counts(settings: Any) -> None:
    settings.TRUSTED_PROXIES, settings.CLIENT_ADDRESS_HEADER = TRUSTED, "cf-connecting-ip"
    headers = {"cf-connecting-ip": "198.51.100.1", "x-forwarded-for": "6.6.6.6"}
    assert visitor.address(headers, "127.0.0.1") == ipaddress.ip_address("198.51.100.1")
    assert visitor.address(headers, "9.9.9.9") == ipaddress.ip_address("9.9.9.9")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::1", "::/48"),
    ],
)
def test_of_an_address_only_the_network_is_kept(address: str, network: str) -> None:
    assert visitor.network(ipaddress.ip_address(address)) == network
    assert ipaddress.ip_network(network)


def test_of_no_address_nothing_is_kept() -> None:
    assert visitor.network(None) == ""


def identify(
    said: ClientEvent, sender: tuple[visitor.Address | None, str], now: dt.datetime, site: int
) -> visitor.Visitor:
    return visitor.identify(said, (site, *sender), now, {})


def test_without_an_id_a_visitor_lasts_for_the_day_and_yesterdays_id_is_given_too() -> None:
    said = ClientEvent(name="pageview")
    today = identify(said, WHO, TODAY, 1)
    assert today.cookieless
    assert identify(said, WHO, TODAY.replace(hour=23), 1) == today
    tomorrow = identify(said, WHO, TODAY + dt.timedelta(days=1), 1)
    assert tomorrow.id != today.id
    assert tomorrow.previous_id == today.id
    assert tomorrow.part == today.part


@pytest.mark.parametrize(
    ("site", "who"),
    [
        (2, WHO),
        (1, (ipaddress.ip_address("203.0.113.10"), "Firefox")),
        (1, (ipaddress.ip_address("203.0.113.9"), "Chrome")),
        (1, (None, "Firefox")),
    ],
)
def test_another_site_address_or_browser_is_another_visitor(site: int, who: tuple[visitor.Address | None, str]) -> None:
    said = ClientEvent(name="pageview")
    assert identify(said, who, TODAY, site).id != identify(said, WHO, TODAY, 1).id


def test_an_id_of_the_clients_own_lasts_whatever_the_address_and_day() -> None:
    said = ClientEvent(name="pageview", client_id="c-1")
    first = identify(said, WHO, TODAY, 1)
    assert first == identify(said, (None, "Chrome"), TODAY + dt.timedelta(days=1), 1)
    assert (first.cookieless, first.previous_id) == (False, None)


def test_a_users_id_wins_over_the_clients_and_the_two_do_not_mix() -> None:
    def who(user: str, client: str) -> int:
        return identify(ClientEvent(name="pageview", user_id=user, client_id=client), WHO, TODAY, 1).id

    assert who("u", "c-1") == who("u", "c-2") == who("u", "")
    assert who("x", "") != who("", "x")


def test_a_user_who_signs_in_may_still_be_in_the_visit_that_the_client_began() -> None:
    before = identify(ClientEvent(name="pageview", client_id="c-1"), WHO, TODAY, 1)
    after = identify(ClientEvent(name="pageview", client_id="c-1", user_id="u"), WHO, TODAY, 1)
    assert after.previous_id == before.id != after.id
    assert after.part == before.part


def test_one_request_makes_the_visitor_without_an_id_once() -> None:
    known: dict[visitor.Who, visitor.Visitor] = {}
    first = visitor.identify(ClientEvent(name="pageview"), (1, *WHO), TODAY, known)
    assert visitor.identify(ClientEvent(name="other"), (1, *WHO), TODAY, known) is first
    assert visitor.identify(ClientEvent(name="other"), (2, *WHO), TODAY, known) != first
    assert len(known) == 2


def test_a_visitor_of_the_past_is_the_same_at_every_import_and_another_every_day() -> None:
    said = ClientEvent(name="pageview")
    day = dt.datetime(2015, 5, 17, 23, tzinfo=dt.UTC)
    first = visitor.historical(said, (1, *WHO), day)
    assert visitor.historical(said, (1, *WHO), day.astimezone(dt.timezone(dt.timedelta(hours=9)))) == first
    assert visitor.historical(said, (1, *WHO), day + dt.timedelta(days=1)).previous_id == first.id
    assert first.id != identify(said, WHO, TODAY, 1).id


def test_an_id_fits_a_signed_column_of_64_bits() -> None:
    ids = [visitor.hashed(b"k", 1, str(n)) for n in range(1000)]
    assert all(-(2**63) <= found < 2**63 for found in ids)
    assert len(set(ids)) == 1000
