"""B. What the body is, and how it is packed (catalogue 21 to 36)."""

from __future__ import annotations

import gzip
import json
import time
import uuid
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from analytics.events import Limits
from tests.hostile.paths import EVERY
from tests.hostile.running import OWN, PLAUSIBLE, PROMPT_SECONDS, Pool, batch

pytestmark = pytest.mark.flow
GZIP = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(bytes(100 << 20))
"""100 MB of NUL in 97 kB."""


def one(mark: str) -> bytes:
    return batch([{"name": "x", "url": f"/{mark}"}])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="21-none"),
        pytest.param({"Content-Type": "text/plain;charset=UTF-8"}, id="21-beacon"),
        pytest.param({"Content-Type": "application/json; charset=utf-16"}, id="22-claims-utf-16"),
        pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, id="23-claims-multipart"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="24-claims-a-form"),
        pytest.param({"Content-Type": "application/xml"}, id="25-claims-xml"),
        pytest.param({"Content-Type": "text/html"}, id="25-claims-html"),
        pytest.param({"Content-Type": "a/" + "b" * 5000}, id="26-five-kB"),
        pytest.param({"Content-Type": "\xff;;=\t/"}, id="26-nonsense"),
        pytest.param({"Content-Encoding": "identity"}, id="27-identity"),
        pytest.param({"Content-Encoding": ""}, id="27-empty"),
    ],
)
def test_a_body_is_read_as_json_whatever_it_claims_to_be(pool: Pool, headers: dict[str, str]) -> None:
    mark = str(uuid.uuid4())
    answer = pool.post(one(mark), headers=headers)
    assert (answer.status, answer.json) == (202, {"accepted": 1, "rejected": []})
    assert len(pool.hits(mark)) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(one("x").decode().encode("utf-16"), id="22-utf-16"),
        pytest.param(
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.json"\r\n\r\n' + one("x") + b"\r\n--x--\r\n",
            id="23-multipart-with-a-file",
        ),
        pytest.param(b"data=" + one("x"), id="24-form"),
        pytest.param(b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", id="25-xml"),
        pytest.param(b"<html><script>alert(1)</script></html>", id="25-html"),
    ],
)
def test_what_is_no_json_is_refused_as_such(pool: Pool, body: bytes) -> None:
    answer = pool.post(body)
    assert (answer.status, answer.code) == (400, "bad_json")
    assert pool.post(body, PLAUSIBLE).status == 400


def test_26_a_content_type_with_nul_is_no_http(pool: Pool) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\0\r\nConnection: close\r\n"
    sent = head + b"Content-Length: 2\r\n\r\n{}"
    assert [answer.status for answer in pool.raw(sent)] == [400]


@pytest.mark.parametrize(
    ("packed", "headers"),
    [
        pytest.param(gzip.compress, GZIP, id="27-gzip"),
        pytest.param(gzip.compress, {"Content-Encoding": " GZip "}, id="27-upper-case"),
        pytest.param(gzip.compress, {"Content-Encoding": "x-gzip"}, id="27-x-gzip"),
        pytest.param(gzip.compress, {}, id="29-gzip-that-is-not-announced"),
        pytest.param(lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]), GZIP, id="30-two-members"),
        pytest.param(lambda body: gzip.compress(body) + bytes(100), GZIP, id="30-padded-with-nul"),
        pytest.param(lambda body: gzip.compress(b"") + gzip.compress(body), GZIP, id="30-an-empty-member"),
    ],
)  # fmt: skip
def test_gzip_is_inflated(pool: Pool, packed: object, headers: dict[str, str]) -> None:
    mark = str(uuid.uuid4())
    assert pool.post(packed(one(mark)), headers=headers).status == 202  # type: ignore[operator]
    assert len(pool.hits(mark)) == 1


PACKED = gzip.compress(one("packed"))


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        pytest.param(one("x"), "gzip", 400, "bad_json", id="28-plain-that-is-announced-as-gzip"),
        pytest.param(b"", "gzip", 400, "bad_json", id="28-nothing"),
        pytest.param(PACKED[:-12], "gzip", 400, "bad_json", id="30-truncated"),
        pytest.param(PACKED[:5], "gzip", 400, "bad_json", id="30-truncated-header"),
        pytest.param(PACKED[:-8] + b"\0\1\2\3" + PACKED[-4:], "gzip", 400, "bad_json", id="30-bad-checksum"),
        pytest.param(PACKED[:-4] + b"\1\0\0\0", "gzip", 400, "bad_json", id="30-bad-length"),
        pytest.param(PACKED + b"garbage", "gzip", 400, "bad_json", id="30-garbage-behind-it"),
        pytest.param(PACKED[:12] + bytes(20) + PACKED[12:], "gzip", 400, "bad_json", id="30-damaged"),
        pytest.param(BOMB, "gzip", 413, "too_large", id="31-bomb"),
        pytest.param(BOMB, "", 413, "too_large", id="31-bomb-that-is-not-announced"),
        pytest.param(gzip.compress(bytes(1 << 20)) * 5, "gzip", 413, "too_large", id="31-bomb-of-members"),
        pytest.param(gzip.compress(PACKED), "gzip", 400, "bad_json", id="32-nested"),
        pytest.param(gzip.compress(BOMB), "gzip", 400, "bad_json", id="32-nested-bomb"),
        pytest.param(PACKED, "gzip, gzip", 415, "bad_encoding", id="33-gzip-gzip"),
        pytest.param(PACKED, "br", 415, "bad_encoding", id="33-br"),
        pytest.param(PACKED, "zstd", 415, "bad_encoding", id="33-zstd"),
        pytest.param(PACKED, "compress", 415, "bad_encoding", id="33-compress"),
        pytest.param(PACKED, "x" * 5000, 415, "bad_encoding", id="33-unknown"),
        pytest.param(zlib.compress(one("x")), "deflate", 415, "bad_encoding", id="35-zlib"),
        pytest.param(zlib.compress(one("x"))[2:-4], "deflate", 415, "bad_encoding", id="35-raw"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_at_once(
    pool: Pool, body: bytes, encoding: str, status: int, code: str
) -> None:
    began_at = time.monotonic()
    answer = pool.post(body, headers={"Content-Encoding": encoding} if encoding else {})
    assert (answer.status, answer.code) == (status, code)
    assert pool.post(body, PLAUSIBLE, {"Content-Encoding": encoding} if encoding else {}).status == status
    assert time.monotonic() - began_at < PROMPT_SECONDS


def test_31_and_34_bombs_take_no_memory(pool: Pool) -> None:
    before = sum(peak_kilobytes(pool).values())
    for body in (BOMB, gzip.compress(BOMB), tiny_events(200_000), tiny_events(1_000_000), b"[" * (1 << 20)):
        for path in (OWN, PLAUSIBLE):
            assert pool.post(body, path, GZIP if body[:2] == b"\x1f\x8b" else {}).status in {400, 413}
    grown = sum(peak_kilobytes(pool).values()) - before
    # 200 000 events in at most 4 MB, of which each is an object while they are counted.
    assert grown < 200_000


MONOTONOUS = (
    b" ",
    b"A",
    b"=",
    b"&",
    b"a=b&",
    b"%25",
    b"\\",
    b'"',
    b"[",
    b'{"a":',
    b"\\ud83d",
    b"@",
    b"a.",
    b"\xff",
    b"\0",
)


@pytest.mark.parametrize(("path", "module"), EVERY, ids=[f"31-{path}" for path, _ in EVERY])
def test_a_megabyte_of_one_thing_is_answered_at_once(pool: Pool, path: str, module: ModuleType) -> None:
    began_at = time.monotonic()
    for piece in MONOTONOUS:
        body = (piece * (Limits.BODY_BYTES // len(piece)))[:-1] + b"{"
        assert pool.request("POST", f"/{path}", body).status in {200, 204, 400, 401, 404, 405}
    assert time.monotonic() - began_at < PROMPT_SECONDS


def test_34_what_events_share_is_not_repeated_without_end(pool: Pool) -> None:
    calls = ",".join(['{"type":"page","userId":"u"}'] * 2500)
    body = f'{{"writeKey":"{pool.site.public_key}","context":{{"a":"{"x" * 30_000}"}},"batch":[{calls}]}}'
    before = sum(peak_kilobytes(pool).values())
    answer = pool.post(gzip.compress(body.encode()), "/v1/batch", GZIP)
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert sum(peak_kilobytes(pool).values()) - before < 20_000
    few = body.replace(calls, calls[: len('{"type":"page","userId":"u"},') * 100 - 1])
    assert pool.post(few.encode(), "/v1/batch").status == 200


def tiny_events(count: int) -> bytes:
    return gzip.compress(b'{"site":"example.com","events":[' + b",".join([b"{}"] * count) + b"]}")


def peak_kilobytes(pool: Pool) -> dict[str, int]:
    """Process id → the most memory that a worker of the pool ever used."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        process = status.parent
        try:
            said = (process / "environ").read_bytes()
            if f"INGEST_PORT={pool.socket[1]}\0".encode() in said and b"gunicorn" in (process / "cmdline").read_bytes():
                lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
                found[process.name] = int(lines["VmHWM"].split()[0])
        except OSError:
            continue
    assert len(found) >= 2
    return found


@pytest.mark.parametrize("count", [501, 200_000], ids=lambda count: f"34-{count}-tiny-events")
def test_too_many_events_are_refused_by_their_number(pool: Pool, count: int) -> None:
    began_at = time.monotonic()
    answer = pool.post(tiny_events(count), headers=GZIP)
    assert (answer.status, answer.code) == (413, "too_many_events")
    assert time.monotonic() - began_at < PROMPT_SECONDS


@pytest.mark.parametrize("more", [0, 1], ids=["36-exactly", "36-one-more"])
class TestLimits:
    """Exactly as much as is allowed, and one more."""

    def test_bytes_as_sent(self, pool: Pool, more: int) -> None:
        body = one("x")
        answer = pool.post(body + b" " * (Limits.BODY_BYTES - len(body) + more))
        assert (answer.status, answer.code) == ((413, "too_large") if more else (202, ""))

    def test_bytes_inflated(self, pool: Pool, more: int) -> None:
        body = one("x")
        packed = gzip.compress(body + b" " * (Limits.INFLATED_BYTES - len(body) + more))
        answer = pool.post(packed, headers=GZIP)
        assert (answer.status, answer.code) == ((413, "too_large") if more else (202, ""))

    def test_events_of_a_request(self, pool: Pool, more: int) -> None:
        answer = pool.send(*[{"name": "x"}] * (Limits.EVENTS_PER_REQUEST + more))
        assert (answer.status, answer.code) == ((413, "too_many_events") if more else (202, ""))

    def test_bytes_of_an_event(self, pool: Pool, more: int) -> None:
        room = Limits.EVENT_BYTES - len(json.dumps({"name": "x", "z": ""})) + more
        answer = pool.send({"name": "x", "z": "a" * room}, {"name": "good"})
        assert answer.codes == ({0: "too_large"} if more else {})
        assert answer.json["accepted"] == 2 - more
