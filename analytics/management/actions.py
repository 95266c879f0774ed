"""Commands with actions, such as `bin/manage site create`: each says what it did in lines, or as JSON for scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

Facts = dict[str, Any]
Options = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """The arguments of an action, the call it makes, and how its answer is told."""

    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options], Any]
    lines: Callable[[Any], Iterable[str]]


class ActionsCommand(BaseCommand):
    """A command made of a table of actions. What is among `refusals` is told without a traceback."""

    actions: Mapping[str, Action]
    refusals: tuple[type[Exception], ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One parser for each action."""
        parsers = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in self.actions.items():
            its_parser = parsers.add_parser(name, help=action.help)
            action.arguments(its_parser)
            its_parser.add_argument("--json", action="store_true", dest="as_json", help="for scripts")

    def handle(self, *_: Any, action: str, as_json: bool, **options: Any) -> None:
        """Run the action and tell its answer."""
        chosen = self.actions[action]
        try:
            found = chosen.run(options)
        except self.refusals as error:
            raise CommandError(str(error)) from None
        if as_json:
            self.stdout.write(msgspec.json.encode(found).decode())
            return
        for line in chosen.lines(found):
            self.stdout.write(line)
