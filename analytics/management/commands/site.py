"""`bin/manage site`: sites, their ids, aliases, switches, limits and keys."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.management import site_actions
from analytics.sites import change, create


class Command(BaseCommand):
    help = "Make sites, list them, and change what the door and the reports know of them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in site_actions.ACTIONS.items():
            its_parser = actions.add_parser(name, help=action.help)
            action.arguments(its_parser)
            its_parser.add_argument("--json", action="store_true", dest="as_json", help="for scripts")

    def handle(self, *_: Any, action: str, as_json: bool, **options: Any) -> None:
        chosen = site_actions.ACTIONS[action]
        try:
            found = chosen.run(options)
        except (create.BadSite, change.BadChange) as error:
            raise CommandError(str(error)) from None
        if as_json:
            self.stdout.write(msgspec.json.encode(found).decode())
            return
        for line in chosen.lines(found):
            self.stdout.write(line)
