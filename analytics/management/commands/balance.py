"""Do the books balance?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.pipeline import books


class Command(BaseCommand):
    help = "Print what came, what became of it and where it is; exit non-zero when anything is missing or doubled."

    def handle(self, *_: Any, **__: Any) -> None:
        """received = accepted + refused + turned away; accepted = stored + duplicate + quarantined + buffered."""
        found = books.balance()
        self._table(found.sites, books.SiteBalance)
        self.stdout.write("")
        self._table(found.stores, books.StoreBalance)
        if not found.holds:
            raise CommandError("The books do not balance: see the column difference.")
        self.stdout.write("\nThe books balance.")

    def _table(self, lines: tuple[Any, ...], kind: type[Any]) -> None:
        names = [*(field.name for field in fields(kind)), "difference"]
        self.stdout.write("  ".join(f"{name.replace('_', ' '):>12}" for name in names))
        for line in lines:
            self.stdout.write("  ".join(f"{getattr(line, name):>{max(12, len(name))}}" for name in names))
