"""The pipeline's periodic tasks (times in config/celery.py)."""

import datetime as dt

from celery import shared_task

from analytics.pipeline import dedupe


@shared_task
def forget() -> None:
    """Forget event ids that are older than a repeat can be."""
    dedupe.open_next(dt.datetime.now(dt.UTC))
