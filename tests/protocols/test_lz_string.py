"""lz-string, against what the original (npm lz-string 1.5.0, compressToBase64) has packed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import Refusal, Refused
from analytics.protocols import lz_string

PACKED = [
    ("", "Q==="),
    ("a", "IZA="),
    ("aaaa", "IY5A"),
    ("ab" * 40, "IYI17SOrZ+6IcxQ="),
    ("\0ÿĀ\uffff", "AAf8AICP//Q="),
    (
        '{"event":"$pageview","properties":{"token":"phc_T","distinct_id":"u","title":"Tést 😀 ﷺ"}}',
        "N4IgpgbmB2AuIC4QBIAOBDA5pAlmA7iADQioBOA9qmGbHgM6KiwUDWMipAFgMYD6AFWIgAJjnp1oPWHxwjOAV2F1YAGzCcBAS4kACQLwbgAD3dg"
        "L9+QAX3NA",
    ),
    (
        "The quick brown fox jumps over the lazy dog. " * 8,
        "CoCwpgBAjgrglgYwNYQEYCcD2B3AdhAM0wA8IArGAWwAcBnCTANzHQgBdwIAbAQwC8AnhAAmmAOYA6CKEixEKDDnxFSFGvSYt2nXoJHipM6PGRos"
        "eQiXJU6DZqw6RdQ0ZOmc5pxRZXX1drUdufhcDd1kTBXNlKzVbTQcdEP03I08opUtVGw17bSdk10MPSLNM3zjcwKS9IvDjeTKfWJyAxILasKA",
    ),
]


@pytest.mark.parametrize(("text", "packed"), PACKED)
def test_what_the_original_packs_is_unpacked(text: str, packed: str) -> None:
    assert lz_string.decompress(packed, 1000) == text


def test_more_than_is_allowed_is_refused_before_it_is_there() -> None:
    # Every code after the first says "what comes next, and its first letter again": n codes become n²/2 letters.
    bomb = _codes_of_growing_words(4000)
    assert len(bomb) < 10_000
    with pytest.raises(Refused) as refused:
        lz_string.decompress(bomb, 1_000_000)
    assert refused.value.code is Refusal.TOO_LARGE


def _codes_of_growing_words(codes: int) -> str:
    """`aaaa…`, as the original would pack it, without an end."""
    bits, width, room, words = "00" + f"{ord('a'):08b}"[::-1], 3, 4, 4
    for _ in range(codes):
        bits += f"{words:0{width}b}"[::-1]
        words, room = words + 1, room - 1
        if not room:
            room, width = 1 << width, width + 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(alphabet[int(bits[at : at + 6].ljust(6, "0"), 2)] for at in range(0, len(bits), 6))


@pytest.mark.parametrize("packed", ["", "IZ", "w", "N4IgpgbmB2Au", "IZA=IZA", "{}", "\ud800"])
def test_what_is_broken_is_refused(packed: str) -> None:
    with pytest.raises(Refused) as refused:
        lz_string.decompress(packed, 1000)
    assert refused.value.code is Refusal.BAD_JSON


@given(st.text(alphabet="ABCDIZaz09+/=QN4", max_size=200))
@settings(max_examples=500, deadline=None)
def test_whatever_it_is_it_is_unpacked_or_refused(packed: str) -> None:
    try:
        text = lz_string.decompress(packed, 500)
    except Refused:
        return
    assert len(text) <= 500
    text.encode()
