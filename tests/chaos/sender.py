"""The load of a scenario: started, stopped, and what its notes say."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import processes
from tests.chaos.children import Child

FINISH_SECONDS = 45.0


@dataclass(frozen=True)
class Request:
    """One request of the load, with every answer it got."""

    numbers: tuple[int, ...]
    """Of its events."""
    ids: bool
    at: float
    answers: tuple[tuple[int | str, float, bool], ...]
    """(status or what went wrong, milliseconds, whether it said when to come again)"""

    @property
    def acknowledged(self) -> bool:
        return any(status == 202 for status, _, _ in self.answers)


@dataclass
class Sender:
    """A process of `load.py`."""

    port: int
    file: Path
    site: str
    rate: float
    first: int
    retries_429: bool = True
    child: Child = field(init=False)

    def start(self, environment: Mapping[str, str]) -> Sender:
        plan = {
            "port": self.port,
            "file": str(self.file),
            "site": self.site,
            "rate": self.rate,
            "first": self.first,
            "retries_429": self.retries_429,
        }
        command = [sys.executable, "-m", "tests.chaos.load", json.dumps(plan)]
        self.child = Child("load", command, environment, self.file.with_suffix(".log"), {"cwd": processes.ROOT})
        self.child.start()
        return self

    def finish(self) -> list[Request]:
        """Stop sending, see everything through. Raises AssertionError when the load itself failed."""
        self.child.send(signal.SIGTERM)
        code = self.child.wait_for_end(FINISH_SECONDS)
        log = self.file.with_suffix(".log").read_text()
        assert code == 0, f"the load ended with {code}: {log[-500:]}"
        assert "Traceback" not in log, f"the load failed: {log[-500:]}"
        return self.requests()

    def requests(self) -> list[Request]:
        """What is noted so far."""
        if not self.file.exists():
            return []
        return [_request(json.loads(line)) for line in self.file.read_text().splitlines() if line.endswith("}")]


def _request(note: dict[str, Any]) -> Request:
    answers = tuple((status, ms, again) for status, ms, again in note["answers"])
    return Request(tuple(note["numbers"]), note["ids"], note["at"], answers)


def answers(requests: list[Request]) -> Counter[int | str]:
    """(status or what went wrong) → how often."""
    return Counter(status for request in requests for status, _, _ in request.answers)


def slowest(requests: list[Request], share: float = 0.99) -> float:
    """The milliseconds within which this share of the answers came, those that never came included."""
    found = sorted(ms for request in requests for _, ms, _ in request.answers)
    return found[int((len(found) - 1) * share)] if found else 0.0


def post(port: int, body: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own; (status, what was answered)."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        answer = b""
        while more := connection.recv(4096):
            answer += more
    return int(answer.split(b" ")[1]), answer.partition(b"\r\n\r\n")[2]
