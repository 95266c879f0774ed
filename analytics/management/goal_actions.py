"""What `bin/manage goal` can do: the arguments of each action, the call it makes, and how its answer is told."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser

from analytics.management import sites
from analytics.management.actions import Action, Facts, Options
from analytics.sites import goals, saved


def _facts(goal: saved.Goal) -> Facts:
    return {
        "name": goal.name,
        "kind": goal.kind,
        "pattern": goal.pattern,
        "scroll_percent": goal.scroll_percent,
        "props": goal.props,
        "currency": goal.currency,
    }


def _line(facts: Facts) -> str:
    more = [f"{key}={value}" for key, value in facts["props"].items()]
    more += [f"from {facts['scroll_percent']}%"] * bool(facts["scroll_percent"])
    more += [f"in {facts['currency']}"] * bool(facts["currency"])
    return f"{facts['name']:30} {facts['kind']:7} {facts['pattern']:30} {', '.join(more)}".rstrip()


def _lines(found: list[Facts]) -> list[str]:
    return [_line(facts) for facts in found] or [
        'The site has no goal; `bin/manage goal add SITE event "Sign up"` makes one.'
    ]


def _site_argument(parser: ArgumentParser) -> None:
    parser.add_argument("site", help="any id of the site, such as its domain")


def _prop(text: str) -> tuple[str, str]:
    key, is_pair, value = text.partition("=")
    if not (key and is_pair):
        raise argparse.ArgumentTypeError(f"write KEY=VALUE, not {text!r}")
    return key, value


def _add_arguments(parser: ArgumentParser) -> None:
    _site_argument(parser)
    parser.add_argument("kind", choices=saved.Goal.Kind.values, help="what reaches it: an event, a page, scrolling it")
    parser.add_argument(
        "pattern", help="the event's name; or the page, * for anything but /, ** for anything: /blog/**"
    )
    parser.add_argument("--name", default="", help="what reports call it; default: made of the pattern")
    parser.add_argument("--scroll", type=int, metavar="PERCENT", help="how far down the page; of kind scroll only")
    parser.add_argument("--prop", type=_prop, action="append", default=[], metavar="KEY=VALUE", help="the event has it")
    parser.add_argument("--currency", default="", help="ISO 4217: it is about revenue, shown in this currency")


def _add(options: Options) -> list[Facts]:
    more = {
        "name": options["name"],
        "scroll_percent": options["scroll"],
        "props": dict(options["prop"]),
        "currency": options["currency"],
    }
    return [_facts(goals.add(sites.named(options["site"]), options["kind"], options["pattern"], more))]


def _list(options: Options) -> list[Facts]:
    return [_facts(goal) for goal in goals.listed(sites.named(options["site"]))]


def _remove_arguments(parser: ArgumentParser) -> None:
    _site_argument(parser)
    parser.add_argument("name", help="as `goal list` shows it")


def _remove(options: Options) -> list[Facts]:
    goal = goals.named(sites.named(options["site"]), options["name"])
    told = _facts(goal)
    goal.delete()
    return [told]


ACTIONS = {
    "add": Action("make a goal; reports apply it to all of history", _add_arguments, _add, _lines),
    "list": Action("show the goals of a site", _site_argument, _list, _lines),
    "remove": Action("take a goal away; events stay as they are", _remove_arguments, _remove, _lines),
}
