"""Filters of the Stats API v1: `event:page==/blog/*;visit:source==Google|Bing`, all of which must hold.

`==` is, `!=` is not, `=~` contains, `!~` does not contain; `|` stands between values, `*` for anything; a backslash
before `;`, `|` or itself makes it part of a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from analytics.dashboard.api import body
from analytics.dashboard.api.plausible import names
from analytics.reports import dimensions, parse
from analytics.reports.query import BadQuery, Filter
from analytics.sites.models import Site

_FIELD = "filters"
_CONDITION = re.compile(r"([a-z]+:[^=!~]+)(==|!=|=~|~=|!~)(.*)", re.DOTALL)
_OPERATORS = {"==": "is", "!=": "is_not", "=~": "contains", "~=": "contains", "!~": "contains_not"}
_WILD = {"is": "matches_wildcard", "is_not": "matches_wildcard_not"}


def read(text: str, site: Site, dimension: Callable[[str], str]) -> Filter | None:
    """The filter; None for an empty text. A text that begins with `[` is JSON as in v2. `dimension` gives the
    catalogue's name of a property. Raises BadQuery."""
    if text.lstrip().startswith("["):
        return parse.filters(names.filters(_json(text)), site=site)
    parts = [part for part in _split(text, ";") if part.strip()]
    return parse.filters([names.filters(_condition(part.strip(), dimension)) for part in parts], site=site)


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadQuery(_FIELD, f"{text[:100]!r} is no JSON") from None
    if body.levels(found) > body.MOST_LEVELS:
        raise BadQuery(_FIELD, f"nested deeper than {body.MOST_LEVELS} levels")
    return found


def _condition(text: str, dimension: Callable[[str], str]) -> list[Any]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise BadQuery(_FIELD, f"{text[:100]!r} is no filter; write property==value, such as visit:source==Google")
    name = dimension(found[1]) if found[1] not in names.NAMED else found[1]
    op, values = _OPERATORS[found[2]], [_unescaped(value) for value in _split(found[3], "|")]
    if op in _WILD and name != dimensions.GOAL and any("*" in value for value in values):
        op = _WILD[op]
    return [op, name, values]


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that have no backslash before them."""
    return re.split(rf"(?<!\\){re.escape(mark)}", text)


def _unescaped(value: str) -> str:
    return re.sub(r"\\([;|\\])", r"\1", value)
