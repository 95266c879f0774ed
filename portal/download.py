"""Search results as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.http import HttpResponse, StreamingHttpResponse

from analytics.lake import search

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def response(wanted: search.Search, form: str) -> StreamingHttpResponse | HttpResponse:
    """A CSV that streams, or a Parquet file. Raises lake.read.LakeAway."""
    if form == "parquet":
        answer: StreamingHttpResponse | HttpResponse = HttpResponse(_parquet(wanted), "application/vnd.apache.parquet")
    else:
        answer = StreamingHttpResponse(_csv(search.download(wanted)), "text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="history.{"parquet" if form == "parquet" else "csv"}"'
    return answer


def _parquet(wanted: search.Search) -> bytes:
    """In memory: at most search.MOST_ROWS rows."""
    sink = io.BytesIO()
    batches = search.download(wanted)
    first = next(batches, None)
    if first is not None:
        with pq.ParquetWriter(sink, first.schema, compression="zstd") as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
    return sink.getvalue()


def _csv(batches: Iterator[pa.RecordBatch]) -> Iterator[str]:
    header = True
    for batch in batches:
        text = io.StringIO()
        writer = csv.writer(text)
        if header:
            writer.writerow(batch.schema.names)
            header = False
        writer.writerows(_rows(batch))
        yield text.getvalue()


def _rows(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield [inert(value) if isinstance(value, str) else value for value in row]


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
