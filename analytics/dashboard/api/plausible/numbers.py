"""Numbers as Plausible writes them: so many decimals, money with its currency, and changes in percent."""

from __future__ import annotations

from typing import Any

from babel.numbers import UnknownCurrencyError, format_compact_currency, format_currency

from analytics.reports import catalog

Number = float | int | None

_DECIMALS = {
    "bounce_rate": 0, "engagement_rate": 0, "visit_duration": 0, "median_visit_duration": 0, "time_on_page": 0,
    "engagement_seconds": 0, "scroll_depth": 0, "views_per_visit": 2, "percentage": 1, "conversion_rate": 1,
    "group_conversion_rate": 1, "exit_rate": 1,
}  # fmt: skip
_NOT_KNOWN = ("time_on_page", "scroll_depth", "exit_rate", "average_revenue", "total_revenue")
"""What is null there when there is none; a ratio of nothing else is 0."""
_OF_POINTS = ("bounce_rate", "exit_rate", "conversion_rate", "group_conversion_rate")
_LOCALE = "en_US"


def metric(name: str, value: Number, currency: str = "") -> Any:
    """A metric's value. `currency`: what money is in."""
    if value is None and name in _NOT_KNOWN:
        return None
    if catalog.metric(name).unit == "money":
        return money(float(value or 0), currency)
    return plain(name, value)


def plain(name: str, value: Number) -> Number:
    """The value as a number alone."""
    if value is None and name in _NOT_KNOWN:
        return None
    if name not in _DECIMALS:
        return value or 0
    rounded = round(value or 0.0, _DECIMALS[name])
    return rounded if _DECIMALS[name] else int(rounded)


def money(value: float, currency: str) -> dict[str, Any] | None:
    """An amount, and how it is written; None when its currency is not known, which is so when there is none."""
    if not currency:
        return None
    return {
        "value": value,
        "currency": currency,
        "short": _written(value, currency, format_compact_currency, fraction_digits=1),
        "long": _written(value, currency, format_currency),
    }


def _written(value: float, currency: str, form: Any, **more: int) -> str:
    try:
        return str(form(value, currency, locale=_LOCALE, **more))
    except UnknownCurrencyError:
        return f"{currency} {value:,.2f}"


def change(name: str, old: Number, new: Number) -> Number:
    """What a metric changed by: percentage points where it is a rate, else percent; None when either is not known."""
    old, new = plain(name, old), plain(name, new)
    if old is None or new is None:
        return None
    if name in _OF_POINTS:
        return round(new - old, _DECIMALS[name])
    if not old:
        return 100 if new else 0
    return round(100 * (new - old) / old)
