"""Recounts as jobs: asked for by staff or the command line, run by a worker, resumed when one died."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from analytics.lake import read, storage
from analytics.reports import run
from analytics.reports.query import Query
from analytics.reprocess import recount
from analytics.reprocess.models import Recount
from analytics.sites import create, lookup
from analytics.store import db

METRICS = ("visitors", "visits", "pageviews", "events", "bounce_rate", "visit_duration")
_LOCK_SPACE = 7003
LONGEST_DAYS = 3660
UNFINISHED = (Recount.State.WAITING, Recount.State.RUNNING)

Progress = Callable[[recount.Done], None]


class BadRange(ValueError):
    """The days asked for cannot be recounted; the message says why."""


def ask(site_id: int, first: dt.date, last: dt.date, **given: Any) -> Recount:
    """A recount that waits to be run. Raises BadRange."""
    if last < first:
        raise BadRange(f"The last day ({last}) is before the first ({first}).")
    if (last - first).days > LONGEST_DAYS:
        raise BadRange(f"At most {LONGEST_DAYS} days can be recounted at once.")
    return Recount.objects.create(site_id=site_id, first_day=first, last_day=last, **given)


def run_due() -> int:
    """Run every recount that waits, or whose worker died; how many."""
    unfinished = Recount.objects.filter(state__in=UNFINISHED).order_by("asked_at")
    return sum(perform(job) for job in unfinished)


def perform(job: Recount, progress: Progress = lambda _: None) -> bool:
    """Run a recount, unless it was run already or someone else is at it; its outcome is in the row.

    A store that is away leaves it waiting, to be tried again.
    """
    with db.transaction() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock($1, $2)", [_LOCK_SPACE, job.pk])
        if cursor.fetchall() != [(True,)]:
            return False
        job.refresh_from_db()
        if job.state not in UNFINISHED:
            return False
        try:
            _perform(job, progress)
        except Exception as error:
            away = isinstance(error, (*db.AWAY, *storage.FAULTS, read.LakeAway))
            job.state = Recount.State.WAITING if away else Recount.State.FAILED
            job.error = db.describe(error)
            raise
        finally:
            create.data_changed(job.site_id)
            job.finished_at = timezone.now()
            job.save()
    return True


def _perform(job: Recount, progress: Progress) -> None:
    ruleset = lookup.load_ruleset(job.site_id, job.ruleset_version)
    again = job.ruleset_version is not None and bool(job.before)
    job.state, job.ruleset_version, job.error, job.hits = Recount.State.RUNNING, ruleset.version, "", 0
    job.before = job.before or totals(job)
    job.save()
    for done in recount.days(job.site_id, (job.first_day, job.last_day), ruleset, again):
        job.hits += done.hits
        job.changed += done.changed
        job.save(update_fields=["hits", "changed"])
        progress(done)
    job.after, job.state = totals(job), Recount.State.DONE


def totals(job: Recount) -> dict[str, float | int | None]:
    """The site's numbers over the days of the job, as its reports give them."""
    start = dt.datetime.combine(job.first_day, dt.time(), dt.UTC)
    end = dt.datetime.combine(job.last_day, dt.time(), dt.UTC) + recount.DAY
    query = Query(site_id=job.site_id, metrics=METRICS, start=start, end=end, zone="UTC")
    answer = run.answer(query, dt.datetime.now(dt.UTC))
    return dict(zip(METRICS, answer.rows[0].metrics, strict=True))
