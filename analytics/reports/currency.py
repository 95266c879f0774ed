"""Revenue in one currency: with the rates of each order's UTC day, or the last ones before it."""

from __future__ import annotations

import bisect
import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from analytics.reports.query import BadQuery, Query
from analytics.store import rates

Known = Mapping[str, Sequence[tuple[dt.date, Decimal]]]
"""Currency → (day, units per euro), in order of days."""
_EURO = "EUR"
_STEP = Decimal("0.000000000001")
_MOST = Decimal(10) ** 8
MOST_DAYS = 100_000
"""Days of currencies that one answer may have orders in."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Lists of equal length: on that day one unit of that currency is worth so much, a decimal as text."""

    days: tuple[dt.date, ...] = ()
    currencies: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    target: str = ""
    """The currency that they lead to."""
    missing: str = ""
    """Which orders have none, in a sentence."""


NONE = Rates()
Taken = Mapping[tuple[str, dt.date], int]
"""(currency, UTC day) → how many orders."""


def orders(query: Query) -> Query:
    """The question in which currencies and on which UTC days there are orders."""
    return replace(
        query,
        metrics=("orders",),
        dimensions=("event:currency", "time:day"),
        zone="UTC",
        order=(("orders", "desc"),),
        limit=MOST_DAYS,
        offset=0,
        only=(),
        total_rows=False,
    )


def prepared(query: Query, taken: Taken, load: Callable[..., Known] = rates.known) -> Rates:
    """The rates that these orders need. Raises BadQuery when they are of several currencies and none is asked for."""
    currencies = {currency for currency, _ in taken}
    if not query.currency and len(currencies) > 1:
        listed = ", ".join(sorted(currencies))
        raise BadQuery("currency", f"the orders are in {listed}; say which currency you want their sum in")
    target = query.currency or next(iter(currencies), "")
    known: Known = {}
    if currencies - {target}:
        days = [day for _, day in taken]
        known = load({*currencies, target}, min(days), max(days))
    return _of(taken, target, known)


def _of(taken: Taken, target: str, known: Known) -> Rates:
    found: dict[tuple[str, dt.date], str] = {}
    missing: Counter[str] = Counter()
    for (currency, day), number in sorted(taken.items()):
        worth = factor(known, currency, target, day)
        if worth is None:
            missing[currency] += number
        else:
            found[currency, day] = format(worth, "f")
    return Rates(
        days=tuple(day for _, day in found),
        currencies=tuple(currency for currency, _ in found),
        factors=tuple(found.values()),
        target=target,
        missing=_said(missing, target),
    )


def factor(known: Known, currency: str, target: str, day: dt.date) -> Decimal | None:
    """What one unit of a currency is worth in the other on a day, to twelve places; None: not known."""
    if currency == target:
        return Decimal(1)
    have, want = _per_euro(known, currency, day), _per_euro(known, target, day)
    if have is None or want is None:
        return None
    worth = (want / have).quantize(_STEP, ROUND_HALF_UP) if want / have < _MOST else _MOST
    return worth if worth < _MOST else None


def _per_euro(known: Known, currency: str, day: dt.date) -> Decimal | None:
    if currency == _EURO:
        return Decimal(1)
    listed = known.get(currency, ())
    index = bisect.bisect_right(listed, day, key=lambda rate: rate[0])
    return listed[index - 1][1] if index else None


def _said(missing: Mapping[str, int], target: str) -> str:
    if not missing:
        return ""
    orders = ", ".join(f"{number} in {currency}" for currency, number in sorted(missing.items()))
    return f"Orders without a rate to {target} are not in the revenue: {orders}."
