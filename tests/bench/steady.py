"""Requests at a steady pace, whatever becomes of those before: how long each took, from when it was due."""

from __future__ import annotations

import itertools
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 20
Make = Callable[[int], urllib.request.Request]


@dataclass
class Steady:
    """A pace; `run` keeps it from threads of its own until the time is over."""

    name: str
    per_second: float
    make: Make
    """The request of that number."""
    threads: int = 8
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def start(self, seconds: float) -> list[threading.Thread]:
        """The threads, which end by themselves."""
        numbers, began_at = itertools.count(), time.perf_counter()
        last = int(seconds * self.per_second)

        def keep() -> None:
            while (number := next(numbers)) < last:
                due = began_at + number / self.per_second
                time.sleep(max(0.0, due - time.perf_counter()))
                self._send(number, due)

        threads = [threading.Thread(target=keep, daemon=True) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        return threads

    def _send(self, number: int, due: float) -> None:
        try:
            with urllib.request.urlopen(self.make(number), timeout=TIMEOUT_SECONDS) as response:
                response.read()
                status = response.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        self.statuses[status] += 1
        self.seconds.append(time.perf_counter() - due)

    def line(self) -> str:
        """What became of them: statuses (0: no answer), milliseconds."""
        ordered = sorted(self.seconds) or [0.0]
        p50, p95, p99 = (ordered[int((len(ordered) - 1) * share)] * 1000 for share in (0.5, 0.95, 0.99))
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return f"{self.name:44}{p50:8.0f}{p95:8.0f}{p99:8.0f}{ordered[-1] * 1000:9.0f}   {statuses}"
