"""How fast questions are answered, uncached, on a year of one large site among fifty others.

    bin/bench query [--events 10000000] [--rounds 5] [--beside clickhouse postgresql]

The year (`history.py`) goes into the lake, its last days into TimescaleDB too; then the fixed list of `questions.py` is
asked turn about, every answer computed afresh, and median and p95 of each are told. Beside it, in the same run and
demanded to give the same answers: embedded ClickHouse, when the package `chdb` is installed, and the same statements
over plain rows of PostgreSQL, which then get the whole year. Targets, at 10 million events on 2 cores: all questions
together no slower than ClickHouse, 30 days under 150 ms, 12 months under 900 ms, the questions of a whole 30-day
dashboard under 500 ms together, at most 40 bytes of an event in the lake. Everything stays on the loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command

from analytics.lake import duck
from analytics.reports import fragments, hot, plan, run, sql
from analytics.reports.query import Query
from tests.bench import history
from tests.bench.clickhouse import ClickHouse, is_there
from tests.bench.ingest import say
from tests.bench.questions import QUESTIONS
from tests.bench.stored import in_lake

DASHBOARD = ("totals", "series by day", "pages", "sources", "countries", "entry pages, bounce rate")
RECOUNT, CLICKHOUSE, POSTGRESQL = "Recount", "ClickHouse", "PostgreSQL"
PATIENT = plan.Limits(engine=duck.Limits(timeout_seconds=300))
SLOW_ROUNDS = 1
"""PostgreSQL needs seconds for what takes the others milliseconds."""

Rows = list[tuple[Any, ...]]
Engine = Callable[[Query], Rows]
Times = dict[tuple[str, str], list[float]]
"""(question, engine) → seconds of its answers."""


def recount(query: Query) -> Rows:
    """The product's answer, computed afresh."""
    return [(*row.dimensions, *row.metrics) for row in run.answer(query, dt.datetime.now(dt.UTC)).rows]


def postgresql(query: Query) -> Rows:
    """The same statement over the rows of TimescaleDB alone."""
    found = hot.answer(query, sql.compose(query, fragments.TIMESCALEDB), PATIENT)
    words = sum(name.startswith("time:") for name in query.dimensions)
    return [(*map(str, row[:words]), *row[words:-1]) for row in found.rows]


def measure(engines: dict[str, Engine], rounds: int, now: dt.datetime) -> Times:
    """Warm: the first round is not counted, but its answers are compared."""
    found: Times = defaultdict(list)
    for turn in range(rounds + 1):
        for question in QUESTIONS:
            query, answers = question.query(history.LARGE_SITE, now), {}
            for name, ask in engines.items():
                if name == POSTGRESQL and turn > SLOW_ROUNDS:
                    continue
                began_at = time.perf_counter()
                answers[name] = ask(query)
                if turn:
                    found[question.name, name].append(time.perf_counter() - began_at)
            if not turn:
                _demand_equal(question.name, answers)
    return found


def _demand_equal(question: str, answers: dict[str, Rows]) -> None:
    wanted = [row for row in answers.pop(RECOUNT) if any(row[-2:])]  # days without events are filled in
    for engine, rows in answers.items():
        if not (len(rows) == len(wanted) and all(map(_equal, rows, wanted))):
            raise SystemExit(f"{question}: {engine} says {rows[:3]}, Recount says {wanted[:3]}")


def _equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(
        a == b if isinstance(b, str) or b is None else math.isclose(float(a), b, rel_tol=1e-6)
        for a, b in zip(one, other, strict=True)
    )


def table(found: Times, engines: list[str]) -> None:
    """Milliseconds: a line for each question, then sums."""
    say(f"{'':44}" + "".join(f"{name + ' ms':>16}{'p95':>8}" for name in engines))
    medians: dict[tuple[str, str], float] = {}
    for question in dict.fromkeys(question for question, _ in found):
        line = f"{question:44}"
        for engine in engines:
            seconds = sorted(found[question, engine])
            medians[question, engine] = statistics.median(seconds) * 1000
            line += f"{medians[question, engine]:16.0f}{seconds[math.ceil(0.95 * len(seconds)) - 1] * 1000:8.0f}"
        say(line)
    for label, chosen in _SUMS.items():
        sums = [
            sum(ms for (question, of), ms in medians.items() if of == name and chosen(question)) for name in engines
        ]
        say(f"{label:44}" + "".join(f"{total:16.0f}{'':8}" for total in sums))


_SUMS: dict[str, Callable[[str], bool]] = {
    "all questions together": lambda question: True,
    "a 30-day dashboard, one after the other": lambda question: question in {f"30 days: {name}" for name in DASHBOARD},
}


@contextlib.contextmanager
def beside(names: list[str]) -> Iterator[ClickHouse | None]:
    """ClickHouse, if it is wanted and there."""
    if "clickhouse" not in names:
        yield None
    elif not is_there():
        say("The package chdb is not installed: ClickHouse is left out.")
        yield None
    else:
        with ClickHouse() as clickhouse:
            yield clickhouse


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench query", description="How fast questions are answered.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000_000, help="of the large site, over a year")
    parser.add_argument("--days", type=int, default=history.DAYS)
    parser.add_argument("--beside", nargs="*", choices=["clickhouse", "postgresql"], default=["clickhouse"])
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    days_hot = options.days + 1 if "postgresql" in options.beside else PATIENT.span_days + 2
    began_at = time.perf_counter()
    with beside(options.beside) as clickhouse:
        year = history.Year(options.events, now, options.days)
        rows = history.load(year, now - dt.timedelta(days=days_hot), clickhouse.load if clickhouse else None)
        engines: dict[str, Engine] = {RECOUNT: recount}
        if clickhouse:
            clickhouse.finish()
            engines[CLICKHOUSE] = clickhouse.answer
        if "postgresql" in options.beside:
            engines[POSTGRESQL] = postgresql
        say(
            f"{rows:,} events loaded after {time.perf_counter() - began_at:.0f} s, {in_lake('events'):.1f} bytes each"
            f" in the lake{f', {clickhouse.bytes_per_row():.1f} in ClickHouse' if clickhouse else ''};"
            f" {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; uncached."
        )
        table(measure(engines, options.rounds, now), list(engines))


if __name__ == "__main__":
    main()
