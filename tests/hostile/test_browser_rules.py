"""M. What browsers ask for and are told (catalogue 172 to 180)."""

from __future__ import annotations

import uuid
from types import ModuleType
from urllib.parse import quote

import pytest
from django.test import Client

from tests import shared
from tests.hostile.exchange import Answer
from tests.hostile.paths import ALL, EVERY
from tests.hostile.running import OWN, Pool, batch

pytestmark = pytest.mark.flow


def opens_nothing_more_than_it_says(answer: Answer) -> bool:
    """Credentials never go with `*`."""
    return not (
        answer.headers.get("access-control-allow-origin", "*") == "*"
        and "access-control-allow-credentials" in answer.headers
    )


@pytest.mark.parametrize(("path", "module"), ALL, ids=[f"172-{path}" for path, _ in ALL])
def test_any_page_may_ask_before_it_sends(pool: Pool, path: str, module: ModuleType) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, authorization, x-retry-count",
    }
    answer = pool.request("OPTIONS", f"/{path}", headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    assert {*module.METHODS} <= {*answer.headers["access-control-allow-methods"].split(", ")}
    assert "Origin" in answer.headers["vary"]
    assert opens_nothing_more_than_it_says(answer)


ECHOED = (
    "https://example.com", "http://example.com", "https://example.com:8443", "HTTPS://EXAMPLE.COM",
    "https://example.com.evil.com", "https://evilexample.com", "capacitor://localhost", "chrome-extension://abc",
)  # fmt: skip
NOT_ECHOED = (
    "null", "", "*", "https://a, https://b", "https://a b", "javascript:alert(1)", "example.com", "//example.com",
    "https://" + "x" * 5000, "https://\xe9.example", "1://x",
)  # fmt: skip


@pytest.mark.parametrize("origin", ECHOED, ids=lambda origin: f"174-{origin}")
def test_an_origin_is_echoed_letter_by_letter(pool: Pool, origin: str) -> None:
    for answer in (
        pool.post(batch([{"name": "x"}]), headers={"Origin": origin}),
        pool.post(b"nonsense", headers={"Origin": origin}),
        pool.request("GET", OWN, headers={"Origin": origin}),
    ):
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", NOT_ECHOED, ids=lambda origin: f"174-{origin[:20]!a}")
def test_what_is_no_origin_is_answered_without_credentials(pool: Pool, origin: str) -> None:
    for answer in (
        pool.post(batch([{"name": "x"}]), headers={"Origin": origin}),
        pool.request("OPTIONS", OWN, headers={"Origin": origin, "Access-Control-Request-Headers": origin}),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_172_no_answer_gives_credentials_to_everybody(pool: Pool) -> None:
    for path, module in EVERY:
        for origin in ("null", "https://shop.example", "x"):
            for method in {*module.METHODS, "OPTIONS", "PUT"}:
                answer = pool.request(method, f"/{path}", b"nonsense", {"Origin": origin})
                assert opens_nothing_more_than_it_says(answer), (path, method)


def test_173_the_dashboard_is_open_to_no_other_page(pool: Pool) -> None:
    client = Client()
    for address in ("/login", "/", "/example.com", "/api/v2/query", "/health/live"):
        answer = client.get(address, headers={"origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers
        preflight = client.options(
            address, headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
        )
        assert "Access-Control-Allow-Origin" not in preflight.headers


REDIRECTS = ("url", "u", "redirect", "next", "r", "to", "continue", "e")


def test_177_nothing_redirects(pool: Pool) -> None:
    query = "&".join(f"{name}={quote('https://evil.example/')}" for name in REDIRECTS)
    for path in [*(path for path, _ in ALL), "r/tp2", "js/recount.js", "health/live", "openapi.json"]:
        for method in ("GET", "POST"):
            answer = pool.request(method, f"/{path}?{query}", b"")
            assert answer.status // 100 != 3, path
            assert "location" not in answer.headers
            assert "refresh" not in answer.headers


def test_177_no_path_of_the_lists_of_attacks_redirects(pool: Pool) -> None:
    for text in shared.read_json("data/naughty_strings/blns.json"):
        answer = pool.request("GET", f"/{quote(text)}")
        assert answer.status // 100 in {2, 4}
        assert text not in answer.body.decode("latin-1") or len(text) < 20


def test_178_there_are_no_callbacks(pool: Pool) -> None:
    for name in ("callback", "jsonp", "cb"):
        answer = pool.post(batch([{"name": "x"}]), f"{OWN}?{name}=alert")
        assert b"alert" not in answer.body
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("path", "module"), ALL, ids=[f"180-{path}" for path, _ in ALL])
def test_nobody_on_the_way_keeps_an_answer(pool: Pool, path: str, module: ModuleType) -> None:
    for method in module.METHODS:
        answer = pool.request(method, f"/{path}?name=x&site=example.com", batch([{"name": "x"}]))
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "etag" not in answer.headers
        assert "last-modified" not in answer.headers


def test_179_a_pixel_is_asked_for_again_each_time(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    for known in ("*", '"x"'):
        headers = {"If-None-Match": known, "If-Modified-Since": "Wed, 21 Oct 2099 07:28:00 GMT", "Range": "bytes=0-0"}
        answer = pool.request("GET", f"/pixel.gif?site=example.com&name=x&url=/{mark}", headers=headers)
        assert (answer.status, answer.headers["content-type"], len(answer.body)) == (200, "image/gif", 43)
    assert len(pool.hits(mark)) == 2


def test_180_an_error_is_not_kept_either(pool: Pool) -> None:
    for answer in (
        pool.post(b"nonsense"),
        pool.post(b"", headers={"Content-Encoding": "br"}),
        pool.request("GET", OWN),
        pool.send({"name": "x"}, site="none.example"),
    ):
        assert answer.status >= 400
        assert answer.headers["cache-control"] == "no-store"
