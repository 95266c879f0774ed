"""Do the books balance?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from analytics.pipeline import books


class Command(BaseCommand):
    help = "Print what came, what became of it and where it is; exit non-zero when anything is missing or doubled."

    def add_arguments(self, parser: CommandParser) -> None:
        told = "book what the sites' books miss as written off, for this reason; they balance again and show it"
        parser.add_argument("--write-off", metavar="REASON", help=told)

    def handle(self, *_: Any, **options: Any) -> None:
        """received = accepted + refused + turned away;
        accepted = stored + duplicate + quarantined + buffered + written off."""
        if options["write_off"] is not None:
            self._write_off(options["write_off"])
        found = books.balance()
        self._print(found)
        if not found.holds:
            raise CommandError("The books do not balance: see the column difference.")
        self.stdout.write("\nThe books balance.")

    def _write_off(self, reason: str) -> None:
        try:
            n = books.write_off(reason, timezone.now())
        except books.NothingToWriteOff as error:
            raise CommandError(f"Nothing was written off: {error}.") from error
        self.stdout.write(f"Written off: {n}.\n")

    def _print(self, found: books.Balance) -> None:
        self._table(found.sites, books.SiteBalance)
        self.stdout.write("")
        self._table(found.stores, books.StoreBalance)
        for one in found.lost:
            lost = f"{one.entries} entries or more, the last time noticed at {one.at:%F %T} UTC"
            self.stdout.write(f"\nPart {one.part} of the buffer has lost {lost}.")

    def _table(self, lines: tuple[Any, ...], kind: type[Any]) -> None:
        names = [*(field.name for field in fields(kind)), "difference"]
        self.stdout.write("  ".join(f"{name.replace('_', ' '):>12}" for name in names))
        for line in lines:
            self.stdout.write("  ".join(f"{getattr(line, name):>{max(12, len(name))}}" for name in names))
