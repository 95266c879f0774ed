"""The door over HTTP: methods, paths, bodies, other origins, the tracker, health."""

from __future__ import annotations

import gzip
import ipaddress
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from analytics import buffer
from analytics.events import Hit, Limits
from analytics.ingest import accept, tracker
from analytics.sites import models
from tests import processes

pytestmark = pytest.mark.database
EVENT = {"site": "example.com", "events": [{"name": "pageview", "url": "/"}]}
PAGE = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
PATHS = ["/v1/events", "/v1/events/", "/api/event", "/api/event/"]


class Stream:
    """The body of a request as a server hands it over."""

    def __init__(self, body: bytes | Exception = b"", *, endless: bool = False) -> None:
        self.left = body
        self.endless = endless
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        if isinstance(self.left, Exception):
            raise self.left
        given, self.left = (b" " * size, b"") if self.endless else (self.left[:size], self.left[size:])
        self.given += len(given)
        return given

    def readline(self, _: int = -1) -> bytes:
        raise AssertionError("the body has no lines")


def post(client: Client, path: str, stream: Stream, **headers: str) -> Any:
    return client.generic("POST", path, **{**headers, "wsgi.input": stream})  # type: ignore[arg-type]


@pytest.fixture
def client(settings: Any, site: models.Site) -> Client:
    """The ingest pool as it is deployed: its own addresses, no middleware, one proxy."""
    settings.ROOT_URLCONF = "config.urls_ingest"
    settings.MIDDLEWARE = []
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1/32")]
    return Client()


def body_for(path: str) -> bytes:
    return json.dumps(PAGE if path.startswith("/api") else EVENT).encode()


def waiting() -> list[Hit]:
    return [hit for part in buffer.lengths() for hit in buffer.waiting(part, "0-0")]


def test_both_formats_are_received_with_and_without_a_slash(client: Client) -> None:
    for path in PATHS:
        assert client.post(path, body_for(path), content_type="application/json").status_code == 202
    assert len(waiting()) == len(PATHS)


def test_the_content_type_means_nothing(client: Client) -> None:
    for content_type in (
        "application/json", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "", "x",
        "multipart/form-data; boundary=x", "multipart/form-data", "application/xml", "a/b; charset=nonsense",
        "x" * 5000, "application/json; charset=utf-16",
    ):  # fmt: skip
        for path in PATHS[::2]:
            body = body_for(path)
            response = post(client, path, Stream(body), CONTENT_TYPE=content_type, CONTENT_LENGTH=str(len(body)))
            assert response.status_code == 202, (path, content_type)


def test_what_the_client_would_like_to_be_answered_means_nothing(client: Client) -> None:
    for wanted in ("text/html", "image/png", "nonsense", "*/*;q=0", "application/xml;q=1", "", "a" * 5000):
        for query in ("", "?format=xml", "?format=api"):
            path = f"/v1/events{query}"
            response = client.post(path, body_for("/v1"), "text/plain", headers={"accept": wanted})
            assert (response.status_code, response["Content-Type"]) == (202, "application/json")
    assert client.get("/v1/events", headers={"accept": "image/png"}).status_code == 405


def test_gzip_is_inflated(client: Client) -> None:
    response = client.post(
        "/v1/events", gzip.compress(body_for("/v1")), content_type="text/plain", headers={"content-encoding": "gzip"}
    )
    assert response.json() == {"accepted": 1, "rejected": []}


def test_other_methods_are_not_allowed(client: Client) -> None:
    for path in PATHS:
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            response = client.generic(method, path, body_for(path))
            assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")
    assert not waiting()


def test_nothing_else_is_there(client: Client) -> None:
    for path in (
        "/",
        "/v1",
        "/v1/events//",
        "/admin/",
        "/login",
        "/api/v2/query",
        "/v1/events/../x",
        "//v1/events",
        "/\0",
    ):
        assert client.post(path, b"{}", content_type="application/json").status_code == 404
        assert client.get(path).content == b"There is nothing here.\n"


@pytest.mark.parametrize("path", ["/v1/events", "/api/event/"])
def test_a_browser_that_asks_first_is_told_yes(client: Client, path: str) -> None:
    wanted = "authorization, content-type, x-retry-count, rsa-retry-attempt, SP-Anonymous"
    response = client.options(
        path,
        headers={
            "origin": "https://shop.example:8443",
            "access-control-request-method": "POST",
            "access-control-request-headers": wanted,
        },
    )
    assert (response.status_code, response.content) == (204, b"")
    assert response["Access-Control-Allow-Origin"] == "https://shop.example:8443"
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert response["Access-Control-Allow-Headers"] == wanted
    assert response["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert int(response["Access-Control-Max-Age"]) > 0
    assert "Origin" in response["Vary"]


def test_credentials_need_a_concrete_origin(client: Client) -> None:
    for origin in (None, "null", "", "https://a b", "javascript", "x" * 5000):
        headers = {} if origin is None else {"origin": origin}
        for response in (
            client.options("/v1/events", headers=headers),
            client.post("/v1/events", body_for("/v1"), content_type="text/plain", headers=headers),
            client.get("/v1/events", headers=headers),
        ):
            assert response["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in response


def test_header_names_that_are_none_are_not_mirrored(client: Client) -> None:
    for wanted in ("x\r\nSet-Cookie: a=b", "<script>", "é", "x" * 9000):
        response = client.options("/v1/events", headers={"access-control-request-headers": wanted})
        assert (response.status_code, response["Access-Control-Allow-Headers"]) == (204, "Content-Type")


def test_a_page_may_read_the_answer_whatever_it_is(client: Client) -> None:
    for body, status in ((body_for("/v1"), 202), (b"{", 400), (b" " * (Limits.BODY_BYTES + 1), 413)):
        response = client.post("/v1/events", body, content_type="text/plain", headers={"origin": "https://example.com"})
        assert response.status_code == status
        assert response["Access-Control-Allow-Origin"] == "https://example.com"
        assert response["Cache-Control"] == "no-store"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "Origin" in response["Vary"]


def test_a_bad_token_or_a_cookie_does_not_matter(client: Client) -> None:
    client.cookies["sessionid"] = "x"
    for token in ("Bearer None", "Basic %%%", "Token x y z", "Bearer \xff"):
        path = "/api/event"
        response = client.post(path, body_for(path), content_type="text/plain", headers={"authorization": token})
        assert (response.status_code, response.content) == (202, b"ok")


def test_too_large_a_body_is_refused_in_the_protocols_words(client: Client) -> None:
    large = b" " * (4 << 20)
    own = client.post("/v1/events", large, content_type="text/plain")
    assert (own.status_code, own.json()["error"]["code"]) == (413, "too_large")
    theirs = client.post("/api/event", large, content_type="text/plain")
    assert (theirs.status_code, list(theirs.json())) == (413, ["errors"])


def test_of_too_large_a_body_no_more_is_read_than_shows_it(client: Client) -> None:
    for headers in ({"CONTENT_LENGTH": str(1 << 40)}, {"HTTP_TRANSFER_ENCODING": "chunked"}):
        endless = Stream(endless=True)
        assert post(client, "/v1/events", endless, **headers).status_code == 413
        assert endless.given == Limits.BODY_BYTES + 1


def test_a_body_that_breaks_off_is_refused(client: Client) -> None:
    for error in (OSError("reset"), ValueError("bad chunk")):
        for headers in ({"CONTENT_LENGTH": "100"}, {"HTTP_TRANSFER_ENCODING": "chunked"}):
            response = post(client, "/v1/events", Stream(error), **headers)
            assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_json")
    assert not waiting()


def test_a_body_shorter_than_announced_is_refused_though_it_reads_well(client: Client) -> None:
    assert post(client, "/v1/events", Stream(body_for("/v1")), CONTENT_LENGTH="1000").status_code == 400
    assert not waiting()


def test_a_body_without_a_length_is_read_to_its_end(client: Client) -> None:
    assert post(client, "/v1/events", Stream(body_for("/v1")), HTTP_TRANSFER_ENCODING="chunked").status_code == 202
    assert len(waiting()) == 1


def test_a_query_string_that_nobody_escaped_is_utf_8(client: Client, site: models.Site) -> None:
    for title in ("Tést".encode().decode("latin-1"), "T\xe9st"):
        client.get("/pixel.gif", QUERY_STRING=f"site=example.com&url=/&title={title}")
    assert ["title=Tést" in hit.payload for hit in waiting()] == [True, False]
    assert "title=T\ufffdst" in waiting()[1].payload


def test_the_client_is_whom_the_proxy_names(client: Client) -> None:
    client.post(
        "/v1/events", body_for("/v1"), content_type="text/plain", headers={"x-forwarded-for": "6.6.6.6, 198.51.100.77"}
    )
    assert [hit.ip_prefix for hit in waiting()] == ["198.51.100.0/24"]
    client.post(
        "/v1/events", body_for("/v1"), "text/plain", headers={"x-forwarded-for": "6.6.6.6"}, REMOTE_ADDR="203.0.113.5"
    )
    assert {hit.ip_prefix for hit in waiting()} == {"198.51.100.0/24", "203.0.113.0/24"}


def test_answers_do_not_repeat_what_was_sent(client: Client) -> None:
    for body in (
        b'{"site":"example.com","events":["<script>"]}',
        b'{"site":["<script>"],"events":[{}]}',
        b'{"site":"example.com","events":[{"name":"x","url":"<script>"}]}',
        b'{"site":"example.com","events":[{"name":"x","revenue":{"<script>":1}}]}',
        b"<script>",
    ):
        response = client.post("/v1/events", body, content_type="text/html")
        assert b"<script>" not in response.content
        assert b"Traceback" not in response.content
        assert response["Content-Type"] == "application/json"


def test_an_unforeseen_error_shows_nothing_of_the_inside(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(accept, "begin", fail)
    client.raise_request_exception = False
    response = client.post("/v1/events", body_for("/v1"), content_type="text/plain")
    assert response.status_code == 500
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content


def test_the_tracker_is_served_to_be_kept_for_an_hour(client: Client) -> None:
    response = client.get("/js/recount.js")
    assert (response.status_code, response.content) == (200, tracker.SOURCE)
    assert response["Content-Type"] == "text/javascript; charset=utf-8"
    assert response["Cache-Control"] == "public, max-age=3600"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_tracker_is_not_sent_again_to_who_has_it(client: Client) -> None:
    for known, status in (
        ("{}", 304), ("W/{}", 304), ('"other", {}', 304), ("*", 304), ('"other"', 200), ("nonsense", 200),
        ("x" * 8000, 200),
    ):  # fmt: skip
        response = client.get("/js/recount.js", headers={"if-none-match": known.replace("{}", tracker.ETAG)})
        assert response.status_code == status
        assert response["ETag"] == tracker.ETAG
        assert bool(response.content) == (status == 200)


def test_the_tracker_cannot_be_written(client: Client) -> None:
    assert client.post("/js/recount.js").status_code == 405
    assert client.head("/js/recount.js").status_code == 200


def test_health_tells_whether_events_can_be_stored(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/health/live").status_code == client.get("/health/ready").status_code == 200
    monkeypatch.setattr(buffer, "ready", lambda: False)
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503


def exchange(address: str, request: bytes) -> bytes:
    """The raw answer to a raw request, after which nothing more is sent."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.flow
def test_gunicorn_hands_over_bodies_of_every_kind(site: models.Site, environment: dict[str, str]) -> None:
    body = body_for("/v1")
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    sized = head + b"Content-Length: %d\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    with processes.pool("ingest", environment, INGEST_WORKERS="1") as address:
        assert b" 202 " in exchange(address, sized % len(body) + body)[:20]
        assert b" 202 " in exchange(address, chunked + chunk + b"0\r\n\r\n")[:20]
        assert len(waiting()) == 2
        for refused, status in (
            (chunked + b"FFFFFFFFFFFFFFFF\r\n" + body, b"400"),
            (chunked + b"zz\r\n" + body, b"400"),
            (chunked + chunk, b"400"),
            (sized % (len(body) + 9) + body, b"400"),
            (sized % (1 << 40) + b" " * (2 << 20), b"413"),
            (head + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\n{}", b"400"),
            (head + b"\r\n", b"400"),
        ):
            assert exchange(address, refused)[9:12] == status, refused[:200]
        assert len(waiting()) == 2
