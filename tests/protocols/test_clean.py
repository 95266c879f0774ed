"""Single values: what is stored for them, and what is refused."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import clean

MOMENT = dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)
"""1 700 000 000 seconds since 1970."""


def refusal(call: Any, *arguments: Any, **options: Any) -> Refusal:
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    return caught.value.code


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, ""),
        ("", ""),
        ("a\0b", "a\ufffdb"),
        ("a\ud83db", "a\ufffdb"),
        ("caf\u00e9", "caf\u00e9"),
        ("cafe\u0301", "cafe\u0301"),
        ("\u202eabc\u200b\ufeff\uffff", "\u202eabc\u200b\ufeff\uffff"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("\\.\t\\N\n", "\\.\t\\N\n"),
    ],
)
def test_text_is_kept_but_for_what_no_store_takes(value: str | None, stored: str) -> None:
    assert clean.text(value, 100) == stored


def test_text_is_cut_between_characters() -> None:
    assert clean.text("\U0001f600" * 5, 3) == "\U0001f600" * 3


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=50))
@settings(max_examples=200, deadline=None)
def test_any_text_becomes_one_that_utf_8_and_postgresql_take(value: str) -> None:
    cleaned = clean.text(value, 50)
    assert "\0" not in cleaned.encode().decode()
    assert len(cleaned) == len(value)


@pytest.mark.parametrize("value", ["pageview", "a" * Limits.NAME_CHARS, "Straße İı", "null", "\u200b"])
def test_a_name_is_kept(value: str) -> None:
    assert clean.name(f" {value}\n") == value


def test_a_name_is_found_behind_many_blanks() -> None:
    assert clean.name(" " * 500 + "signup" + " " * 500) == "signup"


@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u2003"])
def test_an_event_needs_a_name(value: str | None) -> None:
    assert refusal(clean.name, value) is Refusal.NO_NAME


def test_a_name_has_an_end() -> None:
    assert refusal(clean.name, "a" * (Limits.NAME_CHARS + 1)) is Refusal.BAD_NAME


@pytest.mark.parametrize("value", ["", "/", "/a?b#c", "//x", "http://a/", "HTTPS://A/", "http://[", "/caf%E9%zz%00"])
def test_an_address_of_a_page_is_kept_as_it_is(value: str) -> None:
    assert clean.url(value) == value


def test_a_screen_of_an_app_is_a_page() -> None:
    assert clean.url("app://localhost/login?utm_source=x") == "http://localhost/login?utm_source=x"
    assert clean.url("APP://x/") == "http://x/"


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:http://a", "about:blank", "?q", "x",
        "java\nscript:", "chrome-extension://a/", "android-app://a/",
    ],
)  # fmt: skip
def test_what_is_no_page_is_no_address(value: str) -> None:
    assert refusal(clean.url, value) is Refusal.BAD_URL


def test_a_long_address_is_cut() -> None:
    assert clean.url("/" + "a" * 5000) == "/" + "a" * (Limits.URL_CHARS - 1)


@pytest.mark.parametrize(
    "value",
    [
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
    ],
)
def test_one_uuid_in_any_spelling_is_one_event_id(value: str) -> None:
    assert clean.event_id(value) == uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")


def test_any_other_text_is_an_event_id_that_stays_the_same() -> None:
    assert clean.event_id("order-1") == clean.event_id("order-1") != clean.event_id("order-2")
    assert clean.event_id("") is clean.event_id(None) is None
    assert clean.event_id("\ud83d") is not None
    assert clean.event_id("x" * Limits.ID_CHARS) is not None
    assert refusal(clean.event_id, "x" * (Limits.ID_CHARS + 1)) is Refusal.BAD_EVENT_ID


@pytest.mark.parametrize(
    "value", [None, "", " ", "null", "None", "undefined", "NaN", "[object Object]", "true", 0, "0"]
)
def test_what_programs_write_for_nobody_is_nobody(value: str | int | None) -> None:
    assert clean.someone(value) == ""


def test_an_id_of_a_visitor_is_text() -> None:
    assert [clean.someone(value) for value in (7, "GA1.2.3", "a\0", "x" * 10_000)] == [
        "7", "GA1.2.3", "a\ufffd", "x" * Limits.ID_CHARS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1700000000, MOMENT),
        (1700000000000, MOMENT),
        (1700000000000000, MOMENT),
        (1700000000.5, MOMENT + dt.timedelta(seconds=0.5)),
        ("2023-11-14T22:13:20Z", MOMENT),
        ("2023-11-14t22:13:20z", MOMENT),
        (" 2023-11-14T22:13:20 Z ", MOMENT),
        ("2023-11-14 22:13:20", MOMENT),
        ("2023-11-14T22:13:20+00:00", MOMENT),
        ("2023-11-14T22:13:20-00:00", MOMENT),
        ("2023-11-15T00:13:20+0200", MOMENT),
        ("2023-11-15T12:13:20+14:00", MOMENT),
        ("2023-11-14T08:13:20-14:00", MOMENT),
        ("2023-11-14T22:13Z", MOMENT - dt.timedelta(seconds=20)),
        ("2024-02-29T00:00:00Z", dt.datetime(2024, 2, 29, tzinfo=dt.UTC)),
        ("2026-03-29T02:30:00+02:00", dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC)),
    ],
)
def test_a_moment_is_read_in_its_unit_and_zone(value: str | float, moment: dt.datetime) -> None:
    assert clean.timestamp(value) == moment


@pytest.mark.parametrize("digits", range(1, 10))
def test_fractions_of_a_second_have_one_to_nine_digits(digits: int) -> None:
    fraction = "123456789"[:digits]
    expected = MOMENT.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    assert clean.timestamp(f"2023-11-14T22:13:20.{fraction}Z") == expected
    assert clean.timestamp(f"2023-11-15T00:13:20.{fraction}+02:00") == expected


@pytest.mark.parametrize(
    "value",
    [
        "infinity", "-infinity", "now", "today", "tomorrow", "epoch", "yesterday", "NaN", "1.7e9", "1700000000", "x",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z", "294276-01-01T00:00:00Z", "2100-01-02T00:00:00Z",
        "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2023-11-14T24:00:00Z", "2016-12-31T23:59:60Z",
        "2023-11-14T22:60:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z",
        "2023-11-14T22:13:20+14:01", "2023-11-14T22:13:20-15:59", "2023-11-14T22:13:20+99:99",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1234567890Z", "2023-11-14T22:13:20,5Z", "2023-11-14T22:13:20 UTC",
        "2023-11-14T22:13:20[Europe/Tallinn]", "2023-W46-2", "2023-11-14", "20231114", "01/02/2024", "Jan 1 2024",
        "٢٠٢٣-11-14T22:13:20Z", "2023-11-14T22:13:20Z; DROP TABLE hit", "2023-11-14T22:13:20Z\n2023",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(value: str) -> None:
    assert refusal(clean.timestamp, value) is Refusal.BAD_TIMESTAMP


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (0, clean.EARLIEST),
        (-1, clean.EARLIEST),
        (-62135596800, clean.EARLIEST),
        (-1e300, clean.EARLIEST),
        (10**18, clean.LATEST),
        (2**63, clean.LATEST),
        (1700000000 * 10**9, clean.LATEST),
        (10**4000, clean.LATEST),
        (1e308, clean.LATEST),
    ],
)
def test_a_number_from_a_clock_that_is_wrong_is_the_nearest_moment(value: float, moment: dt.datetime) -> None:
    assert clean.timestamp(value) == moment


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
@settings(max_examples=300, deadline=None)
def test_any_number_is_a_moment(value: float) -> None:
    assert clean.EARLIEST <= (clean.timestamp(value) or MOMENT) <= clean.LATEST


def test_properties_become_text() -> None:
    given_props = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": False, "f": 2**63, "g": "", "h": None, "i": "a\0"}
    assert clean.props(given_props, strict=True) == {
        "a": "x", "b": "1", "c": "1.5", "d": "true", "e": "false", "f": "9223372036854775808", "i": "a\ufffd",
    }  # fmt: skip
    assert clean.props(None, strict=True) == {}


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}])
def test_a_nested_property_is_refused_or_left_out(value: object) -> None:
    assert refusal(clean.props, {"a": value}, strict=True) is Refusal.BAD_PROPS
    assert clean.props({"a": value, "b": 1}, strict=False) == {"b": "1"}


def test_properties_are_limited_in_number_and_length() -> None:
    assert len(clean.props({str(n): n for n in range(Limits.PROPS)}, strict=True)) == Limits.PROPS
    assert refusal(clean.props, {str(n): n for n in range(Limits.PROPS + 1)}, strict=True) is Refusal.BAD_PROPS
    assert clean.props({"k" * Limits.PROP_KEY_CHARS: 1}, strict=True)
    assert refusal(clean.props, {"k" * (Limits.PROP_KEY_CHARS + 1): 1}, strict=True) is Refusal.BAD_PROPS
    assert refusal(clean.props, {"": 1}, strict=True) is Refusal.BAD_PROPS
    (value,) = clean.props({"k": "v" * 5000}, strict=True).values()
    assert value == "v" * Limits.PROP_VALUE_CHARS


@pytest.mark.parametrize("key", ["a.b", "$x", 'q"', "__proto__", "a b", "é"])
def test_the_name_of_a_property_may_be_odd(key: str) -> None:
    assert clean.props({key: 1}, strict=True) == {key: "1"}


@pytest.mark.parametrize(
    ("amount", "stored"),
    [
        (19.9, "19.9000"),
        ("19.90", "19.9000"),
        (-5, "-5.0000"),
        (0, "0.0000"),
        (0.1 + 0.2, "0.3000"),
        ("0.123456789012345678", "0.1235"),
        (99999999999999, "99999999999999.0000"),
        (1e-300, "0.0000"),
    ],
)
def test_money_has_four_decimals(amount: float | str, stored: str) -> None:
    assert clean.money(amount, " eur ") == (Decimal(stored), "EUR")


@pytest.mark.parametrize(
    "amount",
    [
        10**14,
        "99999999999999.99999",
        1e15,
        -1e14,
        1e308,
        10**4000,
        "12,5",
        "1_000",
        "٣",
        "0x10",
        " 7 ",
        "1e3",
        "NaN",
        "sNaN",
        "inf",
        "",
    ],
)
def test_what_is_no_amount_is_refused(amount: float | str) -> None:
    assert refusal(clean.money, amount, "EUR") is Refusal.BAD_REVENUE


@pytest.mark.parametrize("currency", ["", "€", "EU", "EURO", "E1R", "x" * 300, "ÄÖÜ"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    assert refusal(clean.money, 1, currency) is Refusal.BAD_REVENUE


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (None, 0),
        (0, 0),
        (-1, 0),
        (1.9, 1),
        ("100", 100),
        ("x", 0),
        ("nan", 0),
        ("inf", 1000),
        (10**400, 1000),
        (-1e308, 0),
    ],
)
def test_a_whole_number_lies_within_its_bounds(value: float | str | None, whole: int) -> None:
    assert clean.whole(value, 1000) == whole


@pytest.mark.parametrize("value", ["1920x1080", "1x1", "99999x99999"])
def test_a_size_of_a_screen_is_kept(value: str) -> None:
    assert clean.screen(value) == value


@pytest.mark.parametrize(
    "value", [None, "", "0x0", "-1x-1", "NaNxNaN", "99999999x1", "1920X1080", "1920x", "\u0661x\u0661"]
)
def test_what_is_no_size_of_a_screen_is_left_out(value: str | None) -> None:
    assert clean.screen(value) == ""
