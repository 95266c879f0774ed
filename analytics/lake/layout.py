"""How rows lie in a Parquet file of the lake, whoever writes them: an export, compaction, a recount.

Events lie by site and visit, so that what is of a visit lies together: it is stored in fewer bytes and grouped faster.
A large site has row groups of its own, which questions about others skip. Any reader of Parquet can read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import OutputFile
from pyiceberg.io.fileformat import DataFileStatistics, FileFormatFactory, FileFormatWriter
from pyiceberg.io.pyarrow import (
    ParquetFormatModel,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table import TableProperties
from pyiceberg.typedef import Properties
from pyiceberg.types import StringType

ROWS_OF_A_GROUP = 122_880
"""At most; a multiple of DuckDB's vectors."""
ENOUGH_ROWS = 4_096
"""A site with fewer in a file shares its row group with its neighbours."""
LEVEL = 6
"""Of zstd."""
_ORDER = ("site_id", "visit_started_at", "visit_id", "ts")


def in_order(rows: pa.Table) -> pa.Table:
    """Rows of a table of the lake, as they should lie in a file."""
    return rows.sort_by([(name, "ascending") for name in _ORDER if name in rows.column_names])


def groups(sites: pa.ChunkedArray) -> Iterator[tuple[int, int]]:
    """(first row, row after the last) of parts of a file: each large site is one, those between them another."""
    start = at = 0
    for run in pc.run_end_encode(sites.combine_chunks()).run_ends.to_pylist() if len(sites) else ():
        if run - at >= ENOUGH_ROWS:
            if at > start:
                yield start, at
            yield at, run
            start = run
        at = run
    if at > start or not len(sites):
        yield start, at


def encodings(schema: pa.Schema) -> dict[str, Any]:
    """Keyword arguments of a ParquetWriter.

    Ids and times are hardly ever repeated: a dictionary of them would only be in the way. UUIDs made one after another
    begin alike. Arrow's own schema and the bounds of texts, which let no reader skip anything, would be most of a small
    file.
    """
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    uuids = [field.name for field in schema if isinstance(field.type, pa.UuidType)]
    numbers = [field.name for field in schema if pa.types.is_int64(field.type)]
    return {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": [name for name in schema.names if name not in (*times, *uuids, *numbers)],
        "column_encoding": dict.fromkeys(times, "DELTA_BINARY_PACKED") | dict.fromkeys(uuids, "DELTA_BYTE_ARRAY"),
        "store_schema": False,
        "write_statistics": [field.name for field in schema if not _is_text(field.type)],
    }


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


class Writer(FileFormatWriter):
    """Writes one table of rows to one file."""

    def __init__(self, file: OutputFile, schema: Schema, properties: Properties) -> None:
        texts = (field.name for field in schema.fields if isinstance(field.field_type, StringType))
        without_bounds = dict.fromkeys(
            (f"{TableProperties.METRICS_MODE_COLUMN_CONF_PREFIX}.{t}" for t in texts), "none"
        )
        self._file, self._schema, self._properties = file, schema, properties | without_bounds
        self._written: pq.FileMetaData | None = None

    def write(self, table: pa.Table) -> None:
        rows = in_order(table)
        with self._file.create(overwrite=True) as stream:
            given = encodings(rows.schema)
            with pq.ParquetWriter(cast(IO[Any], stream), rows.schema, store_decimal_as_integer=True, **given) as writer:
                for start, end in groups(rows["site_id"]):
                    writer.write_table(rows.slice(start, end - start), row_group_size=ROWS_OF_A_GROUP)
            self._written = writer.writer.metadata

    def close(self) -> DataFileStatistics:
        if self._written is None:
            raise ValueError("nothing was written")
        return data_file_statistics_from_parquet_metadata(
            parquet_metadata=self._written,
            stats_columns=compute_statistics_plan(self._schema, self._properties),
            parquet_column_mapping=parquet_path_to_id_mapping(self._schema),
        )


class Format(ParquetFormatModel):
    """Iceberg's Parquet, laid out by this module."""

    def create_writer(self, output_file: OutputFile, file_schema: Schema, properties: Properties) -> FileFormatWriter:  # type: ignore[override]
        return Writer(output_file, file_schema, properties)


def use() -> None:
    """Have PyIceberg write all Parquet files this way."""
    # Its `register` refuses a second model of one format.
    FileFormatFactory._registry[FileFormat.PARQUET] = Format()
