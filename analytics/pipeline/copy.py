"""Hits and their events as rows for COPY.

What the events of a visit repeat, twenty columns, is encoded once for all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from analytics.events import Event, Hit, VisitAttributes
from analytics.store import binary, db

VISIT_COLUMNS = tuple(field.name for field in msgspec.structs.fields(VisitAttributes))
_PLACE = ("part", "batch")
_SELDOM_SAME = frozenset({"event_id", "payload", "client_hints", "referer", "revenue", "props"})

Place = tuple[int, int]
"""(part, batch)"""

# Of fixed size and never null; everything else may be of any size.
_HIT_FIXED = ("site_id", "hit_id", "received_at", "ts", "cookieless")
_HIT_VARIED = (
    "protocol", "payload", "user_agent", "client_hints", "language", "referer", "ip_prefix", "event_id", "refused",
    "flags",
)  # fmt: skip
_EVENT_FIXED = (
    "site_id", "ts", "hit_id", "visitor_id", "cookieless", "visit_id", "visit_started_at", "interactive",
    "engagement_ms", "scroll_percent", "ruleset",
)  # fmt: skip
_EVENT_VARIED = ("event_id", "name", "host", "path", "title", "revenue", "currency", "props", "category")
HIT_COLUMNS = (*_HIT_FIXED, "visitor_id", *_PLACE, *_HIT_VARIED)
EVENT_COLUMNS = (*VISIT_COLUMNS, *_EVENT_FIXED, *_PLACE, *_EVENT_VARIED)


def hits(cursor: db.Cursor, rows: Iterable[tuple[Hit, int]], place: Place) -> None:
    """COPY hits, each under the visitor id beside it: that of its visit. Raises one of db.UNSTORABLE."""
    types = db.column_types(cursor, "hit")
    numbers, texts = _fixed(types, (*_HIT_FIXED, "visitor_id", *_PLACE)), _varied(types, _HIT_VARIED)
    of_numbers, of_texts, head = attrgetter(*_HIT_FIXED), attrgetter(*_HIT_VARIED), binary.count(len(HIT_COLUMNS))
    encoded = (head + numbers((*of_numbers(hit), who, *place)) + texts(of_texts(hit)) for hit, who in rows)
    db.copy_binary(cursor, "hit", HIT_COLUMNS, encoded)


def events(cursor: db.Cursor, rows: Iterable[Event], place: Place) -> None:
    """COPY events. Raises one of db.UNSTORABLE."""
    types = db.column_types(cursor, "event")
    db.copy_binary(cursor, "event", EVENT_COLUMNS, _encoded(types, rows, place))


def _encoded(types: Mapping[str, str], rows: Iterable[Event], place: Place) -> Iterator[bytes]:
    visit = _varied(types, VISIT_COLUMNS)
    numbers, texts = _fixed(types, (*_EVENT_FIXED, *_PLACE)), _varied(types, _EVENT_VARIED)
    of_visit, of_numbers, of_texts = attrgetter(*VISIT_COLUMNS), attrgetter(*_EVENT_FIXED), attrgetter(*_EVENT_VARIED)
    head = binary.count(len(EVENT_COLUMNS))
    visits: dict[int, bytes] = {}
    for event in rows:
        repeated = visits.get(event.visit_id)
        if repeated is None:
            repeated = visits[event.visit_id] = head + visit(of_visit(event))
        yield repeated + numbers(of_numbers(event) + place) + texts(of_texts(event))


def _fixed(types: Mapping[str, str], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], bytes]:
    return _known_fixed(tuple(types[name] for name in columns))


def _varied(types: Mapping[str, str], columns: tuple[str, ...]) -> Callable[[Iterable[Any]], bytes]:
    return _known_varied(columns, tuple(types[name] for name in columns))


_known_fixed = functools.cache(binary.fixed)


@functools.cache
def _known_varied(columns: tuple[str, ...], kinds: tuple[str, ...]) -> Callable[[Iterable[Any]], bytes]:
    return binary.varied(kinds, [name not in _SELDOM_SAME for name in columns])
