"""`bin/manage demo`: a site with a past and live traffic, to look at and to test with."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.ingest import feed
from analytics.ingest.demo import history, setup, traffic
from analytics.sites import models

DAYS = 90


class Command(BaseCommand):
    help = "The demo site: set it up, give it a past, send it traffic."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        ready = actions.add_parser("setup", help="make the site, its user and its past; prints the sign-in")
        ready.add_argument("--days", type=int, default=DAYS, help="of past, put into the buffer; 0: none")
        past = actions.add_parser("history", help="make the past alone and wait until it is written")
        past.add_argument("--days", type=int, default=DAYS)
        live = actions.add_parser("traffic", help="send traffic until told to stop")
        live.add_argument("--rate", type=float, default=1.0, help="events a second, about; default: 1")
        live.add_argument("--ids-file", default="", help="append each event id and the status of the answer")
        live.add_argument("--seed", type=int, help="the same visitors each time")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        try:
            {"setup": self._setup, "history": self._history, "traffic": self._traffic}[action](options)
        except feed.Stalled as error:
            raise CommandError(f"{error} Run this again when it is back; nothing is counted twice.") from None

    def _setup(self, options: dict[str, Any]) -> None:
        ready = setup.make()
        if options["days"]:
            history.make(ready.site, options["days"], self._tell, wait=False)
        self.stdout.write(f"Sign-in    {setup.USER} / {ready.password}")

    def _history(self, options: dict[str, Any]) -> None:
        pushed = history.make(self._site(), options["days"], self._tell, wait=True)
        self._tell(f"{pushed} events of {options['days']} days.")

    def _traffic(self, options: dict[str, Any]) -> None:
        self._site()
        wanted = traffic.Options(settings.INGEST_URL, options["rate"], options["ids_file"], options["seed"])
        sender = traffic.Traffic(wanted, self._tell)
        signal.signal(signal.SIGTERM, sender.stop)
        signal.signal(signal.SIGINT, sender.stop)
        sender.run()

    def _site(self) -> models.Site:
        found = setup.site()
        if found is None:
            raise CommandError("There is no demo site yet; `bin/manage demo setup` makes it.")
        return found

    def _tell(self, sentence: str) -> None:
        self.stderr.write(sentence)
