"""E. Numbers (catalogue 76 to 86)."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from analytics.store import db
from tests.hostile.running import Pool

pytestmark = pytest.mark.flow
DAY_MS = 24 * 3600 * 1000


def written(pool: Pool, member: str) -> dict[str, Any] | str:
    """The row of an event with a member of its JSON exactly as given, or the code of its refusal."""
    mark = str(uuid.uuid4())
    event = f'{{"name":"x","event_id":"{mark}","visitor_id":"{mark}",{member}}}'
    answer = pool.post(f'{{"site":"example.com","events":[{event}]}}'.encode())
    assert answer.status == 202
    return answer.codes.get(0) or pool.event(mark)


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        pytest.param("-1", "-1", id="76-negative"),
        pytest.param("0", "0", id="76-zero"),
        pytest.param("2147483648", "2147483648", id="76-2-to-31"),
        pytest.param("9007199254740993", "9007199254740993", id="76-2-to-53-plus-1"),
        pytest.param("9223372036854775808", "9223372036854775808", id="76-2-to-63"),
        pytest.param("18446744073709551616", "18446744073709551616", id="76-2-to-64"),
        pytest.param("100000000000000000000", "100000000000000000000", id="76-10-to-20"),
        pytest.param("-0", "0", id="77-minus-zero"),
        pytest.param("-0.0", "-0.0", id="77-minus-zero-with-a-point"),
        pytest.param("1e-400", "0.0", id="77-too-small"),
        pytest.param("1.5", "1.5", id="81-fraction"),
        pytest.param("true", "true", id="81-true"),
        pytest.param("1e308", "1e308", id="78-1e308"),
        pytest.param("1e131071", "bad_field", id="78-1e131071"),
        pytest.param("1e140000", "bad_field", id="79-1e140000"),
        pytest.param("-1e140000", "bad_field", id="79-negative"),
        pytest.param("9" * 5000, "bad_field", id="79-5000-digits"),
    ],
)
def test_a_number_as_a_property_is_its_text(pool: Pool, number: str, stored: str) -> None:
    row = written(pool, f'"props":{{"n":{number}}}')
    assert row == stored if isinstance(row, str) else row["props"] == {"n": stored}


@pytest.mark.parametrize(
    ("amount", "stored"),
    [
        pytest.param("-5", "-5.0000", id="82-negative"),
        pytest.param("1e13", "10000000000000.0000", id="82-1e13"),
        pytest.param("99999999999999", "99999999999999.0000", id="82-largest"),
        pytest.param("1e14", "bad_revenue", id="82-1e14"),
        pytest.param("1e15", "bad_revenue", id="82-1e15"),
        pytest.param("0.30000000000000004", "0.3000", id="82-0.1-plus-0.2"),
        pytest.param("0.123456789012345678", "0.1235", id="82-18-decimals"),
        pytest.param('"0.123456789012345678"', "0.1235", id="82-18-decimals-as-text"),
        pytest.param("-0.0", "0.0000", id="77-minus-zero"),
        pytest.param("1e-400", "0.0000", id="77-too-small"),
        pytest.param("1e999", "bad_field", id="79-1e999"),
        pytest.param("9" * 400, "bad_revenue", id="76-400-digits"),
        pytest.param('"19.90"', "19.9000", id="80-text"),
        pytest.param('"12,5"', "bad_revenue", id="80-comma"),
        pytest.param('"1_000"', "bad_revenue", id="80-underscore"),
        pytest.param('"\u0663"', "bad_revenue", id="80-arabic"),
        pytest.param('"0x10"', "bad_revenue", id="80-hexadecimal"),
        pytest.param('" 7 "', "bad_revenue", id="80-blanks"),
        pytest.param('"1e5"', "bad_revenue", id="80-exponent"),
        pytest.param('""', "bad_revenue", id="80-empty"),
        pytest.param('"NaN"', "bad_revenue", id="85-nan"),
        pytest.param('"sNaN"', "bad_revenue", id="85-signalling-nan"),
        pytest.param('"-Infinity"', "bad_revenue", id="85-infinity"),
        pytest.param("true", "bad_field", id="81-true"),
        pytest.param("null", "bad_field", id="81-null"),
        pytest.param("[1]", "bad_field", id="81-list"),
    ],
)
def test_an_amount_has_four_decimals_or_is_refused(pool: Pool, amount: str, stored: str) -> None:
    row = written(pool, f'"revenue":{{"amount":{amount},"currency":"EUR"}}')
    if isinstance(row, str):
        assert row == stored
    else:
        assert (row["revenue"], row["currency"]) == (Decimal(stored), "EUR")


@pytest.mark.parametrize(
    ("currency", "stored"),
    [
        pytest.param("EUR", "EUR", id="83-code"),
        pytest.param("usd", "USD", id="83-lower-case"),
        pytest.param(" gbp ", "GBP", id="83-blanks"),
        pytest.param("XXX", "XXX", id="83-no-currency"),
        pytest.param("ZZZ", "ZZZ", id="83-unknown-code"),
        pytest.param("\u20ac", "bad_revenue", id="83-sign"),
        pytest.param("EURO", "bad_revenue", id="83-four-letters"),
        pytest.param("E1R", "bad_revenue", id="83-digit"),
        pytest.param("\uff25\uff35\uff32", "bad_revenue", id="83-full-width"),
        pytest.param("\u0131nr", "bad_revenue", id="83-turkish"),
        pytest.param("", "bad_revenue", id="83-empty"),
        pytest.param("E" * 300, "bad_revenue", id="83-300-characters"),
    ],
)
def test_a_currency_is_three_letters(pool: Pool, currency: str, stored: str) -> None:
    row = pool.one(revenue={"amount": 1, "currency": currency})
    assert row == stored if isinstance(row, str) else row["currency"] == stored


@pytest.mark.parametrize(
    ("member", "column", "stored"),
    [
        pytest.param('"screen":"1920x1080"', "screen", "1920x1080", id="84-screen"),
        pytest.param('"screen":"99999999x1"', "screen", "", id="84-too-wide"),
        pytest.param('"screen":"-1x-1"', "screen", "", id="84-negative"),
        pytest.param('"screen":"NaNxNaN"', "screen", "", id="84-nan"),
        pytest.param('"screen":1920', "", "bad_field", id="84-number"),
        pytest.param('"engagement_ms":86400000000000', "engagement_ms", DAY_MS, id="86-ten-years"),
        pytest.param('"engagement_ms":1e300', "engagement_ms", DAY_MS, id="86-1e300"),
        pytest.param('"engagement_ms":-1', "engagement_ms", 0, id="86-negative"),
        pytest.param('"engagement_ms":1.9', "engagement_ms", 1, id="86-fraction"),
        pytest.param('"engagement_ms":' + "9" * 30, "engagement_ms", DAY_MS, id="76-30-digits"),
        pytest.param('"engagement_ms":"100"', "", "bad_field", id="81-text-where-a-number-belongs"),
        pytest.param('"engagement_ms":true', "", "bad_field", id="81-true-where-a-number-belongs"),
        pytest.param('"scroll":1000', "scroll_percent", 100, id="86-scroll"),
        pytest.param('"scroll":-5', "scroll_percent", 0, id="86-scroll-negative"),
        pytest.param('"interactive":1', "", "bad_field", id="81-number-where-true-belongs"),
        pytest.param('"interactive":"true"', "", "bad_field", id="81-text-where-true-belongs"),
        pytest.param('"title":5', "", "bad_field", id="81-number-where-text-belongs"),
        pytest.param('"url":false', "", "bad_field", id="81-false-where-text-belongs"),
        pytest.param('"visitor_id":1.5', "", "bad_field", id="81-fraction-as-an-id"),
        pytest.param('"hash":"yes"', "", "bad_field", id="81-text-where-false-belongs"),
    ],
)
def test_a_number_lies_within_its_bounds_and_is_of_its_type(
    pool: Pool, member: str, column: str, stored: object
) -> None:
    row = written(pool, member)
    assert row == stored if isinstance(row, str) else row[column] == stored


def test_85_sums_are_numbers_whatever_was_sent(pool: Pool) -> None:
    for amount in ("1e13", "-1e13", "0.1", "1e999", '"NaN"', '"Infinity"'):
        written(pool, f'"revenue":{{"amount":{amount},"currency":"EUR"}}')
    with db.transaction() as cursor:
        cursor.execute("SELECT sum(revenue), max(revenue), sum(engagement_ms), max(scroll_percent) FROM event")
        ((total, largest, engaged, scrolled),) = cursor.fetchall()
    assert total.is_finite()
    assert largest.is_finite()
    assert engaged >= 0
    assert 0 <= scrolled <= 100
