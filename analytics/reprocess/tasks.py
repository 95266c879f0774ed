"""Recounts run by workers (times in config/celery.py)."""

from celery import shared_task

from analytics.reprocess import jobs


@shared_task
def run_due() -> None:
    """Run what waits or was left by a worker that died."""
    jobs.run_due()
