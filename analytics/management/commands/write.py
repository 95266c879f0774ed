"""`bin/manage write`: a writer process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from analytics.pipeline import writer


class Command(BaseCommand):
    help = "Write what the buffer holds into TimescaleDB; ends after the batch at hand on SIGTERM or SIGINT."
    # A writer starts whatever the state of the pages: Django's checks would load both pools.
    requires_system_checks = []

    def handle(self, *_: Any, **__: Any) -> None:
        writer.run_until_told()
