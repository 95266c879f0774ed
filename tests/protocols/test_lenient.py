"""What is made of values that a protocol does not refuse."""

from __future__ import annotations

import base64
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from analytics.events import Limits, Refusal
from analytics.protocols import lenient, wire
from tests.protocols.test_recount import VALUES


def test_the_first_path_that_leads_to_a_value_counts() -> None:
    said = {"a": {"b": "", "c": {"d": 0}}, "e": "text"}
    assert lenient.found(said, ["a.b", "a.c.d", "e"]) == 0
    assert lenient.found(said, ["x", "e.length", "e"]) == "text"
    assert lenient.found(said, ["a.c.d.e", "a.x"]) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(" a ", "a"), (5, "5"), (2.5, "2.5"), (True, ""), (None, ""), (["a"], ""), ("a\0\ud800", "a��")],
)
def test_text_is_text_or_a_number(value: object, shown: str) -> None:
    assert lenient.text(value, 10) == shown


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-22T23:32:33.500Z", dt.datetime(2026, 11, 22, 23, 32, 33, 500_000, dt.UTC)),
        (1_795_390_505_877, dt.datetime(2026, 11, 22, 23, 35, 5, 877_000, dt.UTC)),
        ("Sunday", None),
        (True, None),
        ({}, None),
        ("", None),
    ],
)
def test_a_time_that_cannot_be_read_is_none(value: object, moment: dt.datetime | None) -> None:
    assert lenient.moment(value) == moment


@pytest.mark.parametrize("value", ["file:///etc/passwd", "about:blank", "chrome-extension://x/y", 5, None, ["/a"]])
def test_what_is_no_address_of_a_page_is_left_out(value: object) -> None:
    assert lenient.url(value) == ""


def test_an_id_that_is_too_long_is_left_out() -> None:
    assert lenient.event_id("x" * (Limits.ID_CHARS + 1)) is None
    assert lenient.event_id("x" * Limits.ID_CHARS) is not None


@pytest.mark.parametrize(
    ("value", "times", "number"),
    [
        (0.29, 100, 29),
        ("0.66", 100, 66),
        (3.518, 1000, 3518),
        (-1, 9, 0),
        (10**30, 1000, 5000),
        ("x", 1, 0),
        ({}, 1, 0),
    ],
)
def test_a_number_is_multiplied_and_kept_in_bounds(value: object, times: int, number: int) -> None:
    assert lenient.whole(value, times, 5000) == number


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en-US", "en-US"), ("en_US.UTF-8", "en-US"), ("en-US@posix", "en-US"), (7, "7"), (None, "")],
)
def test_a_locale_is_a_language(locale: object, language: str) -> None:
    assert lenient.language(locale) == language


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        (12.5, "eur", (Decimal("12.5000"), "EUR")),
        ("19.90", None, (Decimal("19.9000"), "USD")),
        (0, "EUR", (Decimal("0.0000"), "EUR")),
        (-3, "EUR", (Decimal("-3.0000"), "EUR")),
        ("12,5", "EUR", (None, "")),
        (True, "EUR", (None, "")),
        (5, "euros", (None, "")),
        (None, "EUR", (None, "")),
        ([5], "EUR", (None, "")),
    ],
)
def test_money_is_an_amount_in_dollars_unless_it_says_otherwise(amount: object, currency: object, money: Any) -> None:
    assert lenient.money(amount, currency) == money


def test_properties_are_flattened_one_level() -> None:
    given = {"a": 1, "b": {"c": True, "d": {"e": 1}, "f": [1], "g": None}, "h": [1, 2], "i": "", "j": "x"}
    assert lenient.props(given) == {"a": "1", "b.c": "true", "j": "x"}


def test_of_properties_that_are_too_many_or_too_long_the_others_are_kept() -> None:
    kept = lenient.props({"k" * 129: 1, "": 2, "long": "v" * 2000} | {f"p{n}": n for n in range(200)})
    assert len(kept) == Limits.PROPS
    assert list(kept)[:2] == ["long", "p0"]
    assert len(kept["long"]) == Limits.PROP_VALUE_CHARS


@pytest.mark.parametrize(
    ("page", "tagged"),
    [
        ("https://a.example/x", "https://a.example/x?utm_source=n+l&utm_campaign=%C3%A9"),
        ("https://a.example/x?q=1#top", "https://a.example/x?q=1&utm_source=n+l&utm_campaign=%C3%A9#top"),
        ("https://a.example/?UTM_Medium=x", "https://a.example/?UTM_Medium=x"),
        ("", "?utm_source=n+l&utm_campaign=%C3%A9"),
    ],
)
def test_a_campaign_is_added_to_an_address_that_has_none(page: str, tagged: str) -> None:
    assert lenient.tagged(page, {"utm_source": "n l", "utm_campaign": "é", "utm_term": None, "other": "x"}) == tagged


def test_a_campaign_for_which_there_is_no_room_is_left_out() -> None:
    page = f"https://a.example/{'x' * 2020}"
    assert lenient.tagged(page, {"utm_source": "newsletter"}) == page


@pytest.mark.parametrize(
    ("app", "name", "url"),
    [
        ("com.example.app", "Main", "http://com.example.app/Main"),
        ("com.example.app", None, "http://com.example.app/"),
        (None, "Größe 100% a/b?c#d", "/Größe 100%25 a/b%3Fc%23d"),
        ("no host", "Main", "/Main"),
        (None, None, ""),
    ],
)
def test_a_screen_of_an_app_is_a_page(app: object, name: object, url: str) -> None:
    assert lenient.screen_url(app, name) == url


@pytest.mark.parametrize(
    "name",
    ["analytics-python", "@segment/analytics-node", "analytics-ruby", "Analytics.NET", "analytics-go", "posthog-node",
     "posthog-server", "posthog-rs", "rudder-sdk-node"],
)  # fmt: skip
def test_libraries_of_servers(name: str) -> None:
    assert lenient.is_server_library(name)


@pytest.mark.parametrize(
    "name",
    ["analytics.js", "@segment/analytics-next", "RudderLabs JavaScript SDK", "analytics-android",
     "analytics-react-native", "web", "posthog-ios", "posthog-react-native", "analytics-netlify", "", None, 5],
)  # fmt: skip
def test_libraries_of_browsers_and_apps(name: object) -> None:
    assert not lenient.is_server_library(name)


@pytest.mark.parametrize("packed", ["Pj4+Pz8/", "Pj4-Pz8_", "Pj4 Pz8/", " Pj4+Pz8/ "])
def test_base64_of_both_kinds_is_unpacked(packed: str) -> None:
    assert lenient.unpacked(packed) == b">>>???"
    assert lenient.unpacked(base64.b64encode(b"a").decode().rstrip("=")) == b"a"
    assert lenient.unpacked("{no}") is None


def test_a_request_is_refused_when_nothing_of_it_was_taken() -> None:
    good, bad = wire.Outcome(0), wire.Outcome(1, Refusal.NO_NAME, "No name.")
    unwilling = wire.Outcome(2, Refusal.OPTED_OUT, "Not counted.")
    assert lenient.all_refused([good, bad]) is None
    assert lenient.all_refused([unwilling, unwilling]) is None
    why = lenient.all_refused([bad, bad])
    assert why is not None
    assert (why.code, why.message) == (Refusal.NO_NAME, "No name.")


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_no_value_raises(one: Any, other: Any) -> None:
    shown = [lenient.text(one, 50), lenient.someone(one), lenient.url(one), lenient.screen(one, other)]
    shown += [lenient.language(one), lenient.screen_url(one, other), lenient.tagged("/", {"utm_source": one})]
    shown += lenient.props({"a": one}).values()
    assert not any("\0" in text or "\ud800" <= char <= "\udfff" for text in shown for char in text)
    lenient.event_id(one)
    lenient.moment(one)
    lenient.money(one, other)
    assert 0 <= lenient.whole(one, 1000, 86_400_000) <= 86_400_000
