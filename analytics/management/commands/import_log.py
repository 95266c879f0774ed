"""`bin/manage import-log`: access logs of the past."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from analytics.ingest import access_log, feed
from analytics.management import sites
from analytics.pipeline import dedupe
from analytics.sites import lookup

MOST_SHOWN = 50
AGAIN = "Run the import again: lines that are stored are not counted twice."


class Command(BaseCommand):
    help = (
        "Import Apache or nginx access logs in the combined format, keeping their times."
        f" Importing the same file again within {dedupe.REMEMBERED.days} days changes nothing;"
        " after that its lines would count again."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="plain or gzip; `-` reads standard input")
        parser.add_argument("--site", required=True, help="any id of the site, such as its domain")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until the writer has stored the lines")

    def handle(self, *_: Any, file: str, site: str, no_wait: bool, **__: Any) -> None:
        importer = access_log.Importer(lookup.facts(sites.named(site)), self._tell, self._report)
        self._shown = 0
        try:
            with access_log.opened(file) as source, _bar(source) as bar:
                for position in importer.read(source):
                    bar.update(position - bar.n)
                    bar.set_postfix_str(f"{importer.summary.lines} lines", refresh=False)
            if sys.stderr.isatty():
                self._tell(f"Waiting for the {'buffer' if no_wait else 'writer'} …")
            summary = importer.finish(wait=not no_wait)
        except access_log.Unreadable as error:
            raise CommandError(str(error)) from None
        except feed.Stalled as error:
            raise CommandError(f"{error} {AGAIN}") from None
        except KeyboardInterrupt:
            raise CommandError(f"Stopped behind line {importer.summary.lines}. {AGAIN}", returncode=130) from None
        self._sum_up(summary)

    def _tell(self, sentence: str) -> None:
        tqdm.write(sentence, file=sys.stderr)

    def _report(self, broken: access_log.Broken) -> None:
        self._shown += 1
        if self._shown <= MOST_SHOWN:
            self._tell(f"line {broken.number}: {broken.reason}: {broken.text}")
        elif self._shown == MOST_SHOWN + 1:
            self._tell("More broken lines are counted, but not shown.")

    def _sum_up(self, summary: access_log.Summary) -> None:
        """`9 999 of 10 000 lines imported, 1 broken (line 8899: …)`."""
        done = summary.pushed if summary.stored is None else summary.stored
        verb = "in the buffer" if summary.stored is None else "imported"
        parts = [f"{_grouped(done)} of {_grouped(summary.lines)} lines {verb}"]
        if summary.known:
            parts.append(f"{_grouped(summary.known)} known already")
        if summary.quarantined:
            parts.append(f"{_grouped(summary.quarantined)} in quarantine")
        if first := summary.first_broken:
            where = "line" if summary.broken == 1 else "first: line"
            parts.append(f"{_grouped(summary.broken)} broken ({where} {first.number}: {first.reason})")
        sentence = ", ".join(parts) + "."
        if summary.lines and summary.broken == summary.lines:
            raise CommandError(sentence)
        self.stdout.write(sentence)


def _bar(source: access_log.Source) -> tqdm[Any]:
    """Shown on a terminal only."""
    return tqdm(total=source.size, unit="B", unit_scale=True, disable=None, desc=source.name, file=sys.stderr)


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
