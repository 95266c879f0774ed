"""Answers as tables: CSV (RFC 4180) and Parquet beside JSON, by `Accept` or `?format=`.

A view answers with a Table or, for JSON, with whatever its form is; `wants_table` says which. Errors are JSON always.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.reports import catalog

Kind = Literal["text", "integer", "number"]
_ARROW = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
_ROWS_AT_ONCE = 10_000
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
    rows: Sequence[tuple[Any, ...]]
    """As many values as columns; None: not known."""


def kind(metric: str) -> Kind:
    """The kind of a metric's column."""
    return "integer" if catalog.metric(metric).unit == "count" else "number"


class JSON(JSONRenderer):
    """The first one: what is answered when nothing is said."""

    charset = None


class _File(BaseRenderer):
    """A renderer of tables; whatever else it is given, such as an error, becomes JSON."""

    charset: str | None = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        response: Response = (renderer_context or {})["response"]
        if not isinstance(data, Table):
            response.headers["Content-Type"] = JSON.media_type
            return bytes(JSON().render(data))
        response.headers["Content-Disposition"] = f'attachment; filename="{data.name}.{self.format}"'
        return self.written(data)

    def written(self, table: Table) -> bytes:
        raise NotImplementedError


class CSV(_File):
    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def written(self, table: Table) -> bytes:
        """RFC 4180, in UTF-8. What would be a formula gets a `'` before it."""
        page = io.StringIO(newline="")
        writer = csv.writer(page, lineterminator="\r\n")
        writer.writerow([_cell(column.name) for column in table.columns])
        writer.writerows([_cell(value) for value in row] for row in table.rows)
        return page.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_DANGEROUS) else value


class Parquet(_File):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"

    def written(self, table: Table) -> bytes:
        """Typed columns: text, whole numbers, numbers."""
        schema = pa.schema([pa.field(column.name, _ARROW[column.kind]) for column in table.columns])
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, schema) as writer:
            for rows in _some(table.rows):
                listed = list(zip(*rows, strict=True))
                arrays = [
                    pa.array(values, _ARROW[column.kind]) for values, column in zip(listed, table.columns, strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
        return bytes(sink.getvalue())


def _some(rows: Sequence[tuple[Any, ...]]) -> Iterable[Sequence[tuple[Any, ...]]]:
    return (rows[index : index + _ROWS_AT_ONCE] for index in range(0, len(rows), _ROWS_AT_ONCE))


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
