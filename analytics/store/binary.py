"""Rows in PostgreSQL's binary COPY format, which spares the server the parsing and this process most of the work.

Format: https://www.postgresql.org/docs/17/sql-copy.html, "Binary Format". A row is a count of fields, then each field
as a length and its bytes; fields can be encoded apart and joined, so that what repeats is encoded once.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg.types.numeric import DecimalBinaryDumper

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = struct.pack("!h", -1)
FAULTS = (UnicodeError, struct.error)
"""What encoding a value raises that its column cannot hold."""

_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_NULL = struct.pack("!i", -1)
_length = struct.Struct("!i").pack
_numeric = DecimalBinaryDumper(Decimal).dump
_REPEATING = 1 << 12
"""Values of a column that are kept encoded."""


def _microseconds(value: dt.datetime) -> int:
    since = value - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _bytes(value: UUID) -> bytes:
    return value.int.to_bytes(16)


_FIXED: dict[str, tuple[str, int, Callable[[Any], Any] | None]] = {
    "int2": ("h", 2, None),
    "int4": ("i", 4, None),
    "int8": ("q", 8, None),
    "bool": ("?", 1, None),
    "uuid": ("16s", 16, _bytes),
    "timestamptz": ("q", 8, _microseconds),
}
"""Type → its form for struct, its bytes, and what makes a number or bytes of the value."""


def fixed(types: Sequence[str]) -> Callable[[Sequence[Any]], bytes]:
    """What encodes values that are never null, of columns of fixed size, in order. It raises one of FAULTS."""
    pack = struct.Struct("!" + "".join(f"i{_FIXED[name][0]}" for name in types)).pack
    template = [size for name in types for size in (_FIXED[name][1], None)]
    made = [(2 * place + 1, make) for place, name in enumerate(types) if (make := _FIXED[name][2])]

    def encode(values: Sequence[Any]) -> bytes:
        fields: list[Any] = template.copy()
        fields[1::2] = values
        for place, make in made:
            fields[place] = make(fields[place])
        return pack(*fields)

    return encode


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _jsonb(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded) + 1) + b"\x01" + encoded


def _uuid(value: UUID | None) -> bytes:
    return _NULL if value is None else _length(16) + _bytes(value)


def _decimal(value: Decimal | None) -> bytes:
    if value is None:
        return _NULL
    encoded = bytes(_numeric(value) or b"")
    return _length(len(encoded)) + encoded


_VARIED: dict[str, Callable[[Any], bytes]] = {"text": _text, "jsonb": _jsonb, "uuid": _uuid, "numeric": _decimal}


def varied(types: Sequence[str], repeating: Sequence[bool]) -> Callable[[Iterable[Any]], bytes]:
    """What encodes values of any size, or null, in order; those that repeat are looked up. `text` and `jsonb` take
    text. It raises one of FAULTS."""
    encoders = [
        lru_cache(_REPEATING)(_VARIED[name]) if repeats else _VARIED[name]
        for name, repeats in zip(types, repeating, strict=True)
    ]

    def encode(values: Iterable[Any]) -> bytes:
        return b"".join([encoder(value) for encoder, value in zip(encoders, values, strict=True)])

    return encode


def count(fields: int) -> bytes:
    """How a row of so many fields begins."""
    return struct.pack("!h", fields)
