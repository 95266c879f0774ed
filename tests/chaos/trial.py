"""One scenario, once: steady load, the fault, heal, drain, and the comparison."""

from __future__ import annotations

import json
import random
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from analytics.sites import create, models
from tests import processes
from tests.chaos import oracle, sender
from tests.chaos.children import Child
from tests.chaos.instance import World
from tests.chaos.oracle import Found, Sent
from tests.chaos.sender import Request, Sender, post
from tests.chaos.servers import NotPermitted

Check = Callable[[Sent], None]
"""Looks at the answers that the load got. Raises AssertionError."""
RATE = 100.0
DETECT_SECONDS = 60.0


@dataclass(frozen=True)
class Scenario:
    """One line of the table in `table.py`."""

    number: str
    """In the catalogue of faults."""
    title: str
    expected: str
    fault: Callable[[Trial], None]
    quick: bool = False
    """Part of `--quick`, which `bin/test` runs."""
    worst: bool = False
    """One of the ten that are repeated at random moments."""


@dataclass
class Result:
    """A line of the table that is shown."""

    scenario: Scenario
    sent: Sent = field(default_factory=Sent)
    found: Found = field(default_factory=Found)
    balance: str = "-"
    seconds: float = 0.0
    verdict: str = ""
    """`ok`, `skipped` or `FAILED`."""
    note: str = ""


class Trial:
    """What a scenario's fault gets to work with. A fresh site is its own."""

    def __init__(self, world: World, moments: random.Random, *, brief: bool) -> None:
        connections.close_all()  # the scenario before may have broken them
        self.world = world
        self.moments = moments
        self.brief = brief
        """Shorter waits, for `--quick` and for what is repeated."""
        self.site: models.Site = create.site(f"s{time.time_ns()}.example", organisation="Chaos").site
        self.sent = Sent()
        self.checks: list[Check] = []
        self.loses = ""
        """The fault destroys what was acknowledged: the `entries`, which the books then show exactly, or `everything`
        that the buffer holds, the door's counters of the last seconds included. It must be noticed."""
        self.note = ""
        self.drain_seconds = oracle.DRAIN_SECONDS
        self._senders: list[Sender] = []
        self._mark = world.mark()

    def load(self, rate: float = RATE, site: str = "", *, retries_429: bool = True) -> Sender:
        """Start a load, by default the steady one on the scenario's own site."""
        number = len(self._senders)
        file = self.world.known.home.path / "load" / f"{self.site.domain}-{number}.jsonl"
        one = Sender(self.world.port, file, site or self.site.domain, rate, number * 10_000_000, retries_429)
        self._senders.append(one)
        return one.start(self.world.known.environment())

    def finish(self, one: Sender, *, counts: bool = True) -> list[sender.Request]:
        """End a load; its events are compared with the stores unless they are another site's."""
        self._senders.remove(one)
        requests = one.finish()
        if counts:
            self.sent.requests += requests
        return requests

    def finish_loads(self) -> None:
        for one in list(self._senders):
            self.finish(one)

    def pause(self, brief: float, full: float) -> None:
        """Let things go on for a random while of up to so many seconds, at least a third of it."""
        most = brief if self.brief else full
        time.sleep(self.moments.uniform(most / 3, most))

    def logged(self, writer: Child | None = None) -> str:
        """What the writers, or one of them, have said since the scenario began."""
        mark = {path: size for path, size in self._mark.items() if writer is None or path == writer.log}
        return self.world.logged_since(mark)

    def send_event(self, event: Mapping[str, Any]) -> str:
        """Send one event beside the load, under a number of its own: `accepted`, why it was refused, or the status."""
        number = 70_000_000 + len(self.sent.requests)
        body = json.dumps({"site": self.site.domain, "events": [{**event, "url": f"/{number}"}]}).encode()
        try:
            status, content = post(self.world.port, body)
        except OSError:
            status, content = 0, b""
        rejected = json.loads(content)["rejected"] if status == 202 else []
        answer = (0 if rejected else status, 0.0, False)
        self.sent.requests.append(Request((number,), False, time.time(), (answer,)))
        if status != 202:
            return str(status)
        return str(rejected[0]["code"]) if rejected else "accepted"

    def expect(self, check: Check) -> None:
        """Look at the answers when the load has ended."""
        self.checks.append(check)


def run(world: World, scenario: Scenario, moments: random.Random, *, brief: bool) -> Result:
    """Run a scenario; whatever goes wrong is in the result."""
    began_at = time.monotonic()
    result = Result(scenario)
    trial = Trial(world, moments, brief=brief)
    try:
        _run(trial, scenario, result)
    except NotPermitted as reason:
        result.verdict, result.note = "skipped", str(reason)
    except Exception as error:
        trace = traceback.extract_tb(error.__traceback__)[-1]
        result.verdict = "FAILED"
        result.note = f"{type(error).__name__}: {error} ({trace.filename.rpartition('/')[2]}:{trace.lineno})"
    _put_right(trial, result)
    result.seconds = time.monotonic() - began_at
    return result


def _run(trial: Trial, scenario: Scenario, result: Result) -> None:
    world = trial.world
    result.sent = trial.sent
    trial.load()
    # Writers take some seconds to start; from here on all of it runs.
    processes.wait_until(lambda: oracle.has_stored(trial.site.pk), "the first events are stored")
    trial.pause(1.5, 3)
    scenario.fault(trial)
    world.heal()
    trial.pause(1, 3)
    trial.finish_loads()
    oracle.drain(trial.drain_seconds)
    world.export()
    result.found = oracle.examine(trial.site.pk, trial.sent)
    _judge(trial, result)
    result.note = trial.note
    result.verdict = "ok"


def _judge(trial: Trial, result: Result) -> None:
    found = result.found
    assert trial.sent.acknowledged, "nothing was acknowledged"
    assert not found.complaints, "; ".join(found.complaints)
    environment = trial.world.known.environment()
    if trial.loses:
        _judge_loss(trial, result)
    else:
        assert not found.lost, f"{len(found.lost)} acknowledged events are lost, such as {min(found.lost)}"
        books = oracle.balance(environment)
        result.balance = str(books.code)
        assert books.code == 0, f"the books do not balance: {books.text.strip()}"
    for check in trial.checks:
        check(trial.sent)


def _judge_loss(trial: Trial, result: Result) -> None:
    """The loss was noticed, the balance shows it, and after it was written off the books balance."""
    lost = len(result.found.lost)
    deadline = time.monotonic() + DETECT_SECONDS
    while " ERROR " not in trial.logged():
        assert time.monotonic() < deadline, f"{lost} events were lost and no writer has said so as an error"
        time.sleep(0.5)
    environment = trial.world.known.environment()
    books = oracle.balance(environment)
    said = f"{lost} are lost; balance exits {books.code}: {books.text.strip()}"
    assert not lost or "has lost" in books.text, said
    if trial.loses == "entries":
        missing = trial.sent.deliveries - result.found.stored.total() - result.found.duplicates
        assert books.missing == missing, f"{missing} of all that was delivered are missing; {said}"
    if books.code != 0:
        written_off = oracle.balance(environment, "--write-off", "chaos")
        after = oracle.balance(environment)
        assert after.code == 0, f"{said}\nafter the write-off: {written_off.text.strip()}\n{after.text.strip()}"
    result.balance = f"{books.missing} written off"


def _put_right(trial: Trial, result: Result) -> None:
    """Leave an instance in order; after a failure or a loss an empty one."""
    try:
        trial.world.heal()
        trial.finish_loads()
        if result.verdict != "ok" or trial.loses:
            trial.world.reset()
    except Exception as error:
        result.verdict = "FAILED"
        result.note += f"; and the instance could not be put right: {type(error).__name__}: {error}"
        trial.world.start_over()
