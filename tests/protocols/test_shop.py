"""Orders in one vocabulary."""

from __future__ import annotations

import json

from analytics.events import Limits
from analytics.protocols import shop


def test_an_order_has_an_id_its_items_and_their_number() -> None:
    items: list[dict[str, object]] = [
        {"id": "SKU-1", "name": "Näme", "price": 12.75, "quantity": 2, "colour": "red"},
        {"id": "SKU-2"},
    ]
    props = shop.order("T-1", items)
    assert (props["order_id"], props["item_count"]) == ("T-1", "2")
    assert json.loads(props["items"]) == [
        {"id": "SKU-1", "name": "Näme", "price": 12.75, "quantity": 2},
        {"id": "SKU-2"},
    ]


def test_what_is_not_set_is_absent() -> None:
    assert shop.order(None, []) == {}
    assert shop.order("", []) == {}
    assert shop.order(7, []) == {"order_id": "7"}


def test_as_many_items_are_kept_as_fit_and_all_are_counted() -> None:
    props = shop.order("T-1", ({"id": f"SKU-{n}", "name": "x" * 50} for n in range(100)))
    assert props["item_count"] == "100"
    assert len(props["items"]) <= Limits.PROP_VALUE_CHARS
    kept = json.loads(props["items"])
    assert [item["id"] for item in kept] == [f"SKU-{n}" for n in range(len(kept))]
    assert 10 < len(kept) < 20


def test_an_item_that_does_not_fit_costs_no_other() -> None:
    props = shop.order("T-1", [{"id": "a"}, {"id": "b", "name": "x" * Limits.PROP_VALUE_CHARS}, {"id": "c"}])
    assert (props["item_count"], json.loads(props["items"])) == ("3", [{"id": "a"}, {"id": "c"}])


def test_values_that_are_neither_text_nor_number_are_left_out() -> None:
    props = shop.order("T-1", [{"id": ["a"], "name": None, "price": True, "quantity": 3}])
    assert json.loads(props["items"]) == [{"quantity": 3}]
