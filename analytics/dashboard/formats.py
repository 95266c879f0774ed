"""How numbers are written: short for the eye, exact for the title, with a sign where they changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.reports.catalog import Unit

Number = float | int | None

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_STEPS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def short(value: Number, unit: Unit = "count") -> str:
    """`1.2k`, `3.4`, `57%`, `1m 03s`; a dash for what has no value."""
    if value is None:
        return NOTHING
    if unit == "percent":
        return f"{value:.1f}%" if 0 < value < 1 else f"{value:.0f}%"
    if unit == "seconds":
        return duration(value)
    if unit == "ratio":
        return f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return _humanised(value)


def exact(value: Number, unit: Unit = "count") -> str:
    """The whole number, for titles and tables: `1,234`, `3.43`, `57.3%`, `63 s`."""
    if value is None:
        return NOTHING
    if unit == "percent":
        return f"{value:.1f}%"
    if unit == "seconds":
        return f"{value:,.0f} s"
    if unit == "ratio":
        return f"{value:,.2f}"
    return f"{value:,.0f}"


def _humanised(value: float) -> str:
    for size, letter in _STEPS:
        # 999 950 would be written 1000.0k: it belongs to the next step.
        if abs(value) >= size * (0.99995 if size > 1_000 else 1):
            scaled = value / size
            return f"{scaled:.0f}{letter}" if abs(scaled) >= 99.95 else f"{scaled:.1f}{letter}".replace(".0", "")
    return f"{value:.0f}"


def duration(seconds: float) -> str:
    """`8s`, `1m 03s`, `2h 05m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def share(part: Number, whole: Number) -> float | None:
    """Percent of a total; None when there is no total."""
    return 100 * part / whole if part is not None and whole else None


@dataclass(frozen=True, slots=True)
class Change:
    """How a number moved against the one it is compared with."""

    text: str
    """`+12%`, with a sign, so that colour is not the only carrier."""
    arrow: str
    tone: Literal["good", "bad", "flat"]
    said: str
    """For a screen reader: `up 12%`."""


def change(new: Number, old: Number, better: Literal["more", "less", "neither"] = "more") -> Change | None:
    """(new - old) / old. None when either has no value, or when nothing was and nothing is."""
    if new is None or old is None or (not new and not old):
        return None
    if not old:
        return Change("new", "↑", "good" if better == "more" else "flat", "up from zero")
    percent = 100 * (new - old) / old
    rounded = round(percent)
    if rounded == 0:
        return Change("0%", "→", "flat", "unchanged")
    up = rounded > 0
    tone: Literal["good", "bad", "flat"] = "flat" if better == "neither" else "bad"
    if better == ("more" if up else "less"):
        tone = "good"
    amount = _humanised(abs(rounded))
    return Change(f"{'+' if up else MINUS}{amount}%", "↑" if up else "↓", tone, f"{'up' if up else 'down'} {amount}%")
