"""The pipeline's periodic tasks (times in config/celery.py)."""

import datetime as dt

from celery import shared_task
from django.conf import settings

from analytics.pipeline import books, dedupe
from analytics.pipeline import canary as canaries
from analytics.store import readings


@shared_task
def forget() -> None:
    """Forget event ids that are older than a repeat can be, and old canaries."""
    dedupe.open_next(_now())
    canaries.forget(_now())


@shared_task
def canary() -> None:
    """Send an event and see how long it takes."""
    if settings.CANARY_URL:
        canaries.run(_now)


@shared_task
def balance() -> None:
    """Keep for alarms by how much the books do not balance."""
    found = books.balance()
    differences = [line.difference for line in found.sites] + [line.difference for line in found.stores]
    readings.keep(readings.DIFFERENCE, sum(map(abs, differences)), _now())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
