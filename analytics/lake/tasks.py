"""The lake's periodic tasks (times in config/celery.py)."""

from celery import shared_task

from analytics.lake import compact as compacting
from analytics.lake import expire as expiring
from analytics.lake import export as exporting


@shared_task
def export() -> None:
    """Bring both tables up to now; events go as far as hits do."""
    exporting.export("hits")
    exporting.export("events")


@shared_task
def compact() -> None:
    """Join the small files of past days."""
    for name in ("hits", "events"):
        compacting.compact(name)


@shared_task
def expire() -> None:
    """Drop old snapshots and the files that no snapshot needs."""
    for name in ("hits", "events"):
        expiring.expire(name)
