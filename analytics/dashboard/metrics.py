"""`/metrics`: what alarms look at, in Prometheus' text format. docs/operations.md says what each number means.

It is read from the stores when it is asked for, so it is the same whichever process answers. A store that is away
says so in `recount_up` and keeps nothing else from being told.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from analytics import buffer
from analytics.pipeline import canary, quarantine
from analytics.store import db, readings

log = logging.getLogger(__name__)
_SQL = db.statements(__file__)
MOST_COUNTED = 100_000
"""Rows. Where there are more, the number stops here."""
HOUR = dt.timedelta(hours=1)
FAULTS = (*db.FAULTS, buffer.Fault, buffer.Away)


def page(request: HttpRequest) -> HttpResponse:
    """For who has the token; without one in the settings there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404("There is no such page.")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return HttpResponse(
            "Send the token of METRICS_TOKEN\n", "text/plain", 401, headers={"WWW-Authenticate": "Bearer"}
        )
    text = exposition.generate_latest(read(timezone.now()))
    return HttpResponse(text, exposition.CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _Found(Collector):
    """Metrics that have been read."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def read(now: dt.datetime) -> CollectorRegistry:
    """Ask every store."""
    up = GaugeMetricFamily("recount_up", "Whether the store answers", labels=["store"])
    found: list[Metric] = [up]
    for store, ask in STORES.items():
        try:
            for metric in ask(now):
                found.append(metric)
        except FAULTS as error:
            log.warning("metrics of %s could not be read: %s", store, db.describe(error))
            up.add_metric([store], 0)
        else:
            up.add_metric([store], 1)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Found(found))
    return registry


def _gauge(name: str, said: str, value: float | None) -> Iterable[Metric]:
    """One number, or none when there is nothing to tell."""
    if value is not None:
        yield GaugeMetricFamily(f"recount_{name}", said, value=value)


def _by(label: str, name: str, said: str, values: Iterable[tuple[object, float]]) -> Metric:
    metric = GaugeMetricFamily(f"recount_{name}", said, labels=[label])
    for value, number in values:
        metric.add_metric([str(value)], number)
    return metric


def _age(now: dt.datetime, moment: dt.datetime | None) -> float | None:
    return None if moment is None else (now - moment).total_seconds()


def _buffer(_: dt.datetime) -> Iterable[Metric]:
    yield from _gauge("buffer_fullness_ratio", "Share of the buffer's memory in use, of the fullest", buffer.fullness())
    yield _by("part", "buffer_entries", "Entries of the part's stream, read or not", buffer.lengths().items())


def _timescaledb(now: dt.datetime) -> Iterable[Metric]:
    with db.transaction() as cursor:
        cursor.execute(_SQL["patience"])
        for ask in (_canary, _parts, _overflow, _quarantine, _books, _readings, _unsettled):
            yield from ask(cursor, now)


STORES: dict[str, Callable[[dt.datetime], Iterable[Metric]]] = {"buffer": _buffer, "timescaledb": _timescaledb}


def _canary(cursor: db.Cursor, now: dt.datetime) -> Iterable[Metric]:
    state = canary.state(cursor, now)
    yield from _gauge("canary_seconds", "From the 202 of the last visible canary until it was seen", state.seconds)
    age = _age(now, state.last_sent_at)
    yield from _gauge("canary_age_seconds", "Since the last canary that became visible was sent", age)
    waiting = _age(now, state.waiting_since) or 0.0
    yield from _gauge("canary_waiting_seconds", "Since the oldest canary not visible yet was accepted", waiting)
    yield from _gauge("canary_refused", "Canaries of the last hour that were not accepted", state.refused)


def _parts(cursor: db.Cursor, now: dt.datetime) -> Iterable[Metric]:
    cursor.execute(_SQL["parts"])
    rows = cursor.fetchall()
    ages = [(part, age) for part, at, _, _ in rows if (age := _age(now, at)) is not None]
    yield _by("part", "part_commit_age_seconds", "Since the part's writer last committed a batch", ages)
    lost = CounterMetricFamily("recount_buffer_lost_entries", "Entries that vanished unread", labels=["part"])
    for part, _, entries, _ in rows:
        lost.add_metric([str(part)], entries)
    yield lost
    moments = [(part, at.timestamp()) for part, _, _, at in rows if at is not None]
    yield _by("part", "buffer_lost_timestamp_seconds", "When a loss was last noticed", moments)


def _overflow(cursor: db.Cursor, now: dt.datetime) -> Iterable[Metric]:
    cursor.execute(_SQL["overflow"], [MOST_COUNTED])
    ((entries,),) = cursor.fetchall()
    yield from _gauge("overflow_entries", f"Entries that wait in PostgreSQL, {MOST_COUNTED} at most", entries)
    cursor.execute(_SQL["overflow_since"])
    (oldest,) = cursor.fetchone() or (None,)
    yield from _gauge("overflow_age_seconds", "How long the oldest of them has waited", _age(now, oldest) or 0.0)


def _quarantine(cursor: db.Cursor, _: dt.datetime) -> Iterable[Metric]:
    reasons = [(one.reason, one.hits) for one in quarantine.reasons(cursor)]
    yield _by("reason", "quarantined_hits", "Hits in quarantine", reasons)
    sites = len(quarantine.flooded(cursor))
    yield from _gauge("quarantine_flooded_sites", f"Sites with more than {quarantine.FLOOD} hits there", sites)


def _books(cursor: db.Cursor, now: dt.datetime) -> Iterable[Metric]:
    cursor.execute(_SQL["books"], [(now - HOUR).replace(second=0, microsecond=0)])
    yield _by("outcome", "hits_last_hour", "Hits of the last hour in the books", cursor.fetchall())


def _readings(cursor: db.Cursor, now: dt.datetime) -> Iterable[Metric]:
    known = readings.known(cursor)
    tasks = [
        (one.name.removeprefix(readings.TASK), (now - one.taken_at).total_seconds())
        for one in known
        if one.name.startswith(readings.TASK)
    ]
    yield _by("task", "task_age_seconds", "Since the periodic task last succeeded", tasks)
    for one in known:
        if one.name == readings.DIFFERENCE:
            yield from _gauge(
                "balance_difference", "By how much the books did not balance when last looked at", one.value
            )


def _unsettled(cursor: db.Cursor, _: dt.datetime) -> Iterable[Metric]:
    cursor.execute(_SQL["unsettled"], [MOST_COUNTED])
    ((visitors,),) = cursor.fetchall()
    yield from _gauge("unsettled_events", f"Late events not settled yet, {MOST_COUNTED} at most", visitors)
