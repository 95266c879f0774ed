"""Endless traffic of the demo site over HTTP, each visitor behind an X-Forwarded-For as a load balancer sets it."""

from __future__ import annotations

import contextlib
import heapq
import http.client
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, TextIO
from urllib.parse import urlsplit

import msgspec

from analytics.ingest.demo import visitors, world

EVENTS_PER_VISIT = 5.5
"""About; for the rate."""
PLAUSIBLE_SHARE = 0.25
TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long an event is offered again when the door is away."""
_PLAUSIBLE_WORDS = {"name": "n", "url": "u", "referrer": "r", "props": "p", "revenue": "$", "interactive": "i"}
_PLAUSIBLE_WORDS |= {"engagement_ms": "e", "scroll": "sd"}


@dataclass(frozen=True, slots=True)
class Options:
    """Where to, how many events a second, and where ids and answers are written (a path; empty: nowhere)."""

    url: str
    rate: float = 1.0
    ids_file: str = ""
    seed: int | None = None


@dataclass
class Traffic:
    """Sends until `stop` is called. `tell` gets a sentence when the door goes away and when it is back."""

    options: Options
    tell: Callable[[str], None]
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._random = Random(self.options.seed)
        self._model = visitors.Model(self._random)
        self._door = Door(self.options.url)
        self._due: list[tuple[float, int, visitors.Person, dict[str, Any], bool]] = []
        self._number: Iterator[int] = itertools.count()

    def stop(self, *_: object) -> None:
        """Return from `run` soon."""
        self._stopping.set()

    def run(self) -> None:
        """Send visits as they come, each event at its time."""
        with (
            contextlib.closing(self._door),
            open(self.options.ids_file or os.devnull, "a", buffering=1, encoding="utf-8") as ids,
        ):
            next_visit_at = time.monotonic()
            while not self._stopping.is_set():
                if time.monotonic() >= next_visit_at:
                    self._begin_visit(next_visit_at)
                    next_visit_at += self._random.expovariate(self.options.rate / EVENTS_PER_VISIT)
                self._send_what_is_due(ids)
                wake_at = min(next_visit_at, self._due[0][0] if self._due else next_visit_at)
                self._stopping.wait(max(0.0, min(wake_at - time.monotonic(), 1.0)))

    def _send_what_is_due(self, ids: TextIO) -> None:
        while self._due and self._due[0][0] <= time.monotonic() and not self._stopping.is_set():
            _, _, person, event, as_plausible = heapq.heappop(self._due)
            status = self._send(person, event, as_plausible=as_plausible)
            ids.write(f"{'-' if as_plausible else event['event_id']} {status}\n")

    def _begin_visit(self, at: float) -> None:
        person = self._model.person()
        as_plausible = self._random.random() < PLAUSIBLE_SHARE and not person.user_id
        for step in self._model.visit(person):
            place = (at + step.after_seconds, next(self._number), person, step.event, as_plausible)
            heapq.heappush(self._due, place)

    def _send(self, person: visitors.Person, event: dict[str, Any], *, as_plausible: bool) -> int:
        """The answer's status; 0 when there was none. With an id an event may be offered again, without it may not."""
        path, body = _plausible(event) if as_plausible else _recount(event)
        given_up_at = time.monotonic() + PATIENCE_SECONDS
        status = self._door.post(path, body, person)
        if status != 202:
            self.tell(f"The door answers {status or 'nothing'}.")
        while status in {0, 429, 502, 503} and not as_plausible:
            if self._stopping.wait(PAUSE_SECONDS) or time.monotonic() > given_up_at:
                break
            status = self._door.post(path, body, person)
            if status == 202:
                self.tell("The door is back.")
        return status


class Door:
    """One connection to the ingest pool, opened again when it breaks."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._secure = urlsplit(url).scheme == "https"
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, person: visitors.Person) -> int:
        """The answer's status; 0 when there was none."""
        headers = {
            "Content-Type": "text/plain",
            "User-Agent": person.user_agent,
            "Accept-Language": person.language,
            "X-Forwarded-For": person.address,
            "Origin": f"https://{world.DOMAIN}",
        }
        try:
            connection = self._open()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0
        return response.status

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, timeout=TIMEOUT_SECONDS)
        return self._connection

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _recount(event: dict[str, Any]) -> tuple[str, bytes]:
    return "/v1/events", msgspec.json.encode({"site": world.DOMAIN, "events": [event]})


def _plausible(event: dict[str, Any]) -> tuple[str, bytes]:
    said = {short: event[long] for long, short in _PLAUSIBLE_WORDS.items() if long in event}
    return "/api/event", msgspec.json.encode({"d": world.DOMAIN} | said)
