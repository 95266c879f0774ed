"""The Iceberg tables `lake.hits` and `lake.events`: catalog (in PostgreSQL), schemas, partitions, the watermark."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Literal

import pyarrow as pa
from django.conf import settings
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import BucketTransform, DayTransform
from pyiceberg.types import (
    BooleanType,
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
    UUIDType,
)
from sqlalchemy import URL

from analytics.lake import layout
from analytics.store import db

Name = Literal["hits", "events"]
NAMESPACE = "lake"
BUCKETS = 16
WATERMARK = "recount.watermark"
_LOCK_SPACE = 7002
layout.use()

_TYPES: dict[str, IcebergType] = {
    "int": IntegerType(),
    "long": LongType(),
    "text": StringType(),
    "flag": BooleanType(),
    "time": TimestamptzType(),
    "uuid": UUIDType(),
    "money": DecimalType(18, 4),
}
_HITS = """site_id int, hit_id uuid, received_at time, ts time, protocol text, payload text, user_agent text,
client_hints text, language text, referer text, ip_prefix text, visitor_id long, cookieless flag, event_id uuid?,
refused text, flags text, part int, batch long"""
_EVENTS = """site_id int, ts time, hit_id uuid, event_id uuid?, visitor_id long, cookieless flag, visit_id long,
visit_started_at time, name text, host text, path text, title text, entry_path text, referrer text, source text,
medium text, channel text, utm_source text, utm_medium text, utm_campaign text, utm_content text, utm_term text,
country text, region text, city text, browser text, browser_version text, os text, os_version text, device text,
screen text, language text, interactive flag, engagement_ms int, scroll_percent int, revenue money?, currency text,
props text, category text, ruleset int, part int, batch long"""
_SOURCES: dict[Name, str] = {"hits": _HITS, "events": _EVENTS}
HOT_TABLE: dict[Name, str] = {"hits": "hit", "events": "event"}
_PROPERTIES = {
    "write.parquet.compression-codec": "zstd",
    "write.parquet.row-group-limit": "131072",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "50",
}


@functools.cache
def schema(name: Name) -> Schema:
    """The Iceberg schema; its columns are those of the hot table, in their order."""
    fields = []
    for number, column in enumerate(_SOURCES[name].replace("\n", " ").split(","), 1):
        label, kind = column.split()
        fields.append(NestedField(number, label, _TYPES[kind.rstrip("?")], required=not kind.endswith("?")))
    return Schema(*fields)


@functools.cache
def arrow_schema(name: Name) -> pa.Schema:
    """The same as an Arrow schema."""
    return schema(name).as_arrow()


def columns(name: Name) -> list[str]:
    """The column names, in order."""
    return [field.name for field in schema(name).fields]


_catalogs: dict[tuple[str, str], SqlCatalog] = {}
_catalogs_lock = threading.Lock()


def catalog() -> SqlCatalog:
    """The catalog, in Django's default database."""
    given = db.parameters()
    port = int(given["port"]) if given["port"] else None
    url = URL.create("postgresql+psycopg", given["user"], given["password"], given["host"], port, given["dbname"])
    place = (url.render_as_string(hide_password=False), settings.LAKE_URL.rstrip("/"))
    with _catalogs_lock:
        if place not in _catalogs:
            io = {"py-io-impl": "analytics.lake.storage.LakeIO"}
            _catalogs[place] = SqlCatalog("recount", uri=place[0], warehouse=place[1], pool_pre_ping="true", **io)
        return _catalogs[place]


def close_catalogs() -> None:
    """Close the catalogs' connections; tests call it before the test database goes."""
    while _catalogs:
        _catalogs.popitem()[1].engine.dispose()


def load(name: Name) -> Table:
    """The table as it is now; made when there is none."""
    known = catalog()
    try:
        return known.load_table((NAMESPACE, name))
    except NoSuchTableError:
        known.create_namespace_if_not_exists(NAMESPACE)
        made = schema(name)
        by_day = PartitionField(made.find_field("ts").field_id, 1000, DayTransform(), "day")
        by_site = PartitionField(made.find_field("site_id").field_id, 1001, BucketTransform(BUCKETS), "bucket")
        return known.create_table_if_not_exists(
            (NAMESPACE, name),
            made,
            location=f"{settings.LAKE_URL.rstrip('/')}/{name}",
            partition_spec=PartitionSpec(by_day, by_site),
            properties=_PROPERTIES,
        )


def watermark(table: Table) -> dict[int, int]:
    """Part → the last batch whose rows are in the table's current snapshot."""
    snapshot = table.current_snapshot()
    if snapshot is None or snapshot.summary is None:
        return {}
    return {int(part): int(batch) for part, batch in json.loads(snapshot.summary.get(WATERMARK) or "{}").items()}


def watermark_property(parts: dict[int, int]) -> dict[str, str]:
    """The snapshot property that every commit to the tables carries."""
    return {WATERMARK: json.dumps({str(part): batch for part, batch in sorted(parts.items())})}


def rows(start: dt.datetime, end: dt.datetime, site_id: int | None = None) -> BooleanExpression:
    """The rows with start ≤ ts < end, of one site or of all."""
    # The constructors of these expressions take positional arguments that their annotations do not tell of.
    at_least: Callable[..., BooleanExpression] = GreaterThanOrEqual
    below: Callable[..., BooleanExpression] = LessThan
    equal: Callable[..., BooleanExpression] = EqualTo
    inside = And(at_least("ts", start.isoformat()), below("ts", end.isoformat()))
    return inside if site_id is None else And(equal("site_id", site_id), inside)


@contextlib.contextmanager
def lock(name: Name) -> Iterator[None]:
    """One commit to a table at a time, over all processes; it ends with the process that holds it."""
    with db.transaction() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", [_LOCK_SPACE, name])
        yield
