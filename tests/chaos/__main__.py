"""`bin/chaos` runs this on an instance of its own; see the package."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import sys
import time
from collections.abc import Iterable

import django

django.setup()

from deploy.local import instance, layout
from tests.chaos import children, report
from tests.chaos.instance import World
from tests.chaos.table import TABLE
from tests.chaos.trial import Result, Scenario, run

ROUNDS = 10


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/chaos",
        description="Break an instance of its own in every way we know; nothing acknowledged may be lost or doubled.",
        epilog="Without a NAME every scenario runs once, then the worst ten ten times. Exits 1 when one fails.",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="numbers of scenarios, such as T40")
    parser.add_argument("--quick", action="store_true", help="a handful, in a minute")
    parser.add_argument("--worst", action="store_true", help="the worst ten alone")
    parser.add_argument("--rounds", type=int, default=0, help=f"how often (the worst ten: {ROUNDS})")
    parser.add_argument("--seed", type=int, default=0, help="makes the random moments those of another run")
    parser.add_argument("--list", action="store_true", help="show the scenarios")
    parser.add_argument("--full-backlog", action="store_true", help="T34 with five million hits")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> Iterable[tuple[Scenario, bool]]:
    """(scenario, whether it is a brief one) in the order they run."""
    if options.names:
        named = [one for one in TABLE if one.number in options.names]
        return [(one, options.quick) for _ in range(options.rounds or 1) for one in named]
    if options.quick:
        return [(one, True) for one in TABLE if one.quick]
    worst = [(one, True) for _ in range(options.rounds or ROUNDS) for one in TABLE if one.worst]
    return worst if options.worst else [*((one, False) for one in TABLE), *worst]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run what was chosen; 1 when anything failed."""
    # A plain kill ends things as Ctrl-C does: in order, with every process that was started.
    signal.signal(signal.SIGTERM, _interrupt)
    options = _parse()
    if options.list:
        report.listing(TABLE)
        return 0
    logging.disable(logging.WARNING)  # the export's own lines would tear the table apart
    seed = options.seed or random.SystemRandom().randrange(1, 1 << 32)
    report.say(f"Random moments of the seed {seed}.")
    results: list[Result] = []
    began_at = time.monotonic()
    try:
        world = World(instance.load(layout.home()))
        world.full_backlog = options.full_backlog
        world.set_up()
        report.say(f"The instance runs after {time.monotonic() - began_at:.0f} s.")
        report.head()
        for turn, (scenario, brief) in enumerate(_chosen(options)):
            # Each has moments of its own, so that a scenario can be repeated alone.
            results.append(run(world, scenario, random.Random(f"{seed} {scenario.number} {turn}"), brief=brief))
            report.line(results[-1])
    except KeyboardInterrupt:
        report.say("Interrupted.")
        return 130
    finally:
        children.end_all()
    report.summary(results, time.monotonic() - began_at)
    return 1 if any(one.verdict == "FAILED" for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
