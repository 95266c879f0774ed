"""Answers as tables: CSV (RFC 4180) and Parquet beside JSON, by `Accept` or `?format=`.

A view answers with `response` of a Table or, for JSON, with whatever its form is; `wants_table` says which. Errors are
JSON always.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq
from django.http import StreamingHttpResponse
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from analytics.reports import catalog

Kind = Literal["text", "integer", "number"]
_ARROW = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
_ROWS_AT_ONCE = 5_000
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets take for a formula."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """Of the file, without its ending."""
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Any, ...]]
    """As many values as columns; None: not known. Gone through once."""


def kind(metric: str) -> Kind:
    """The kind of a metric's column."""
    return "integer" if catalog.metric(metric).unit == "count" else "number"


class JSON(JSONRenderer):
    """The first one: what is answered when nothing is said."""

    charset = None


class _File(BaseRenderer):
    """Written piece by piece by `response`. As a renderer it writes only what is no table, such as errors, as JSON."""

    charset: str | None = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        (renderer_context or {})["response"].headers["Content-Type"] = JSON.media_type
        return bytes(JSON().render(data))

    def pieces(self, table: Table) -> Iterator[bytes]:
        """The file, a few rows at a time."""
        raise NotImplementedError


class CSV(_File):
    """RFC 4180, in UTF-8. What would be a formula gets a `'` before it."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def pieces(self, table: Table) -> Iterator[bytes]:
        yield _lines([[column.name for column in table.columns]])
        for rows in _some(table.rows):
            yield _lines(rows)


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    page = io.StringIO(newline="")
    csv.writer(page, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return page.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_DANGEROUS) else value


class Parquet(_File):
    """Typed columns: text, whole numbers, numbers."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"

    def pieces(self, table: Table) -> Iterator[bytes]:
        schema = pa.schema([pa.field(column.name, _ARROW[column.kind]) for column in table.columns])
        written = _Written()
        with pq.ParquetWriter(written, schema) as writer:
            for rows in _some(table.rows):
                columns = [
                    pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                writer.write_batch(pa.record_batch(columns, schema=schema))
                yield written.take()
        yield written.take()


class _Written(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def _some(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    rest = iter(rows)
    while some := list(itertools.islice(rest, _ROWS_AT_ONCE)):
        yield some


def response(request: Request, table: Table) -> StreamingHttpResponse:
    """The table as the file that the client asked for."""
    renderer = cast(_File, request.accepted_renderer)
    kind = renderer.media_type + (f"; charset={renderer.charset}" if renderer.charset else "")
    streamed = StreamingHttpResponse(renderer.pieces(table), content_type=kind)
    streamed.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{renderer.format}"'
    return streamed


RENDERERS = (JSON, CSV, Parquet)


class Negotiation(DefaultContentNegotiation):
    """`?format=` decides, else `Accept`."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        wanted = request.query_params.get("format")
        if wanted is None:
            return super().select_renderer(request, renderers, format_suffix)
        for renderer in renderers:
            if renderer.format == wanted:
                return renderer, renderer.media_type
        raise NotAcceptable(f"format: write one of {', '.join(renderer.format for renderer in renderers)}.")


def wants_table(request: Request) -> bool:
    """Whether the client asked for a file."""
    return isinstance(request.accepted_renderer, _File)
