"""The limits that the validation server of Google's Measurement Protocol tells of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.test_ga4_debug import HOUR, MICROS, codes, said_of


def of_params(**params: Any) -> list[tuple[str, str]]:
    return codes({"client_id": "1.2", "events": [{"name": "x", "params": params}]})


def of_property(name: str, value: object) -> list[tuple[str, str]]:
    return codes({"client_id": "1.2", "user_properties": {name: value}, "events": [{"name": "x"}]})


def test_an_event_has_at_most_25_parameters() -> None:
    assert of_params(**{f"p{n}": 1 for n in range(25)}) == []
    assert of_params(**{f"p{n}": 1 for n in range(26)}) == [("EXCEEDED_MAX_ENTITIES", "events[0].params")]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("p" * 41, "NAME_INVALID"), ("_p", "NAME_INVALID"), ("a-b", "NAME_INVALID"), ("ä", "NAME_INVALID"),
        ("firebase_conversion", "NAME_RESERVED"), ("ga_x", "NAME_RESERVED"), ("google_x", "NAME_RESERVED"),
        ("firebase_x", "NAME_RESERVED"),
    ],
)  # fmt: skip
def test_parameters_have_names_that_are_not_reserved(name: str, code: str) -> None:
    assert of_params(**{name: 1}) == [(code, f"events[0].params.{name}")]
    assert of_params(**{"p" * 40: 1}) == []
    assert of_params(**{"gtag.x": 1}) == [
        (code, "events[0].params.gtag.x") for code in ("NAME_INVALID", "NAME_RESERVED")
    ]


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"x": "v" * 101}, "x"), ({"page_title": "v" * 301}, "page_title"),
        ({"page_referrer": "v" * 421}, "page_referrer"), ({"page_location": "v" * 1001}, "page_location"),
        ({"items": [{"item_id": "v" * 101}]}, "items[0].item_id"),
    ],
)  # fmt: skip
def test_values_have_a_length(params: dict[str, Any], path: str) -> None:
    assert of_params(**params) == [("VALUE_OUT_OF_BOUNDS", f"events[0].params.{path}")]


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_a_parameter_is_text_or_a_number(value: object) -> None:
    assert of_params(x=value) == [("VALUE_INVALID", "events[0].params.x")]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("x", [("VALUE_INVALID", "items")]),
        ([5], [("VALUE_INVALID", "items[0]")]),
        ([{"item_id": "a"}] * 201, [("EXCEEDED_MAX_ENTITIES", "items")]),
        ([{f"own_{n}": 1 for n in range(11)}], [("EXCEEDED_MAX_ENTITIES", "items[0]")]),
        ([{"item_id": "a", "_own": 1}], [("NAME_INVALID", "items[0]._own")]),
    ],
)
def test_items_have_limits(items: object, expected: list[tuple[str, str]]) -> None:
    assert of_params(items=items) == [(code, f"events[0].params.{path}") for code, path in expected]


def test_recommendations_are_enforced_on_demand() -> None:
    wrong = {"currency": "euro", "value": True, "items": [{"price": "$19"}]}
    assert of_params(**wrong) == []
    strict = {"client_id": "1.2", "validation_behavior": "ENFORCE_RECOMMENDATIONS"}
    assert codes(strict | {"events": [{"name": "x", "params": wrong}]}) == [
        ("VALUE_INVALID", "events[0].params.currency"),
        ("VALUE_INVALID", "events[0].params.value"),
        ("VALUE_INVALID", "events[0].params.items[0].price"),
        ("VALUE_REQUIRED", "events[0].params.items[0]"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("p" * 24, {"value": "v" * 36}, None),
        ("p" * 25, {"value": 1}, "NAME_INVALID"),
        ("_p", {"value": 1}, "NAME_INVALID"),
        ("user_id", {"value": 1}, "NAME_RESERVED"),
        ("ga_p", {"value": 1}, "NAME_RESERVED"),
        ("p", {"value": "v" * 37}, "VALUE_OUT_OF_BOUNDS"),
    ],
)
def test_properties_of_the_user_have_limits(name: str, value: object, expected: str | None) -> None:
    assert of_property(name, value) == ([(expected, f"user_properties.{name}")] if expected else [])


def test_a_user_has_at_most_25_properties_each_an_object() -> None:
    many = {
        "client_id": "1.2",
        "user_properties": {f"p{n}": {"value": 1} for n in range(26)},
        "events": [{"name": "x"}],
    }
    assert codes(many) == [("EXCEEDED_MAX_ENTITIES", "user_properties")]
    assert of_property("p", "flat") == [("VALUE_INVALID", "")]
    assert codes({"client_id": "1.2", "user_properties": [], "events": [{"name": "x"}]}) == [("VALUE_INVALID", "")]


@pytest.mark.parametrize("micros", [MICROS - 73 * HOUR, MICROS + HOUR // 4, "soon", [], MICROS // 10**6])
def test_a_moment_lies_in_the_last_72_hours(micros: object) -> None:
    event = {"name": "x"}
    assert codes({"client_id": "1.2", "timestamp_micros": micros, "events": [event]}) == [
        ("VALUE_INVALID", "timestamp_micros")
    ]
    assert codes({"client_id": "1.2", "events": [event | {"timestamp_micros": micros}]}) == [
        ("VALUE_INVALID", "events[0].timestamp_micros")
    ]
    assert of_property("p", {"value": 1, "timestamp_micros": micros}) == [
        ("VALUE_INVALID", "user_properties.p.timestamp_micros")
    ]


def test_a_moment_too_far_in_the_past_is_told_in_googles_words() -> None:
    ((_, _, description),) = said_of({"client_id": "1.2", "timestamp_micros": 1, "events": [{"name": "x"}]})
    assert description == (
        "Measurement timestamp_micros has timestamp too far in the past. Measurement protocol only supports timestamps"
        f" [72h] into the past. The current time in UNIX microseconds is [{MICROS}]."
    )


def test_a_body_is_smaller_than_130_kilobytes() -> None:
    body = {"client_id": "1.2", "events": [{"name": "x", "params": {"session_id": "s" * 130_000}}]}
    assert codes(body) == [("VALUE_OUT_OF_BOUNDS", "")]
