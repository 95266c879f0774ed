"""Which engine answers: TimescaleDB for what is recent and short, DuckDB over lake and hot rows for the rest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Literal

from django.conf import settings

from analytics.lake import duck
from analytics.reports import goals, sql
from analytics.reports.query import Query


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may take."""

    hot_days: int = 30
    """TimescaleDB holds all events of these last days."""
    span_days: int = 2
    """Longer ranges go to DuckDB."""
    engine: duck.Limits = field(default_factory=duck.Limits)
    """What a statement may take."""


Engine = Literal["timescaledb", "duckdb"]


@dataclass(frozen=True, slots=True)
class Plan:
    engine: Engine
    query: Query
    warning: str = ""


def limits() -> Limits:
    """The limits of the settings."""
    return Limits(
        hot_days=settings.HOT_DAYS,
        span_days=settings.REPORT_HOT_SPAN_DAYS,
        engine=duck.Limits(
            threads=settings.REPORT_THREADS,
            memory=f"{settings.REPORT_MEMORY_MB}MB",
            timeout_seconds=settings.REPORT_TIMEOUT_SECONDS,
        ),
    )


def choose(query: Query, now: dt.datetime, limits: Limits) -> Plan:
    """The plan while the lake can be read."""
    low, _ = sql.window(query)
    length = min(query.end, now) - query.start
    is_short = low >= _floor(now, limits) and length <= dt.timedelta(days=limits.span_days)
    if is_short and not goals.needs_duckdb(query):
        return Plan("timescaledb", query)
    return Plan("duckdb", query)


def without_lake(query: Query, now: dt.datetime, limits: Limits) -> Plan | None:
    """The plan while the lake is away: what TimescaleDB has, with a warning when that is not all. None: nothing."""
    floor = _floor(now, limits)
    low, _ = sql.window(query)
    engine: Engine = "duckdb" if goals.needs_duckdb(query) else "timescaledb"
    if low >= floor:
        return Plan(engine, query)
    since = floor + (query.start - low)
    if query.end <= since:
        return None
    warning = f"The lake cannot be reached now: counted since {since:%Y-%m-%d %H:%M} UTC only."
    return Plan(engine, replace(query, start=since), warning)


def _floor(now: dt.datetime, limits: Limits) -> dt.datetime:
    return now - dt.timedelta(days=limits.hot_days)
