"""Events of names and values."""

from __future__ import annotations

from decimal import Decimal

import pytest

from analytics.events import Refusal, Refused
from analytics.protocols import flat


def test_a_query_string_and_an_object_say_the_same() -> None:
    expected = {"a": "1", "b": "x y", "c": "[1,2]", "d": "", "e": "true", "f": "0"}
    assert flat.read("a=1&b=x+y&c=[1,2]&d=&e=true&f=0") == expected
    assert flat.read('{"a":1,"b":"x y","c":[1, 2],"d":"","e":true,"f":0,"g":null}') == expected


def test_a_query_string_can_be_stored() -> None:
    assert flat.query("?a=\x00", "", "b=2") == "a=%00&b=2"


def test_a_value_is_added_so_that_it_is_read_back() -> None:
    for value in ("https://example.com/?a=1&b=2#c", "a+b c%20", "é\ud83d"):
        assert flat.read(flat.with_("x=1", "url", value)) == {"x": "1", "url": value.replace("\ud83d", "?")}
    assert flat.with_("x=1", "url", "") == "x=1"


def test_what_is_left_out_leaves_the_rest_as_it_came() -> None:
    assert flat.without("ip=1&a=%7e+&&ip=2&b&tip=3", ("ip",)) == "a=%7e+&&b&tip=3"


def test_a_deep_value_is_read_and_one_that_is_too_deep_refused() -> None:
    assert flat.read(f'{{"a":{"[" * 500}{"]" * 500}}}') == {"a": "[" * 500 + "]" * 500}
    for depth in (2000, 100_000):
        with pytest.raises(Refused) as refused:
            flat.read(f'{{"a":{"[" * depth}{"]" * depth}}}')
        assert refused.value.code is Refusal.BAD_JSON


@pytest.mark.parametrize("value", ["", "{", "nonsense", "1e999", "[" * 100_000, '"\\ud83d"', "\ud83d"])
def test_what_is_no_json_is_nothing(value: str) -> None:
    assert flat.json(value) is None


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("20", "eur", (Decimal(20), "EUR")),
        (20.5, "", (Decimal("20.5"), "")),
        (20, None, (Decimal(20), "")),
        ("20", "euros", (None, "")),
        ("x", "EUR", (None, "")),
        (True, "EUR", (None, "")),
        ([20], "EUR", (None, "")),
        (None, "", (None, "")),
    ],
)
def test_an_amount_without_a_currency_has_none(amount: object, currency: object, expected: object) -> None:
    assert flat.money(amount, currency) == expected
