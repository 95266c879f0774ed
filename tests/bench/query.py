"""How fast questions are answered, uncached, on a year of one large site among fifty others.

    bin/bench query [--events 10000000] [--rounds 5]

The year (`history.py`) goes straight into the lake; then the fixed list of `questions.py` is asked turn about, every
answer computed afresh, and median and p95 of each are told. Targets: 30 days under 150 ms, 12 months under 900 ms, the
questions of a whole 30-day dashboard under 500 ms together, at most 40 bytes of an event in the lake, at 10 million
events. Everything stays on the loopback.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command

from analytics.reports import run
from tests.bench import history
from tests.bench.ingest import say
from tests.bench.questions import QUESTIONS, Question
from tests.bench.stored import in_lake

DASHBOARD = ("totals", "series by day", "pages", "sources", "countries", "entry pages, bounce rate")


def ask(question: Question, now: dt.datetime) -> float:
    """Seconds of one answer, computed afresh."""
    began_at = time.perf_counter()
    run.answer(question.query(history.LARGE_SITE, now), now)
    return time.perf_counter() - began_at


def measure(rounds: int, now: dt.datetime) -> dict[str, list[float]]:
    """Question → seconds of its answers, warm: the first round is not counted."""
    found: dict[str, list[float]] = {question.name: [] for question in QUESTIONS}
    for turn in range(rounds + 1):
        for question in QUESTIONS:
            seconds = ask(question, now)
            if turn:
                found[question.name].append(seconds)
    return found


def table(found: dict[str, list[float]]) -> None:
    say(f"{'':44}{'median ms':>12}{'p95 ms':>10}")
    for name, seconds in found.items():
        ordered = sorted(seconds)
        p95 = ordered[int((len(ordered) - 1) * 0.95)]
        say(f"{name:44}{statistics.median(ordered) * 1000:12.0f}{p95 * 1000:10.0f}")
    medians = {name: statistics.median(seconds) * 1000 for name, seconds in found.items()}
    say(f"{'all questions together':44}{sum(medians.values()):12.0f}")
    panels = sum(medians[f"30 days: {name}"] for name in DASHBOARD)
    say(f"{'a 30-day dashboard, one after the other':44}{panels:12.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench query", description="How fast questions are answered.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000_000, help="of the large site, over a year")
    parser.add_argument("--days", type=int, default=history.DAYS)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    began_at = time.perf_counter()
    rows = history.load(options.events, now, days=options.days)
    say(
        f"{rows:,} events in the lake after {time.perf_counter() - began_at:.0f} s, {in_lake('events'):.1f} bytes each;"
        f" {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; uncached."
    )
    table(measure(options.rounds, now))


if __name__ == "__main__":
    main()
