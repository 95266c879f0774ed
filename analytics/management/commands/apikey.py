"""`bin/manage apikey`: keys that read numbers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.management import sites
from analytics.sites import create


class Command(BaseCommand):
    help = "Make API keys."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        make = parser.add_subparsers(dest="action", required=True, metavar="ACTION").add_parser(
            "create", help="make a key and print it, once: only its hash is kept"
        )
        make.add_argument("--site", required=True, help="any id of the site, such as its domain")
        make.add_argument("--scope", action="append", choices=create.SCOPES, help="repeatable; default: stats:read")
        make.add_argument("--name", default="default", help="what the key is called in the admin")

        make.add_argument(
            "--all-sites", action="store_true", help="of every site of the site's organisation; needed to make sites"
        )

    def handle(self, *_: Any, site: str, name: str, scope: list[str] | None, **options: Any) -> None:
        try:
            found = sites.named(site)
            key = create.api_key(found, scope or ["stats:read"], name, every_site=options["all_sites"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(key)
