"""How PostHog's clients pack their JSON."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import posthog_body, wire

# The same text as in tests/protocols/test_lz_string.py, packed by lz-string itself.
TEXT = '{"event":"$pageview","properties":{"token":"phc_T","distinct_id":"u","title":"Tést 😀 ﷺ"}}'
LZ64 = (
    "N4IgpgbmB2AuIC4QBIAOBDA5pAlmA7iADQioBOA9qmGbHgM6KiwUDWMipAFgMYD6AFWIgAJjnp1oPWHxwjOAV2F1YAGzCcBAS4kACQLwbgAD3dgL9+Q"
    "AX3NA"
)
PLAIN = TEXT.encode()
BASE64 = base64.b64encode(PLAIN)
FORM = "application/x-www-form-urlencoded"


def unpacked(body: bytes, query: str = "", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return posthog_body.text(wire.Request("POST", "/e/", query, named, body), wire.parameters(query))


def code(body: bytes, query: str = "", **headers: str) -> Refusal:
    with pytest.raises(Refused) as refused:
        unpacked(body, query, **headers)
    return refused.value.code


@pytest.mark.parametrize(
    ("body", "query", "headers"),
    [
        (PLAIN, "", {}),
        (b"\xef\xbb\xbf" + PLAIN, "", {}),
        (PLAIN, "", {"content_type": FORM}),
        (gzip.compress(PLAIN), "", {"content_encoding": "gzip"}),
        (gzip.compress(PLAIN), "", {"content_type": "text/plain"}),
        (gzip.compress(PLAIN), "compression=gzip-js&ver=1.449.2&_=1795390505877", {}),
        (gzip.compress(PLAIN), "compression=gzip", {"content_encoding": "gzip"}),
        (gzip.compress(BASE64), "", {}),
        (zlib.compress(PLAIN), "", {"content_encoding": "deflate"}),
        (BASE64, "", {}),
        (BASE64, "compression=base64", {}),
        (base64.b64encode(gzip.compress(PLAIN)), "", {}),
        (b"data=" + quote(TEXT).encode(), "", {"content_type": FORM}),
        (b"data=" + quote(BASE64.decode()).encode(), "compression=base64", {"content_type": FORM}),
        (b"data=" + BASE64, "", {}),
        (b"ver=1&compression=gzip-js&data=" + quote(base64.b64encode(gzip.compress(PLAIN)).decode()).encode(), "", {}),
        (LZ64.encode(), "compression=lz64", {}),
        (b"data=" + quote(LZ64).encode() + b"&compression=lz64", "", {"content_type": FORM}),
        (b"compression=lz-string&data=" + LZ64.encode(), "", {}),
        (b"", f"data={quote(BASE64.decode())}", {}),
        (b"", f"data={quote(TEXT)}&ip=1", {}),
        (b"", f"data={quote(LZ64)}&compression=lz64", {}),
    ],
)
def test_it_is_unpacked_whatever_the_content_type_says(body: bytes, query: str, headers: dict[str, str]) -> None:
    assert unpacked(body, query, **headers) == TEXT


def test_json_that_speaks_of_forms_is_json() -> None:
    text = json.dumps({"event": "x", "properties": {"$current_url": "https://a.example/?a=1&data=5&compression=lz64"}})
    assert unpacked(text.encode()) == text


def test_nothing_at_all_is_no_event() -> None:
    assert code(b"") is Refusal.NO_EVENTS
    assert code(b"data=&compression=gzip") is Refusal.NO_EVENTS
    assert code(b"", "data=&ip=1") is Refusal.NO_EVENTS


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_other_encodings_are_refused(encoding: str) -> None:
    assert code(PLAIN, content_encoding=encoding) is Refusal.BAD_ENCODING
    assert code(PLAIN, f"compression={quote(encoding)}") is Refusal.BAD_ENCODING


@pytest.mark.parametrize(
    ("body", "query", "headers"),
    [
        (gzip.compress(b"x" * (Limits.INFLATED_BYTES + 1)), "", {}),
        (zlib.compress(b"x" * (Limits.INFLATED_BYTES + 1)), "", {"content_encoding": "deflate"}),
        (base64.b64encode(gzip.compress(b"x" * (Limits.INFLATED_BYTES + 1))), "", {}),
        (b" " * (Limits.BODY_BYTES + 1), "", {}),
        (gzip.compress(b"A" * (Limits.BODY_BYTES + 1)), "compression=lz64", {}),
    ],
    ids=["gzip", "deflate", "gzip in base64", "plain", "lz64 in gzip"],
)
def test_what_would_grow_too_large_is_refused(body: bytes, query: str, headers: dict[str, str]) -> None:
    assert code(body, query, **headers) is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "query", "headers"),
    [
        (gzip.compress(PLAIN)[:-9], "", {}),
        (PLAIN, "", {"content_encoding": "gzip"}),
        (zlib.compress(PLAIN)[:-1], "", {"content_encoding": "deflate"}),
        (PLAIN, "", {"content_encoding": "deflate"}),
        (gzip.compress(gzip.compress(PLAIN)), "", {}),
        (b"\xff\xfe{}", "", {}),
        (PLAIN, "compression=lz64", {}),
    ],
    ids=[
        "gzip cut off",
        "announced gzip",
        "deflate cut off",
        "announced deflate",
        "gzip twice",
        "UTF-16",
        "announced lz64",
    ],
)
def test_what_is_broken_is_refused(body: bytes, query: str, headers: dict[str, str]) -> None:
    assert code(body, query, **headers) is Refusal.BAD_JSON


@given(
    st.binary(max_size=60) | st.text(max_size=40).map(str.encode),
    st.sampled_from(["", "gzip", "lz64", "base64", "deflate"]),
)
@settings(max_examples=500, deadline=None)
def test_whatever_the_bytes_are_they_are_unpacked_or_refused(body: bytes, compression: str) -> None:
    for prefix in (b"", b"data=", b"compression=lz64&data="):
        with contextlib.suppress(Refused):
            unpacked(prefix + body, f"compression={compression}").encode()
