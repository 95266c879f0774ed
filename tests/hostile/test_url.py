"""J. Addresses, referrers and campaigns (catalogue 136 to 149), and the whole of the URL standard's cases."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from typing import Any

import pytest

from tests import shared
from tests.hostile.running import PROMPT_SECONDS, Pool, Row

pytestmark = pytest.mark.flow
SCHEMES = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "vbscript:x",
    "data:text/html,<script>alert(1)</script>", "file:///etc/passwd", "blob:https://example.com/x", "about:blank",
    "chrome-extension://abc/x", "ftp://example.com/", "mailto:a", "view-source:https://a", "jar:http://a!/b", "ws://a/",
    "//", "?q", "#x", "x", "..", "\\\\a\\b", "http:/one-slash", "http:no-slash", "https:\\\\a\\b",
)  # fmt: skip


def column(row: Row | str, name: str) -> Any:
    assert isinstance(row, dict), row
    return row[name]


@pytest.mark.parametrize("url", SCHEMES, ids=lambda url: f"136-{url[:20]!a}")
def test_only_addresses_of_pages_become_pages_and_referrers(pool: Pool, url: str) -> None:
    page = pool.one(url=url)
    assert page == "bad_url" or not isinstance(page, str)
    if isinstance(page, dict):
        assert page["path"] == "" or page["path"].startswith("/")
        assert ":" not in page["path"]
    referred = pool.one(url="/", referrer=url)
    assert column(referred, "referrer") == "" or not column(referred, "referrer").lower().startswith(("java", "data"))
    assert "alert" not in column(referred, "referrer")
    assert column(referred, "source") == "" or "." not in column(referred, "referrer")[:4]


def test_136_a_referrer_that_is_an_app_has_its_name(pool: Pool) -> None:
    row = pool.one(url="/", referrer="android-app://com.google.android.gm/")
    assert column(row, "source") != ""
    assert column(pool.one(url="app://localhost/login"), "path") == "/login"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        pytest.param("http://user:pass@example.com/a", "example.com", "/a", id="137-credentials"),
        pytest.param("http://user:p%40ss@example.com:8080/a", "example.com", "/a", id="137-credentials-and-port"),
        pytest.param("http://a@b@example.com/", "example.com", "/", id="137-two-ats"),
        pytest.param("http://[::1]/a", "[::1]", "/a", id="139-ipv6"),
        pytest.param("http://[", "example.com", "", id="139-open-bracket"),
        pytest.param("http://a:99999/", "example.com", "", id="139-port"),
        pytest.param("http://exa mple/", "example.com", "", id="139-blank-in-host"),
        pytest.param("http://", "example.com", "", id="139-no-host"),
        pytest.param("//cdn.example/x", "cdn.example", "/x", id="139-no-scheme"),
        pytest.param("/path?q#f", "example.com", "/path", id="139-path"),
        pytest.param("/", "example.com", "/", id="139-root"),
        pytest.param("http://xn--80ak6aa92e.com/", "xn--80ak6aa92e.com", "/", id="140-punycode"),
        pytest.param("http://\u0430pple.com/", "xn--pple-43d.com", "/", id="140-homograph"),
        pytest.param("http://EXAMPLE.com./A", "example.com", "/A", id="141-dot-and-case"),
        pytest.param("https://example.com:443/a", "example.com", "/a", id="141-port"),
        pytest.param("https://www.example.com/a", "example.com", "/a", id="141-www"),
        pytest.param("http://" + "a" * 300 + ".com/", "example.com", "", id="142-300-characters"),
        pytest.param("http://" + "a" * 64 + ".com/", "example.com", "", id="142-label-of-64"),
        pytest.param("https://example.com/app#/orders/1", "example.com", "/app", id="143-fragment"),
        pytest.param("https://example.com/#!/orders", "example.com", "/", id="143-hash-bang"),
        pytest.param("https://example.com/../../etc/passwd", "example.com", "/../../etc/passwd", id="148-traversal"),
        pytest.param("https://example.com/%2e%2e/%2fetc", "example.com", "/%2e%2e/%2fetc", id="149-encoded"),
        pytest.param("https://example.com/a%00b%0ac", "example.com", "/a%00b%0ac", id="149-nul-and-line-break"),
        pytest.param("https://example.com/a\tb\nc", "example.com", "/abc", id="149-real-line-break"),
    ],
)
def test_a_page_has_a_canonical_host_and_its_path(pool: Pool, url: str, host: str, path: str) -> None:
    row = pool.one(url=url)
    assert (column(row, "host"), column(row, "path")) == (host, path)


def test_143_a_page_behind_the_hash_counts_where_the_site_says_so(pool: Pool) -> None:
    row = pool.one(url="https://example.com/app#/orders/1", hash=True)
    assert column(row, "path") == "/app#/orders/1"


@pytest.mark.parametrize(
    ("query", "source"),
    [
        pytest.param("utm_source=a&utm_source=b", "a", id="144-twice"),
        pytest.param("utm_source=", "", id="144-empty"),
        pytest.param("UTM_Source=a", "a", id="144-upper-case"),
        pytest.param("utm_source=%00a", "a", id="144-nul"),
        pytest.param("utm_source=%ff%fe", "\ufffd\ufffd", id="144-no-utf-8"),
        pytest.param("utm_source=" + "a" * 1900, None, id="144-two-kilobytes"),
        pytest.param("&".join(f"p{n}=1" for n in range(300)) + "&utm_source=a", "a", id="144-300-parameters"),
        pytest.param(";utm_source=a", "", id="144-semicolon"),
        pytest.param("utm_source[]=a&utm_source%5B%5D=b", "", id="144-brackets"),
        pytest.param("utm_source=%3Cscript%3E", "<script>", id="144-html"),
    ],
)
def test_a_campaign_is_read_from_the_query(pool: Pool, query: str, source: str | None) -> None:
    found = column(pool.one(url=f"https://example.com/?{query}"), "utm_source")
    if source is None:
        assert 0 < len(found) <= 512
    else:
        assert found == source


def test_144_ten_thousand_parameters_cost_no_time(pool: Pool) -> None:
    began_at = time.monotonic()
    url = "https://example.com/?" + "&".join(f"p{n}=1" for n in range(3000))
    assert (
        pool.send(*[{"name": "x", "url": url, "referrer": url, "visitor_id": f"v{n}"} for n in range(20)]).status == 202
    )
    pool.drain()
    assert time.monotonic() - began_at < PROMPT_SECONDS


def test_145_a_page_of_another_host_is_counted_under_that_host(pool: Pool) -> None:
    assert column(pool.one(url="https://evil.example/x"), "host") == "evil.example"


def test_146_ones_own_pages_are_no_source(pool: Pool) -> None:
    row = pool.one(url="https://example.com/a", referrer="https://www.example.com/b")
    assert (column(row, "source"), column(row, "channel")) == ("", "Direct")


def test_147_no_address_is_ever_fetched(pool: Pool) -> None:
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(2)
        port = trap.getsockname()[1]

        def wait() -> None:
            try:
                trap.accept()[0].close()
                reached.set()
            except TimeoutError:
                pass

        watching = threading.Thread(target=wait)
        watching.start()
        url = f"http://127.0.0.1:{port}/favicon.ico"
        pool.one(
            {"Referer": url, "Origin": url}, url=url, referrer=url, props={"image": url}, title=f'<img src="{url}">'
        )
        pool.one(url="http://169.254.169.254/latest/meta-data/", referrer="http://127.0.0.1:6379/")
        watching.join()
    assert not reached.is_set()


def standard() -> list[str]:
    """Every text of the URL standard's and Ada's cases, and every host of the IDNA ones."""
    texts: list[str] = []
    for name in ("urltestdata", "ada_extra_urltestdata", "ada_long_urltestdata"):
        cases = [case for case in shared.read_json(f"data/url_test_data/{name}.json") if isinstance(case, dict)]
        texts += [case["input"] for case in cases] + [case["base"] for case in cases if case.get("base")]
    for name in ("IdnaTestV2", "toascii"):
        cases = [case for case in shared.read_json(f"data/url_test_data/{name}.json") if isinstance(case, dict)]
        texts += [f"https://{case['input']}/x" for case in cases]
    encodings = [
        case for case in shared.read_json("data/url_test_data/percent-encoding.json") if isinstance(case, dict)
    ]
    texts += [
        f"https://example.com/{text}?{text}" for case in encodings for text in (case["input"], *case["output"].values())
    ]
    assert len(texts) > 4000
    return list(dict.fromkeys(text for text in texts if _is_text(text)))


def _is_text(text: str) -> bool:
    """Without lone surrogates, which `json.dumps` cannot send raw."""
    return text.isprintable() or not any("\ud800" <= char <= "\udfff" for char in text)


@pytest.mark.parametrize("field", ["url", "referrer", "prop"], ids=lambda field: f"139-whole-standard-as-{field}")
def test_every_case_of_the_url_standard_is_stored_or_refused(pool: Pool, field: str) -> None:
    texts = standard()
    events = [{"url": "/", "props": {"a": text}} if field == "prop" else {"url": "/", field: text} for text in texts]
    for text, row in zip(texts, pool.ones(events), strict=True):
        if field == "url" and isinstance(row, str):
            assert row == "bad_url", text
            assert not text.strip().lower().startswith(("http://", "https://", "/")), text
            continue
        host, path, referrer = column(row, "host"), column(row, "path"), column(row, "referrer")
        for shown in (host, path, referrer, column(row, "source")):
            assert not any(char < " " or "\x7f" <= char < "\xa0" for char in shown), text
        assert host.isascii()
        assert len(host) <= 255
        assert json.loads(column(row, "payload"))


def test_139_hosts_are_those_that_browsers_find(pool: Pool) -> None:
    """Stricter where a host can be no DNS name, and where an IPv4 address is written in disguise."""
    cases = [
        case
        for case in shared.read_json("data/url_test_data/urltestdata.json")
        if isinstance(case, dict)
        and case["input"].lower().startswith(("http://", "https://"))
        and _is_text(case["input"])
    ]
    assert len(cases) > 300
    stricter = []
    for case, row in zip(cases, pool.ones([{"url": case["input"]} for case in cases]), strict=True):
        host, path = column(row, "host"), column(row, "path")
        if case.get("failure") and ("@" in case["input"] or "%40" in case["input"]):
            # What is kept has no credentials: without them it may be an address.
            continue
        if case.get("failure"):
            assert (host, path) == ("example.com", ""), case["input"]
        elif path == "":
            stricter.append(case["input"])
        elif case["hostname"] != "xn--fa-hia.example":
            expected = case["hostname"].removesuffix(".")
            assert host == (expected[4:] if expected.startswith("www.") and expected.count(".") > 1 else expected)
    assert len(stricter) < 25, stricter


def test_147_and_149_the_payload_keeps_the_address_as_it_came(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    url = f"HTTPS://Example.COM:443/%7Ea/./b/../{mark}?x=%41&y=%zz#%00"
    row = pool.one(url=url)
    assert json.loads(column(row, "payload"))["url"] == url
