"""The body of a request as text, and its JSON: what is read, what is mended, what is refused."""

from __future__ import annotations

import gzip
import time
from typing import Any

import msgspec
import pytest

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import wire


def sent(body: bytes, **headers: str) -> wire.Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.Request("POST", "/v1/events", "", named, body)


def refusal(body: bytes, **headers: str) -> Refusal:
    with pytest.raises(Refused) as caught:
        wire.text(sent(body, **headers))
    return caught.value.code


def decode_refusal(raw: str, shape: type[Any] = object) -> Refused:
    with pytest.raises(Refused) as caught:
        wire.decode(raw, shape)
    return caught.value


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"a":1}', {}),
        (b'{"a":1}', {"content_encoding": "identity"}),
        (b'\xef\xbb\xbf{"a":1}', {}),
        (gzip.compress(b'{"a":1}'), {"content_encoding": "gzip"}),
        (gzip.compress(b'{"a":1}'), {"content_encoding": " GZIP "}),
        (gzip.compress(b'{"a":1}'), {"content_encoding": "x-gzip"}),
        (gzip.compress(b'{"a":1}'), {}),
        (gzip.compress(b'{"a"') + gzip.compress(b":1}"), {"content_encoding": "gzip"}),
    ],
    ids=["plain", "identity", "bom", "gzip", "Gzip", "x-gzip", "gzip unsaid", "two members"],
)
def test_the_body_is_read_plain_or_inflated(body: bytes, headers: dict[str, str]) -> None:
    assert wire.text(sent(body, **headers)) == '{"a":1}'


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "compress", "?"])
def test_an_encoding_that_nobody_promised_is_refused(encoding: str) -> None:
    assert refusal(b"{}", content_encoding=encoding) is Refusal.BAD_ENCODING


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b'{"a":1}', "gzip"),
        (gzip.compress(b'{"a":1}')[:-9], "gzip"),
        (gzip.compress(b'{"a":1}')[:-8] + b"\0\0\0\0\0\0\0\0", "gzip"),
        (gzip.compress(b'{"a":1}') + b"garbage", "gzip"),
        (gzip.compress(gzip.compress(b'{"a":1}')), "gzip"),
        (b"\xff", ""),
        (b'{"a":"\xc0\xaf"}', ""),
        (b'{"a":"\xed\xa0\x80"}', ""),
        ('{"a":1}'.encode("utf-16"), ""),
        ('{"a":1}'.encode("utf-32"), ""),
    ],
    ids=["plain", "cut off", "checksum", "garbage", "twice", "byte", "overlong", "surrogate", "utf-16", "utf-32"],
)
def test_a_body_that_cannot_be_read_is_no_json(body: bytes, encoding: str) -> None:
    assert refusal(body, content_encoding=encoding) is Refusal.BAD_JSON


def test_a_body_that_was_cut_off_is_refused_though_it_reads_well() -> None:
    with pytest.raises(Refused) as caught:
        wire.text(wire.Request("POST", "/", "", {}, b"{}", complete=False))
    assert caught.value.code is Refusal.BAD_JSON


def test_a_body_is_as_large_as_the_limit_and_not_a_byte_larger() -> None:
    assert len(wire.text(sent(b" " * Limits.BODY_BYTES))) == Limits.BODY_BYTES
    assert refusal(b" " * (Limits.BODY_BYTES + 1)) is Refusal.TOO_LARGE


def test_a_body_inflates_to_the_limit_and_not_a_byte_more() -> None:
    assert len(wire.text(sent(gzip.compress(b" " * Limits.INFLATED_BYTES)))) == Limits.INFLATED_BYTES
    assert refusal(gzip.compress(b" " * (Limits.INFLATED_BYTES + 1))) is Refusal.TOO_LARGE
    half = gzip.compress(b" " * (Limits.INFLATED_BYTES // 2 + 1))
    assert refusal(half + half) is Refusal.TOO_LARGE


def test_a_bomb_is_refused_without_inflating_it() -> None:
    bomb = gzip.compress(b"\0" * (100 << 20), compresslevel=1)
    began_at = time.monotonic()
    assert refusal(bomb) is Refusal.TOO_LARGE
    assert time.monotonic() - began_at < 1


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (r'"\ud83d"', "\ufffd"),
        (r'"cut \ud83d here"', "cut \ufffd here"),
        (r'"\ude00"', "\ufffd"),
        (r'"\ude00\ud83d"', "\ufffd\ufffd"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\ud83d\u0041"', "\ufffdA"),
        (r'"\uD83D\uDE00 \uD83D"', "\U0001f600 \ufffd"),
        (r'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        (r'"\\\ud83d"', "\\\ufffd"),
        (r'{"\ud83d":1}', {"\ufffd": 1}),
        (r'{"\udbff":1,"\udbfe":2}', {"\ufffd": 2}),
    ],
)
def test_half_an_emoji_does_not_cost_the_event(raw: str, read: object) -> None:
    assert wire.decode(raw) == read
    assert len(wire.mend(raw)) == len(raw)


def test_of_a_parameter_that_comes_twice_the_last_counts_empty_or_not() -> None:
    assert wire.parameters("?a=1&a=&b&%c3%a4=%f0+x&c=1;d") == {"a": "", "b": "", "ä": "\ufffd x", "c": "1;d"}


@pytest.mark.parametrize("raw", ["{}", r'"\ud83d\ude00"', r'"\\ud83d"', r'"\u0000\n\""', '"\U0001f600"'])
def test_what_is_whole_is_not_mended(raw: str) -> None:
    assert wire.mend(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "{'a':1}",
        '{"a":1,}',
        '{"a":1} {"a":2}',
        '{"a":1}\n{"a":2}',
        "// x\n{}",
        "NaN",
        "[-Infinity]",
        '"\\x41"',
        '"\\u12"',
        '"\\ud83d\\u12"',
        '"tab\there"',
        '"nul\0"',
        "[" * 100_000,
        "[" * 1100 + "]" * 1100,
        '{"a":' * 100_000,
        "<events/>",
        "--boundary\r\nContent-Disposition: form-data",
    ],
)
def test_what_is_no_json_is_refused_and_says_where(raw: str) -> None:
    refused = decode_refusal(raw)
    assert refused.code is Refusal.BAD_JSON
    assert len(refused.message) < 200


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e140000", "1" * 5000])
def test_a_number_that_no_double_holds_is_refused(number: str) -> None:
    assert decode_refusal(f"[{number}]").code in {Refusal.BAD_FIELD, Refusal.BAD_JSON}


def test_of_two_equal_keys_the_last_counts() -> None:
    assert wire.decode('{"site":"a","site":"b"}') == {"site": "b"}


def test_keys_that_javascript_fears_are_plain_data() -> None:
    assert wire.decode('{"__proto__":{"x":1},"constructor":2}') == {"__proto__": {"x": 1}, "constructor": 2}


def test_messages_do_not_repeat_what_was_sent() -> None:
    class Shape(msgspec.Struct):
        site: str = ""

    for raw in ('{"site":["<script>alert(1)</script>"]}', '{"site": <script>alert(1)</script>}', '"<script>"'):
        assert "<script>" not in decode_refusal(raw, Shape).message


def test_hostile_escapes_take_bounded_time() -> None:
    began_at = time.monotonic()
    assert wire.decode('"' + r"\ud83d" * (Limits.BODY_BYTES // 6) + '"')
    decode_refusal('"' + "\\\\" * (Limits.BODY_BYTES // 2))
    assert time.monotonic() - began_at < 3
