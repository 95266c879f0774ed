"""Nicolas Seriot's JSONTestSuite through our own format: y_ is JSON, n_ is none, i_ is up to us."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.events import Refusal, Refused
from analytics.protocols import recount, wire
from tests import shared

FOLDER = shared._FOLDER / "data" / "json_test_suite" / "test_parsing"
READ = {
    # Numbers too small for a double are 0, integers of any size stand.
    "i_number_double_huge_neg_exp.json",
    "i_number_real_underflow.json",
    "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
    # Lone surrogates are mended.
    "i_object_key_lone_2nd_surrogate.json",
    "i_string_1st_surrogate_but_2nd_missing.json",
    "i_string_1st_valid_surrogate_2nd_invalid.json",
    "i_string_incomplete_surrogate_and_escape_valid.json",
    "i_string_incomplete_surrogate_pair.json",
    "i_string_incomplete_surrogates_escape_valid.json",
    "i_string_invalid_lonely_surrogate.json",
    "i_string_invalid_surrogate.json",
    "i_string_inverted_surrogates_U+1D11E.json",
    "i_string_lone_second_surrogate.json",
    # Depth 500 is read; a thousand and more is not.
    "i_structure_500_nested_arrays.json",
    # A byte order mark is dropped.
    "i_structure_UTF-8_BOM_empty_object.json",
}
"""Which of the i_ files we take; all others are refused: no UTF-8, or a number that no double holds."""


def files(prefix: str) -> list[Path]:
    return sorted(FOLDER.glob(f"{prefix}_*.json")) or [FOLDER]


def outcome(body: bytes) -> Refusal | None:
    """How a whole body is refused by our own format, None when it is accepted."""
    try:
        for event in recount.split(wire.Request("POST", "/v1/events", "", {}, body)).events:
            recount.read(event.payload)
    except Refused as refused:
        return refused.code
    return None


def within(value: bytes) -> bytes:
    """A body whose only event has the value as a property."""
    return b'{"site":"a.example","events":[{"name":"x","props":{"k":' + value + b"}}]}"


@pytest.fixture(autouse=True)
def _corpus() -> None:
    shared.path("data/json_test_suite/test_parsing")


@pytest.mark.parametrize("file", files("y"), ids=lambda file: file.stem)
def test_what_is_json_is_read(file: Path) -> None:
    value = file.read_bytes()
    assert outcome(value) is not Refusal.BAD_JSON
    # Lists and objects are read, and refused as the value of a property.
    expected = Refusal.BAD_PROPS if value.strip()[:1] in {b"[", b"{"} else None
    assert outcome(within(value)) is expected


@pytest.mark.parametrize("file", files("n"), ids=lambda file: file.stem)
def test_what_is_no_json_is_refused_as_such(file: Path) -> None:
    value = file.read_bytes()
    assert outcome(within(value)) is Refusal.BAD_JSON
    # Of a whole body that is a list it may be said first that it should be an object.
    assert outcome(value) in {Refusal.BAD_JSON, Refusal.BAD_FIELD}


@pytest.mark.parametrize("file", files("i"), ids=lambda file: file.stem)
def test_what_the_standard_leaves_open_is_decided(file: Path) -> None:
    value = file.read_bytes()
    try:
        wire.decode(wire.text(wire.Request("POST", "/v1/events", "", {}, value)))
    except Refused:
        assert file.name not in READ
    else:
        assert file.name in READ
    assert outcome(value) is not None
