"""The lake's periodic tasks (times in config/celery.py)."""

import datetime as dt

from celery import shared_task
from django.conf import settings

from analytics.lake import compact as compacting
from analytics.lake import derive as deriving
from analytics.lake import expire as expiring
from analytics.lake import export as exporting
from analytics.lake import tables
from analytics.store import retention


@shared_task
def export() -> None:
    """Bring both tables up to now; events go as far as hits do."""
    exporting.export("hits")
    exporting.export("events")


@shared_task
def compact() -> None:
    """Join the small files of days that have ended, and derive the stretches of these days."""
    for name in tables.HOT_TABLE:
        compacting.compact(name)
    deriving.derive()


@shared_task
def expire() -> None:
    """Drop old snapshots and the files that no snapshot needs."""
    for name in tables.HOT_TABLE:
        expiring.expire(name)
        expiring.collect(name)
    deriving.collect()


@shared_task
def retain() -> None:
    """Drop what is older than the hot window and in the lake."""
    floor = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.HOT_DAYS + 2)
    try:
        retention.drop_before("event", floor, tables.watermark(tables.load("events")))
    finally:  # one table's trouble must not let the other grow
        retention.drop_before("hit", floor, tables.watermark(tables.load("hits")))
