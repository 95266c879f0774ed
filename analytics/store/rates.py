"""What one euro was worth in other currencies, day by day; revenue is converted with it."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from analytics.store import db

_SQL = db.statements(__file__)
_MISSING = ("", "N/A")


class BadRates(ValueError):
    """The file has another form; the message names the line and what is expected."""


def load(lines: Iterable[str]) -> int:
    """Keep the rates of a file in the form of the European Central Bank's `eurofxref-hist.csv`: a head `Date,USD,…`, a
    line for each day with units per euro, `N/A` where there are none. All of it or nothing; returns how many rates are
    new or changed. Raises BadRates, db.FAULTS.
    """
    with db.transaction() as cursor:
        cursor.execute(_SQL["staging"])
        db.copy(cursor, "loaded", ("currency", "day", "per_eur"), _read(csv.reader(lines)))
        cursor.execute(_SQL["keep"])
        return cursor.rowcount


def _read(rows: Iterator[list[str]]) -> Iterator[tuple[str, dt.date, Decimal]]:
    head = [name.strip() for name in next(rows, [])]
    currencies = head[1:-1] if head and not head[-1] else head[1:]
    if not currencies or head[0] != "Date" or not all(re.fullmatch("[A-Z]{3}", name) for name in currencies):
        raise BadRates("The first line must be Date and the codes of currencies, such as Date,USD,JPY.")
    seen: set[dt.date] = set()
    for number, row in enumerate(rows, 2):
        day = _day(row, number)
        if day in seen:
            raise BadRates(f"Line {number}: {day} stands in the file twice.")
        seen.add(day)
        for currency, text in zip(currencies, row[1:], strict=False):
            if text.strip() not in _MISSING:
                yield currency, day, _rate(text, number)


def _day(row: list[str], number: int) -> dt.date:
    try:
        return dt.date.fromisoformat(row[0].strip())
    except (ValueError, IndexError):
        raise BadRates(f"Line {number} must begin with a day such as 2026-11-23.") from None


def _rate(text: str, number: int) -> Decimal:
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        rate = Decimal(0)
    if not (rate.is_finite() and rate > 0):
        raise BadRates(f"Line {number}: {text.strip()[:40]!r} is no rate; write a number above 0, or N/A.")
    return rate


def known(currencies: Iterable[str], first: dt.date, last: dt.date) -> dict[str, list[tuple[dt.date, Decimal]]]:
    """Currency → its rates of first ≤ day ≤ last in order, and before them the last one earlier. Raises db.FAULTS."""
    found: dict[str, list[tuple[dt.date, Decimal]]] = {}
    with db.transaction() as cursor:
        cursor.execute(_SQL["known"], [sorted(set(currencies)), first, last])
        for currency, day, per_eur in cursor.fetchall():
            found.setdefault(currency, []).append((day, per_eur))
    return found
