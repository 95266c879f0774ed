"""Recount a site's days."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.lake import read
from analytics.reprocess import jobs, recount
from analytics.sites import lookup


class Command(BaseCommand):
    help = "Derive the events of a site's days (UTC) again from its hits, in both stores."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("site", help="any id of the site")
        parser.add_argument("--from", dest="first", required=True, type=dt.date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="last", required=True, type=dt.date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--ruleset", type=int, help="a version of the site's rules; default: those in force")

    def handle(self, *_: Any, **given: Any) -> None:
        """Runs here, not in a worker."""
        site = lookup.site(given["site"])
        if site is None:
            raise CommandError(f"There is no site {given['site']}.")
        try:
            job = jobs.ask(site.id, given["first"], given["last"], ruleset_version=given["ruleset"])
            if not jobs.perform(job, self._say):
                raise CommandError("A worker was quicker and runs this recount; look at it in the staff portal.")
        except (jobs.BadRange, recount.CannotRecount, read.LakeAway) as error:
            raise CommandError(str(error)) from error
        for metric, before in job.before.items():
            self.stdout.write(f"{metric:>16}  {before} → {job.after.get(metric)}")
        self.stdout.write(f"{_count(job.hits, 'hit')} recounted, {_count(job.changed, 'event')} changed.")

    def _say(self, done: recount.Done) -> None:
        self.stdout.write(f"{done.day}: {_count(done.hits, 'hit')}, {_count(done.changed, 'event')} changed")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
