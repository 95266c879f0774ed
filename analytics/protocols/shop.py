"""E-commerce in one vocabulary: the props of an order, whatever the wire format calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from analytics.events import Limits

ITEM_KEYS = ("id", "name", "brand", "category", "variant", "price", "quantity")


def order(order_id: object, items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`order_id`, `items` (JSON, as many as fit into a property), `item_count` (all of them); absent what is not set.

    The keys of an item are those of ITEM_KEYS; others, and what is neither text nor number, are left out.
    """
    props = {"order_id": str(order_id)} if order_id not in {None, ""} else {}
    kept, size, count = [], 2, 0
    for count, item in enumerate(items, 1):  # noqa: B007  # the last number is the count
        clean = {key: item[key] for key in ITEM_KEYS if _is_value(item.get(key))}
        more = len(msgspec.json.encode(clean).decode()) + 1
        if clean and size + more <= Limits.PROP_VALUE_CHARS:
            kept.append(clean)
            size += more
    if count:
        props |= {"item_count": str(count), "items": msgspec.json.encode(kept).decode()}
    return props


def _is_value(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""
