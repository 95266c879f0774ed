"""Recounts run by workers (times in config/celery.py)."""

import datetime as dt

from celery import shared_task

from analytics.reprocess import jobs
from analytics.reprocess import settle as settling


@shared_task
def run_due() -> None:
    """Run what waits or was left by a worker that died."""
    jobs.run_due()


@shared_task
def settle() -> None:
    """Put late events into the visits they belong to."""
    settling.settle_due(dt.datetime.now(dt.UTC))
