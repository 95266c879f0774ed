"""`bin/manage settle`: late events into their visits, now."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.management import sites
from analytics.reprocess import recount, settle


class Command(BaseCommand):
    help = "Put late events into the visits they belong to; Celery does it every ten minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One site, or all."""
        parser.add_argument("--site", help="any id of the site, such as its domain; default: every site")

    def handle(self, *_: Any, **options: Any) -> None:
        """Says what changed, and what waits."""
        site_id = sites.named(options["site"]).pk if options["site"] else None
        try:
            done = settle.settle_due(dt.datetime.now(dt.UTC), site_id)
        except recount.CannotRecount as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done.marks} marks of late events settled, {done.changed} events are in other visits now.")
        if done.waiting:
            self.stdout.write(f"{done.waiting} marks wait: their visits may still go on.")
