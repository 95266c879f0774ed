"""I. Where a request comes from, and what other headers say (catalogue 126 to 135)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.sites import create, models
from tests import processes
from tests.hostile.running import Pool

pytestmark = pytest.mark.flow


def network(pool: Pool, **headers: str) -> str:
    """The network that is kept of a request with these headers."""
    row = pool.one({name.replace("_", "-"): value for name, value in headers.items()})
    assert isinstance(row, dict), row
    kept: str = row["ip_prefix"]
    return kept


@pytest.fixture(scope="module")
def strange(pool: Pool) -> Iterator[Pool]:
    """A pool on the same stores that trusts no proxy on this machine, and takes five requests a minute."""
    others = {"TRUSTED_PROXIES": "10.0.0.0/8"}
    with processes.pool("ingest", pool.environment | others) as address:
        yield pool.at(address)


def test_126_what_an_untrusted_peer_says_of_the_client_is_ignored(strange: Pool) -> None:
    said = {
        "X_Forwarded_For": "1.2.3.4",
        "X_Real_IP": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "CF_Connecting_IP": "1.2.3.4",
    }
    assert network(strange, **said) == "127.0.0.0/24"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param("198.51.100.7", "198.51.100.0/24", id="127-one"),
        pytest.param("6.6.6.6, 198.51.100.7", "198.51.100.0/24", id="127-right-most"),
        pytest.param("6.6.6.6, 198.51.100.7, 127.0.0.1", "198.51.100.0/24", id="127-right-most-but-our-own"),
        pytest.param("127.0.0.1, 127.0.0.1", "127.0.0.0/24", id="127-nothing-but-our-own"),
        pytest.param(", ".join(["6.6.6.6"] * 199 + ["198.51.100.7"]), "198.51.100.0/24", id="128-200-entries"),
        pytest.param("," * 500, "127.0.0.0/24", id="128-commas"),
        pytest.param("", "127.0.0.0/24", id="128-empty"),
        pytest.param("unknown", "", id="128-unknown"),
        pytest.param("_hidden", "", id="128-hidden"),
        pytest.param("6.6.6.6, unknown", "", id="128-unknown-hop"),
        pytest.param("1.2.3.4:80", "1.2.3.0/24", id="128-port"),
        pytest.param("[2001:db8::1]:80", "2001:db8::/48", id="128-port-of-ipv6"),
        pytest.param("[::1]:80", "::/48", id="128-port-of-loopback"),
        pytest.param("010.8.8.8", "", id="129-octal"),
        pytest.param("0x7f.1", "", id="129-hexadecimal"),
        pytest.param("2130706433", "", id="129-number"),
        pytest.param("256.1.1.1", "", id="129-256"),
        pytest.param("1.2.3", "", id="129-three-parts"),
        pytest.param("1.2.3.4/8", "", id="129-mask"),
        pytest.param("fe80::1%eth0", "", id="129-zone"),
        pytest.param("::ffff:1.2.3.4", "1.2.3.0/24", id="129-mapped"),
        pytest.param("::ffff:0102:0304", "1.2.3.0/24", id="129-mapped-in-hexadecimal"),
        pytest.param("2002:cb00:7109::1", "203.0.113.0/24", id="129-6to4"),
        pytest.param("1.2.3.4\xff", "", id="129-latin"),
        pytest.param("\xd9\xa1.2.3.4", "", id="129-arabic"),
        pytest.param("1.2.3.4'; DROP TABLE hit", "", id="129-sql"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", id="129-ipv6"),
    ],
)  # fmt: skip
def test_the_client_is_the_right_most_hop_that_we_do_not_know(pool: Pool, said: str, kept: str) -> None:
    assert network(pool, X_Forwarded_For=said) == kept


def test_130_addresses_that_are_nowhere_have_no_place(pool: Pool) -> None:
    for address in (
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "224.0.0.1", "240.0.0.1",
        "0.0.0.0", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "::1", "fe80::1", "fc00::1",
        "2001:db8::1", "ff02::1", "::",
    ):  # fmt: skip
        row = pool.one({"X-Forwarded-For": address})
        assert isinstance(row, dict)
        assert (row["country"], row["region"], row["city"]) == ("", "", ""), address


def test_131_of_headers_that_disagree_the_configured_one_counts(pool: Pool) -> None:
    others = {
        "X-Real-IP": "6.6.6.6", "CF-Connecting-IP": "6.6.6.6", "True-Client-IP": "6.6.6.6", "X-Client-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6", "X-Forwarded": "6.6.6.6", "Client-IP": "6.6.6.6", "Via": "6.6.6.6",
    }  # fmt: skip
    row = pool.one(others | {"X-Forwarded-For": "198.51.100.7"})
    assert isinstance(row, dict)
    assert row["ip_prefix"] == "198.51.100.0/24"
    assert "6.6.6" not in repr(row)


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        pytest.param(b"X-Forwarded-For: 198.51.100.7", "198.51.100.0/24", id="131-twice"),
        pytest.param(b"X_Forwarded_For: 198.51.100.7", "6.6.6.0/24", id="131-with-underscores"),
        pytest.param(b"x-forwarded-for: 127.0.0.1", "6.6.6.0/24", id="131-in-lower-case"),
    ],
)
def test_of_several_headers_of_one_name_the_last_hop_counts(pool: Pool, second: bytes, kept: str) -> None:
    mark = uuid.uuid4().hex
    body = b'{"site":"example.com","events":[{"name":"x","url":"/%s"}]}' % mark.encode()
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6\r\n%s\r\n" % second
    (answer,) = pool.raw(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.status == 202
    assert [hit["ip_prefix"] for hit in pool.hits(mark)] == [kept]


def test_126_no_whole_address_is_stored_anywhere(pool: Pool) -> None:
    address = "203.0.113.199"
    for payload in (
        {"url": f"/?ip={address}"}, {"ip": address}, {"user_agent": "x"}, {"url": f"/?user_ip={address}&x=1"},
    ):  # fmt: skip
        row = pool.one({"X-Forwarded-For": address}, **payload)
        assert isinstance(row, dict)
        assert address not in repr(row), payload


def test_132_a_limit_holds_for_the_whole_network_of_a_subscriber(pool: Pool) -> None:
    with processes.pool("ingest", pool.environment, REQUESTS_PER_ADDRESS="5", INGEST_WORKERS="1") as address:
        limited = pool.at(address)

        def taken(addresses: list[str]) -> int:
            answers = [limited.send({"name": "x"}, headers={"X-Forwarded-For": one}) for one in addresses]
            assert {answer.status for answer in answers} <= {202, 429}
            assert all(answer.headers.get("retry-after") for answer in answers if answer.status == 429)
            return sum(answer.status == 202 for answer in answers)

        # The limit is of a minute: at its turn another five may pass.
        assert 5 <= taken([f"2001:db8:1:2::{n:x}" for n in range(30)]) <= 10
        assert taken([f"2001:db8:1:{n:x}::1" for n in range(10, 20)]) == 10
        assert 5 <= taken(["198.51.100.7"] * 30) <= 10
        assert taken([f"198.51.100.{n}" for n in range(20, 30)]) == 10


@pytest.fixture(scope="module")
def polite(pool: Pool) -> models.Site:
    """A site that honours both signals."""
    site = create.site("polite.example", organisation="Test").site
    models.Site.objects.filter(pk=site.pk).update(honour_dnt=True, honour_gpc=True)
    return site


@pytest.mark.parametrize(
    ("headers", "counted"),
    [
        pytest.param({"DNT": "1"}, False, id="133-dnt"),
        pytest.param({"Sec-GPC": "1"}, False, id="133-gpc"),
        pytest.param({"DNT": "0"}, True, id="133-dnt-0"),
        pytest.param({"DNT": "null", "Sec-GPC": "?1"}, True, id="133-nonsense"),
        pytest.param({"DNT": "1" * 5000}, True, id="133-long"),
        pytest.param({}, True, id="133-none"),
    ],
)
def test_who_does_not_want_to_be_counted_is_not(
    pool: Pool, polite: models.Site, headers: dict[str, str], counted: bool
) -> None:
    mark = uuid.uuid4().hex
    answer = pool.send({"name": "x", "url": f"/{mark}"}, site=polite.domain, headers=headers)
    assert (answer.status, answer.code) == ((202, "") if counted else (403, "opted_out"))
    assert len(pool.hits(mark)) == counted
    # A site that does not ask for it counts everybody.
    assert pool.send({"name": "x"}, headers=headers).status == 202


def test_134_the_referrer_in_the_body_counts_and_not_the_header(pool: Pool) -> None:
    said = pool.one({"Referer": "https://www.bing.com/"}, referrer="https://www.google.com/", url="/")
    silent = pool.one({"Referer": "https://www.bing.com/"}, url="/")
    assert isinstance(said, dict)
    assert isinstance(silent, dict)
    assert (said["source"], silent["source"]) == ("Google", "")


@pytest.mark.parametrize(
    ("header", "stored"),
    [
        pytest.param("et-EE,et;q=0.9", "et-EE", id="135-ordinary"),
        pytest.param("*", "", id="135-star"),
        pytest.param("*;q=0.5", "", id="135-star-with-quality"),
        pytest.param("en;q=9", "en", id="135-quality-of-9"),
        pytest.param(",,;;==", "", id="135-nonsense"),
        pytest.param("x" * 8000, "x" * 35, id="135-8-kB"),
        pytest.param("en%0d%0aX: y", "en%0d%0aX: y", id="135-encoded-line-break"),
        pytest.param("\xff\xfe", "\xff\xfe", id="135-latin"),
        pytest.param("<script>alert(1)</script>", "<script>alert(1)</script>", id="135-html"),
    ],
)
def test_a_language_is_the_first_that_is_named(pool: Pool, header: str, stored: str) -> None:
    row = pool.one({"Accept-Language": header})
    assert isinstance(row, dict)
    # `hit` and `event` both have a column of this name; the event's comes last.
    assert row["language"] == stored


def test_135_ten_kilobytes_of_language_are_no_header(pool: Pool) -> None:
    assert pool.send({"name": "x"}, headers={"Accept-Language": "en," * 4000}).status == 431


ODD_HINTS: list[dict[str, Any]] = [
    {"Sec-CH-UA": '"' * 3000, "Sec-CH-UA-Mobile": "?2", "Sec-CH-UA-Platform": "\\"},
    {"Sec-CH-UA": "x" * 5000},
    {"Sec-CH-UA-Platform": '"Win\\"dows"', "Sec-CH-UA-Platform-Version": "\xff"},
]


@pytest.mark.parametrize("hints", ODD_HINTS, ids=["155-quotes", "155-5-kB", "155-bad-quoting"])
def test_hints_are_kept_clipped(pool: Pool, hints: dict[str, str]) -> None:
    row = pool.one(hints)
    assert isinstance(row, dict)
    assert len(row["client_hints"]) < 2000
    assert row["browser"] == "Chrome"
