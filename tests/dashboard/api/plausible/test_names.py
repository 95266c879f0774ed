"""Names of countries and regions become their codes, and codes names."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.dashboard.api.plausible import names, numbers


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["is", "visit:country_name", ["Estonia", "Poland"]], ["is", "visit:country", ["EE", "PL"]]),
        (["is_not", "visit:country_name", ["Estonia"]], ["is_not", "visit:country", ["EE"]]),
        (["contains", "visit:country_name", ["zech"]], ["is", "visit:country", ["CZ"]]),
        (["matches", "visit:country_name", ["^Est"]], ["is", "visit:country", ["EE"]]),
        (["matches_not", "visit:country_name", ["^Est"]], ["is_not", "visit:country", ["EE"]]),
        (
            ["is", "visit:country_name", ["estonia"], {"case_sensitive": False}],
            ["is", "visit:country", ["EE"]],
        ),
        (["is", "visit:country_name", ["Atlantis"]], ["is", "visit:country", ["-"]]),
        (["is", "visit:region_name", ["California"]], ["is", "visit:region", ["US-CA"]]),
        (["is", "visit:city_name", ["Tartu"]], ["is", "visit:city", ["Tartu"]]),
        (["is", "visit:source", ["Direct / None"]], ["is", "visit:source", [""]]),
        (["is", "event:page", ["(not set)"]], ["is", "event:page", ["(not set)"]]),
        (["matches_wildcard", "event:page", ["/a.b/*"]], ["matches", "event:page", [r"^/a\.b/.*$"]]),
        (["is", "segment", [3]], ["is", "segment", [3]]),
        (
            [["and", [["not", ["is", "visit:country_name", ["Estonia"]]], ["is", "event:page", ["/"]]]]],
            [["and", [["not", ["is", "visit:country", ["EE"]]], ["is", "event:page", ["/"]]]]],
        ),
        ({"what": 1}, {"what": 1}),
    ],
)
def test_filters_speak_of_codes(given: Any, expected: Any) -> None:
    assert names.filters(given) == expected


def test_codes_are_shown_by_name() -> None:
    assert names.shown("visit:country_name", "EE") == "Estonia"
    assert names.shown("visit:country", "EE") == "EE"
    assert names.shown("visit:region_name", "US-CA") == "California"
    assert names.shown("visit:region_name", "XX-1") == "XX-1"
    assert names.shown("event:props:plan", "(none)") == "(none)"


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("visitors", 50, 75, 50),
        ("visitors", 0, 3, 100),
        ("visitors", 0, 0, 0),
        ("bounce_rate", 40.0, 33.4, -7),
        ("conversion_rate", 1.26, 2.0, 0.7),
        ("time_on_page", None, 3.0, None),
        ("views_per_visit", None, 2.0, 100),
    ],
)
def test_changes_are_percent_and_of_rates_points(name: str, old: Any, new: Any, expected: Any) -> None:
    assert numbers.change(name, old, new) == expected


def test_money_is_written_short_and_long() -> None:
    assert numbers.money(96336315, "USD") == {
        "value": 96336315, "currency": "USD", "short": "$96.3M", "long": "$96,336,315.00",
    }  # fmt: skip
    assert numbers.money(500200700.25, "EUR") == {
        "value": 500200700.25, "currency": "EUR", "short": "€500.2M", "long": "€500,200,700.25",
    }  # fmt: skip
