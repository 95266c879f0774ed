"""Between PostgreSQL's Arrow types (as ADBC gives them) and those of the lake."""

from __future__ import annotations

import pyarrow as pa

from analytics.lake import tables


def to_lake(name: tables.Name, rows: pa.Table) -> pa.Table:
    """The columns of a table of the lake, in its order and types; PostgreSQL's uuid and jsonb come as opaque."""
    wanted = tables.arrow_schema(name)
    arrays = [_cast(rows.column(field.name).combine_chunks(), field.type) for field in wanted]
    return pa.Table.from_arrays(arrays, schema=wanted)


def _cast(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    if values.type == wanted:
        return values
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if isinstance(wanted, pa.UuidType):
        return pa.ExtensionArray.from_storage(wanted, values.cast(pa.binary(16)))
    return values.cast(wanted)
