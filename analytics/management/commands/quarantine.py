"""`bin/manage quarantine`: hits that could not be processed."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser

from analytics.management import quarantine_actions


class Command(BaseCommand):
    help = "Look at hits that could not be processed, and let the pipeline try them again."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in quarantine_actions.ACTIONS.items():
            its_parser = actions.add_parser(name, help=action.help)
            action.arguments(its_parser)
            its_parser.add_argument("--json", action="store_true", dest="as_json", help="for scripts")

    def handle(self, *_: Any, action: str, as_json: bool, **options: Any) -> None:
        chosen = quarantine_actions.ACTIONS[action]
        found = chosen.run(options)
        if as_json:
            self.stdout.write(msgspec.json.encode(found).decode())
            return
        for line in chosen.lines(found):
            self.stdout.write(line)
