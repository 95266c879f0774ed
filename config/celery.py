"""Celery, and the one table that says what runs when."""

from __future__ import annotations

import datetime as dt
import logging
import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

log = logging.getLogger(__name__)

app = Celery("recount")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    worker_hijack_root_logger=False,
    timezone="UTC",
)
app.autodiscover_tasks(["analytics.lake", "analytics.pipeline", "analytics.reprocess"])


@app.on_after_configure.connect
def schedule(sender: Celery, **_: object) -> None:
    """Every periodic task: (seconds, task). Each asks what is due; a missed or doubled run changes nothing."""
    from django.conf import settings

    for seconds, task in (
        (settings.EXPORT_SECONDS, "analytics.lake.tasks.export"),
        (3600, "analytics.lake.tasks.compact"),
        (24 * 3600, "analytics.lake.tasks.expire"),
        (24 * 3600, "analytics.lake.tasks.retain"),
        (3600, "analytics.pipeline.tasks.forget"),
        (60, "analytics.pipeline.tasks.canary"),
        (24 * 3600, "analytics.pipeline.tasks.balance"),
        (60, "analytics.reprocess.tasks.run_due"),
        (600, "analytics.reprocess.tasks.settle"),
    ):
        # A run that waited longer than its period has been overtaken by the next one.
        sender.add_periodic_task(seconds, sender.signature(task), name=task, expires=seconds)


@signals.task_success.connect
def note(sender: Any, **_: object) -> None:
    """Keep when each task succeeded, for alarms."""
    from analytics.store import db, readings

    try:
        readings.keep(f"{readings.TASK}{sender.name}", 1, dt.datetime.now(dt.UTC))
    except db.FAULTS as error:
        log.warning("that %s succeeded could not be kept: %s", sender.name, db.describe(error))
