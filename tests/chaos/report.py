"""What `bin/chaos` shows: a line for each scenario that was run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from tests.chaos import sender
from tests.chaos.trial import Result, Scenario

COLUMNS = ("sent", "2xx", "5xx", "retried", "stored", "duplicate", "quarantine", "lost", "balance", "s", "result")
WIDTHS = (7, 7, 6, 8, 7, 10, 11, 6, 18, 6, 8)
NAME = 48


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def listing(table: Iterable[Scenario]) -> None:
    """The scenarios, with what is expected of each."""
    for one in table:
        marks = ", ".join(name for name, true in (("quick", one.quick), ("worst ten", one.worst)) if true)
        say(f"{one.number:6} {one.title:{NAME}} {one.expected}{f' [{marks}]' if marks else ''}")


def head() -> None:
    """The names of the columns."""
    say(f"\n{'':6} {'':{NAME}}" + "".join(f"{name:>{width}}" for name, width in zip(COLUMNS, WIDTHS, strict=True)))


def line(result: Result) -> None:
    """One scenario's figures; events, but for answers 5xx and retried requests."""
    requests, found = result.sent.requests, result.found
    answers = sender.answers(requests)
    figures = (
        len(result.sent.all) + len(result.sent.poison),
        len(result.sent.acknowledged),
        sum(n for status, n in answers.items() if isinstance(status, int) and status >= 500),
        sum(len(one.answers) > 1 for one in requests),
        found.stored.total(),
        found.duplicates,
        found.quarantined,
        len(found.lost),
        result.balance,
        f"{result.seconds:.0f}",
        result.verdict,
    )
    text = "".join(f"{figure:>{width}}" for figure, width in zip(figures, WIDTHS, strict=True))
    say(f"{result.scenario.number:6} {result.scenario.title:{NAME}}{text}")
    if result.note:
        say(f"{'':6} {'':3}{result.note}")


def summary(results: Sequence[Result], seconds: float) -> None:
    """How many of each verdict."""
    names = ("ok", "skipped", "FAILED")
    counts = ", ".join(f"{sum(one.verdict == name for one in results)} {name}" for name in names)
    say(f"\n{len(results)} runs in {seconds:.0f} s: {counts}")
    for one in results:
        if one.verdict == "FAILED":
            say(f"FAILED {one.scenario.number} {one.scenario.title}: {one.note}")
