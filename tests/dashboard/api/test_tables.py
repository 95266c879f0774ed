"""Tables are written piece by piece, and what is read from them is what went in."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.dashboard.api import tables

COLUMNS = (
    tables.Column("event:page", "text"),
    tables.Column("visitors", "integer"),
    tables.Column("bounce_rate", "number"),
)


def table(rows: Any) -> tables.Table:
    return tables.Table("x", COLUMNS, rows)


def many(number: int) -> Iterator[tuple[Any, ...]]:
    return ((f"/page/{index}", index, index / 2 if index % 3 else None) for index in range(number))


def test_many_rows_come_in_pieces_and_are_all_there() -> None:
    pieces = list(tables.CSV().pieces(table(many(12_000))))
    read = list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert len(pieces) > 2
    assert (len(read), read[0], read[2], read[-1]) == (
        12_001, ["event:page", "visitors", "bounce_rate"], ["/page/1", "1", "0.5"], ["/page/11999", "11999", "5999.5"],
    )  # fmt: skip


def test_parquet_has_all_rows_with_their_types() -> None:
    pieces = list(tables.Parquet().pieces(table(many(12_000))))
    read = pq.read_table(pa.BufferReader(b"".join(pieces)))
    assert (read.num_rows, read.schema.types) == (12_000, [pa.string(), pa.int64(), pa.float64()])
    assert read.slice(1, 3).to_pylist() == [
        {"event:page": "/page/1", "visitors": 1, "bounce_rate": 0.5},
        {"event:page": "/page/2", "visitors": 2, "bounce_rate": 1.0},
        {"event:page": "/page/3", "visitors": 3, "bounce_rate": None},
    ]


@pytest.mark.parametrize("renderer", [tables.CSV, tables.Parquet])
def test_an_empty_table_has_its_columns(renderer: Any) -> None:
    written = b"".join(renderer().pieces(table([])))
    if renderer is tables.CSV:
        assert written == b"event:page,visitors,bounce_rate\r\n"
    else:
        assert pq.read_table(pa.BufferReader(written)).column_names == [column.name for column in COLUMNS]


@pytest.mark.parametrize("renderer", [tables.CSV, tables.Parquet])
def test_memory_does_not_grow_with_the_rows(renderer: Any) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        for _ in renderer().pieces(table(many(rows))):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)
    assert peak(100_000) < 2 * peak(10_000)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    written = b"".join(tables.CSV().pieces(table([(text, -1, -0.5)]))).decode()
    _, row = csv.reader(io.StringIO(written, newline=""))
    assert row == [f"'{text}", "-1", "-0.5"]
