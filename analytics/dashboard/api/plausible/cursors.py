"""Pages of lists, newest first, by cursors: `after` and `before` are what the page before or behind it said."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from analytics.reports.query import BadQuery

M = TypeVar("M", bound=Model)
ROWS = 100
MOST_ROWS = 1_000


def page(rows: QuerySet[M], given: Mapping[str, str]) -> tuple[list[M], dict[str, Any]]:
    """The rows of the page that the parameters ask for, and `meta`: the cursors of the next ones, and the limit.
    Raises BadQuery."""
    limit = _limit(given.get("limit", str(ROWS)))
    if "before" in given:
        newer = list(rows.filter(pk__gt=_read("before", given["before"])).order_by("pk")[: limit + 1])
        found = newer[:limit][::-1]
        return found, _meta(found, limit, after=True, before=len(newer) > limit)
    if "after" in given:
        rows = rows.filter(pk__lt=_read("after", given["after"]))
    listed = list(rows.order_by("-pk")[: limit + 1])
    found = listed[:limit]
    return found, _meta(found, limit, after=len(listed) > limit, before="after" in given)


def _meta(found: list[M], limit: int, *, after: bool, before: bool) -> dict[str, Any]:
    return {
        "after": _written(found[-1].pk) if found and after else None,
        "before": _written(found[0].pk) if found and before else None,
        "limit": limit,
    }


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= MOST_ROWS):
        raise BadQuery("limit", f"write a number between 1 and {MOST_ROWS}")
    return int(text)


def _written(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def _read(field: str, text: str) -> int:
    try:
        number = base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}").decode()
    except ValueError:
        number = ""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise BadQuery(field, "is no cursor; take it from the meta of a page")
    return int(number)
