"""A. HTTP itself, as gunicorn and the pool's worker answer it (catalogue 1 to 20).

Slow clients (6, 17, 20) are the load balancer's: tests/flow/test_load_balancer.py.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tests.hostile.exchange import Answer
from tests.hostile.paths import ALL
from tests.hostile.running import OWN, Pool, batch

pytestmark = pytest.mark.flow
Made = Callable[[bytes], bytes]
CLOSE = b"Connection: close\r\n"
FIRST_AND_LATER = pytest.mark.parametrize("kept", [False, True], ids=["first", "kept"])
"""The pool reads the first request of a connection in one way, and those behind it in another."""


def line(target: bytes = b"/v1/events", version: bytes = b"HTTP/1.1", host: bytes = b"Host: x\r\n") -> bytes:
    return b"POST %s %s\r\n%s" % (target, version, host)


def sized(headers: bytes = b"", first: bytes | None = None, more: int = 0) -> Made:
    """A request with a Content-Length that is off by `more`."""
    start = first or line()
    return lambda body: start + headers + CLOSE + b"Content-Length: %d\r\n\r\n" % (len(body) + more) + body


def of_length(length: bytes) -> Made:
    return lambda body: line() + CLOSE + b"Content-Length: " + length + b"\r\n\r\n" + body


def chunked(
    coding: bytes = b"Transfer-Encoding: chunked\r\n",
    *,
    size: bytes = b"",
    behind: bytes = b"",
    last: bytes = b"0\r\n\r\n",
) -> Made:
    """A request of one chunk; `behind` its size."""
    return lambda body: (
        line() + CLOSE + coding + b"\r\n" + (size or b"%x" % len(body)) + behind + b"\r\n" + body + b"\r\n" + last
    )


def send(pool: Pool, made: Made, kept: bool = False) -> tuple[list[Answer], str]:
    """The answers to one request of one event, and the mark by which its hits are found."""
    mark = f"/{uuid.uuid4()}"
    return pool.raw(made(batch([{"name": "x", "url": mark}])), kept=kept), mark


@pytest.mark.parametrize(("path", "module"), ALL, ids=[f"1-{path}" for path, _ in ALL])
def test_other_methods_are_refused_with_those_that_are_allowed(pool: Pool, path: str, module: ModuleType) -> None:
    methods = module.METHODS
    for method in {"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - set(methods):
        answer = pool.request(method, f"/{path}", batch([{"name": "x"}]))
        assert answer.status == 405
        assert answer.headers["allow"] == ", ".join([*methods, "OPTIONS"])
        assert method != "HEAD" or not answer.body


@FIRST_AND_LATER
@pytest.mark.parametrize(
    ("made", "statuses"),
    [
        pytest.param(lambda _: line() + CLOSE + b"\r\n", {400}, id="2-no-body"),
        pytest.param(lambda _: line() + CLOSE + b"Content-Length: 0\r\n\r\n", {400}, id="2-length-zero"),
        pytest.param(sized(more=10), {400}, id="3-length-too-large"),
        pytest.param(sized(more=-10), {400}, id="4-length-too-small"),
        pytest.param(chunked(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), {400}, id="5-length-and-chunks"),
        pytest.param(chunked(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), {400}, id="5-chunks-and-length"),
        pytest.param(chunked(b"Transfer-Encoding: xchunked\r\n"), {400, 501}, id="6-xchunked"),
        pytest.param(chunked(b"Transfer-Encoding: chunked, identity\r\n"), {400}, id="6-chunked-identity"),
        pytest.param(chunked(b"Transfer-Encoding: \x0bchunked\r\n"), {400}, id="6-vertical-tab"),
        pytest.param(chunked(b"Transfer-Encoding : chunked\r\n"), {400}, id="6-space-before-colon"),
        pytest.param(chunked(b"Transfer-Encoding: chunked\r\n" * 2), {400}, id="6-twice"),
        pytest.param(chunked(b"Transfer-Encoding: gzip\r\n"), {400}, id="6-gzip-alone"),
        pytest.param(lambda body: chunked()(body).replace(b"HTTP/1.1", b"HTTP/1.0"), {400}, id="6-http-1.0"),
        pytest.param(chunked(size=b"F" * 16), {400}, id="7-chunk-of-16-exabytes"),
        pytest.param(chunked(size=b"-5"), {400}, id="7-negative"),
        pytest.param(chunked(size=b"+5"), {400}, id="7-plus"),
        pytest.param(chunked(size=b"0x50"), {400}, id="7-0x"),
        pytest.param(chunked(size=b"1_0"), {400}, id="7-underscore"),
        pytest.param(chunked(size=b"zz"), {400}, id="7-no-number"),
        pytest.param(chunked(behind=b";" + b"\x01" * 10_000), {400}, id="7-extension-of-controls"),
        pytest.param(chunked(behind=b";a\rb"), {400}, id="7-extension-with-cr"),
        pytest.param(chunked(last=b""), {400}, id="7-no-last-chunk"),
        pytest.param(chunked(last=b"0\r\n"), {400}, id="7-no-end-of-trailers"),
        pytest.param(chunked(last=b"0\r\nContent-Length: 5\r\n\r\n"), {400}, id="7-trailer-of-framing"),
        pytest.param(sized(b"Content-Length: 3\r\n"), {400}, id="8-two-lengths"),
        pytest.param(lambda body: sized(b"Content-Length: %d\r\n" % len(body))(body), {400}, id="8-the-same-twice"),
        pytest.param(lambda body: of_length(b"%d, %d" % (len(body), len(body)))(body), {400}, id="8-a-list"),
        pytest.param(lambda body: of_length(b"+%d" % len(body))(body), {400}, id="8-plus"),
        pytest.param(of_length(b"-1"), {400}, id="8-negative"),
        pytest.param(of_length(b"0x10"), {400}, id="8-hexadecimal"),
        pytest.param(of_length(b"\xb2"), {400}, id="8-superscript"),
        pytest.param(of_length("٣".encode()), {400}, id="8-arabic"),
        pytest.param(of_length(b""), {400}, id="8-empty"),
        pytest.param(of_length(b"9" * 5000), {400, 413}, id="8-5000-digits"),
        pytest.param(sized(b"X Y: a\r\n"), {400}, id="9-space-in-name"),
        pytest.param(sized(b"X-Y : a\r\n"), {400}, id="9-space-before-colon"),
        pytest.param(sized(b"X\rY: a\r\n"), {400}, id="9-cr-in-name"),
        pytest.param(sized(b"X-\xe9: a\r\n"), {400}, id="9-latin-in-name"),
        pytest.param(sized(b": a\r\n"), {400}, id="9-no-name"),
        pytest.param(sized(b"nonsense\r\n"), {400}, id="9-no-colon"),
        pytest.param(sized(b"X: a\rSet-Cookie: b=c\r\n"), {400}, id="10-cr-in-value"),
        pytest.param(sized(b"X: a\nSet-Cookie: b=c\r\n"), {400}, id="10-lf-in-value"),
        pytest.param(sized(b"X: a\0b\r\n"), {400}, id="10-nul-in-value"),
        pytest.param(sized(b"".join(b"X-%d: a\r\n" % n for n in range(101))), {431}, id="11-101-headers"),
        pytest.param(sized(b"Cookie: " + b"a" * 9000 + b"\r\n"), {431}, id="11-cookie-of-9-kB"),
        pytest.param(sized(first=line(b"/v1/events?" + b"a" * 9000)), {414}, id="11-request-line-of-9-kB"),
        pytest.param(sized(b"Cookie: " + b"a" * 100_000 + b"\r\n"), {431}, id="12-cookie-of-100-kB"),
        pytest.param(lambda _: line() + b"X-Endless: " + b"a" * 500_000, {431, None}, id="12-head-without-end"),
        pytest.param(sized(b"X: a\r\n b\r\n"), {400}, id="13-folded-header"),
        pytest.param(lambda _: b"GET /v1/events\r\n", {400}, id="14-http-0.9"),
        pytest.param(sized(first=line(version=b"HTTP/9.9")), {400, 505}, id="14-http-9.9"),
        pytest.param(sized(first=line(version=b"HTTP/2.0")), {400, 505}, id="14-http-2.0"),
        pytest.param(sized(first=line(version=b"http/1.1")), {400}, id="14-http-in-lower-case"),
        pytest.param(lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}, id="14-preface-of-http-2"),
        pytest.param(lambda body: sized()(body).replace(b"\r\n", b"\n"), {400}, id="14-lines-that-end-with-lf"),
        pytest.param(lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, {400, None}, id="14-tls"),
        pytest.param(lambda _: b"\0\xff" * 500 + b"\r\n\r\n", {400}, id="14-garbage"),
        pytest.param(sized(first=line(b"*")), {400}, id="15-asterisk"),
        pytest.param(lambda _: b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n", {404}, id="15-options-asterisk"),
        pytest.param(lambda _: b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", {404, 405}, id="15-connect"),
        pytest.param(sized(first=line(b"//evil.example/v1/events")), {404}, id="15-two-slashes"),
        pytest.param(sized(first=line(b"/v1/events/../admin")), {404}, id="15-up-to-admin"),
        pytest.param(sized(first=line(b"/admin/../v1/events")), {404}, id="15-up-from-admin"),
        pytest.param(sized(first=line(b"/v1/events%2f..")), {404}, id="15-encoded-slash"),
        pytest.param(sized(first=line(b"/v1/events%00")), {404}, id="15-nul"),
        pytest.param(sized(first=line(b"/v1/events%0a")), {404}, id="15-line-break"),
        pytest.param(sized(first=line(b"/v1/events%ff")), {404}, id="15-no-utf-8"),
        pytest.param(sized(first=line(b"/v1/events;x")), {404}, id="15-semicolon"),
        pytest.param(sized(first=line(b"/V1/EVENTS")), {404}, id="15-upper-case"),
        pytest.param(sized(first=line(b"v1/events")), {400}, id="15-no-slash"),
        pytest.param(sized(first=line(b"")), {400}, id="15-no-target"),
        pytest.param(sized(first=line("/v1/events/é".encode())), {400}, id="15-no-ascii"),
        pytest.param(sized(first=line(host=b"Host: a\r\nHost: b\r\n")), {400}, id="16-two-hosts"),
        pytest.param(sized(b"Expect: a-pony\r\n"), {417}, id="17-expects-something-else"),
    ],
)  # fmt: skip
def test_what_is_no_good_request_is_refused_and_nothing_is_stored(
    pool: Pool, made: Made, statuses: set[int | None], kept: bool
) -> None:
    answers, mark = send(pool, made, kept)
    # What never becomes a request is not answered.
    assert {answer.status for answer in answers} <= statuses
    assert answers or None in statuses
    assert all(mark.encode() not in answer.body for answer in answers)
    assert pool.hits(mark) == []


@FIRST_AND_LATER
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(chunked(b"Transfer-Encoding: CHUNKED\r\n"), id="6-upper-case"),
        pytest.param(chunked(behind=b";name=value"), id="7-extension"),
        pytest.param(chunked(last=b"0\r\nX-Checksum: y\r\n\r\n"), id="7-trailer"),
        pytest.param(
            lambda body: line() + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n",
            id="7-chunks-of-one-byte",
        ),
        pytest.param(sized(b"Content_Length: 3\r\nX_Forwarded_For: 1.2.3.4\r\n"), id="9-underscores-are-dropped"),
        pytest.param(sized(b"X: a%0d%0aSet-Cookie: b=c\r\n"), id="10-encoded-line-break"),
        pytest.param(sized(b"".join(b"X-%d: a\r\n" % n for n in range(90))), id="11-90-headers"),
        pytest.param(sized(b"Cookie: " + b"a" * 8000 + b"\r\n"), id="11-cookie-of-8-kB"),
        pytest.param(sized(first=line(b"/v1/events?" + b"a" * 5000)), id="11-request-line-of-5-kB"),
        pytest.param(sized(first=line(version=b"HTTP/1.0", host=b"")), id="14-http-1.0-without-host"),
        pytest.param(sized(first=line(host=b"")), id="14-no-host"),
        pytest.param(sized(first=line(b"http://evil.example/v1/events")), id="15-absolute"),
        pytest.param(sized(first=line(b"/%761/events")), id="15-encoded-letter"),
        pytest.param(sized(first=line(host=b"Host: evil.com\r\n")), id="16-other-host"),
        pytest.param(sized(first=line(host=b"Host: localhost:22\r\n")), id="16-other-port"),
        pytest.param(sized(first=line(host=b"Host: " + b"a" * 300 + b"\r\n")), id="16-300-characters"),
        pytest.param(sized(first=line(host=b"Host: a b<>@/\\..\xff\r\n")), id="16-no-host-name"),
        pytest.param(sized(first=line(host=b"Host:\r\n")), id="16-empty"),
        pytest.param(sized(b"Expect: 100-continue\r\n"), id="17-expects-a-hundred"),
        pytest.param(sized(b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), id="18-h2c"),
        pytest.param(sized(b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), id="18-websocket"),
    ],
)  # fmt: skip
def test_what_is_odd_but_clear_is_taken_once(pool: Pool, made: Made, kept: bool) -> None:
    answers, mark = send(pool, made, kept)
    assert [answer.status for answer in answers] == [202]
    (hit,) = pool.hits(mark)
    assert hit["ip_prefix"] == "127.0.0.0/24"
    assert "aaaaaaaa" not in repr(hit)


@FIRST_AND_LATER
@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="5-chunks-win"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="6-length-wins"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5;\n\r\nabcde\r\n0\r\n\r\n", id="7-lf-in-extension"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nabcde", id="8-the-last-length-wins"),
    ],
)
def test_no_request_is_smuggled_behind_an_unclear_one(pool: Pool, first: bytes, kept: bool) -> None:
    mark = f"/{uuid.uuid4()}"
    answers = pool.raw(line() + first + sized()(batch([{"name": "x", "url": mark}])), kept=kept)
    assert [answer.status for answer in answers] in ([400], [501])
    assert pool.hits(mark) == []


@FIRST_AND_LATER
def test_19_pipelined_requests_are_answered_in_their_order(pool: Pool, kept: bool) -> None:
    mark = f"/{uuid.uuid4()}"
    bodies = [batch([{"name": "x", "url": f"{mark}/{n}"}]) if n % 3 else b"nonsense" for n in range(50)]
    heads = (line() + b"Content-Length: %d\r\n\r\n" % len(body) for body in bodies)
    answers = pool.raw(b"".join(head + body for head, body in zip(heads, bodies, strict=True)), kept=kept)
    assert [answer.status for answer in answers] == [202 if n % 3 else 400 for n in range(50)]
    found = [json.loads(hit["payload"])["url"] for hit in pool.hits(mark)]
    assert sorted(found) == sorted(f"{mark}/{n}" for n in range(50) if n % 3)


def test_19_pipelined_chunks_are_told_apart(pool: Pool) -> None:
    mark = f"/{uuid.uuid4()}"
    made = chunked()(batch([{"name": "x", "url": mark}])).replace(CLOSE, b"")
    assert [answer.status for answer in pool.raw(made * 10)] == [202] * 10
    assert len(pool.hits(mark)) == 10


@FIRST_AND_LATER
def test_3_a_body_may_come_in_pieces(pool: Pool, kept: bool) -> None:
    for made in (sized(), chunked()):
        mark = f"/{uuid.uuid4()}"
        whole = made(batch([{"name": "x", "url": mark}]))

        def pieces(whole: bytes = whole) -> Iterator[bytes]:
            for at in range(0, len(whole), 20):
                yield whole[at : at + 20]
                time.sleep(0.005)

        assert [answer.status for answer in pool.raw(pieces(), ends=False, kept=kept)] == [202]
        assert len(pool.hits(mark)) == 1


def test_12_cookies_are_stored_nowhere(pool: Pool) -> None:
    secret = uuid.uuid4().hex
    assert isinstance(pool.one({"Cookie": f"session={secret}"}, url="/with-a-cookie"), dict)
    assert pool.hits(secret) == []
    assert secret not in repr(pool.hits("/with-a-cookie"))


def test_what_the_pool_logs_names_nobody(pool: Pool) -> None:
    for made in (sized(b"X Y: a\r\n"), sized(first=line(b"/none?email=maria@example.com")), of_length(b"x")):
        send(pool, made)
    pool.post(b"nonsense")
    said = pool.log.read_text()
    assert "127.0.0.1:" not in said.replace(f"127.0.0.1:{pool.socket[1]}", "")
    assert "maria" not in said
    assert "Bad Request" not in said
    assert pool.request("GET", OWN).status == 405
