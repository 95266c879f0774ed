"""Open-loop load from a process of its own: requests come at a fixed rate, however long the answers take.

    python -m tests.chaos.load '{"port": …, "file": …, "site": …, "rate": …, "first": …}'

Every event has a number, which is its path (`/17`), and most have an id. A request that was not answered 2xx is sent
again with the same ids, as clients do; events without ids are sent once. Some requests are sent again although they
were answered. Until SIGTERM; then what is under way is finished. One line of JSON per request goes to the file:
{"numbers": […], "ids": true, "at": …, "answers": [[status or what went wrong, milliseconds, Retry-After], …]}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import UUID

ANSWER_SECONDS = 10.0
FINISH_SECONDS = 25.0
"""How long after the end requests go on being repeated."""
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
VISITORS = 211
EVERY, BATCH = 10, 5
"""One in ten requests brings five events, one has no ids, one is sent twice."""
MOST_REQUESTS = 200_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Plan:
    port: int
    file: str
    site: str
    rate: float
    first: int
    """The number of the first event."""
    retries_429: bool = True


class Failed(Exception):
    """No answer came; the message is one of refused, reset, timeout, stale."""


class Load:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.idle: deque[Connection] = deque()
        self.stop = asyncio.Event()
        self.give_up_at = float("inf")
        self.number = plan.first
        self.log = open(plan.file, "a", buffering=1)  # noqa: SIM115  # closed with the process

    async def run(self) -> None:
        """Send until told to stop, then see everything through."""
        under_way: set[asyncio.Task[None]] = set()
        began_at = time.monotonic()
        for turn in range(MOST_REQUESTS):
            late = began_at + turn / self.plan.rate - time.monotonic()
            if late > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), late)
            if self.stop.is_set():
                break
            task = asyncio.ensure_future(self._request(turn))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        self.give_up_at = time.monotonic() + FINISH_SECONDS
        while under_way:
            await asyncio.wait(under_way)

    async def _request(self, turn: int) -> None:
        """One request, until it is answered 2xx."""
        has_ids, again = turn % EVERY != 3, turn % EVERY == 5
        numbers = [self._next() for _ in range(BATCH if turn % EVERY == 7 else 1)]
        body = self._body(numbers, has_ids)
        note: dict[str, Any] = {"numbers": numbers, "ids": has_ids, "at": time.time(), "answers": []}
        for attempt in range(1000):
            answer = await self._attempt(body, lasting=has_ids)
            note["answers"].append(answer)
            if answer[0] == 202 and not again:
                break
            again = again and answer[0] != 202
            if not has_ids or time.monotonic() > self.give_up_at or (answer[0] == 429 and not self.plan.retries_429):
                break
            if answer[0] not in (202, "stale"):
                await asyncio.sleep(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS) - 1)])
        self.log.write(json.dumps(note) + "\n")

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _body(self, numbers: list[int], has_ids: bool) -> bytes:
        events = [
            {
                "name": "pageview",
                "url": f"https://{self.plan.site}/{number}",
                "visitor_id": f"visitor-{numbers[0] % VISITORS}",
                **({"event_id": str(UUID(int=number + (7 << 96)))} if has_ids else {}),
            }
            for number in numbers
        ]
        return json.dumps({"site": self.plan.site, "events": events}).encode()

    async def _attempt(self, body: bytes, *, lasting: bool) -> tuple[int | str, float, bool]:
        """(status or what went wrong, milliseconds, whether it said when to come again)"""
        began_at = time.monotonic()
        status: int | str
        again = False
        try:
            status, again = await asyncio.wait_for(self._exchange(body, lasting), ANSWER_SECONDS)
        except Failed as failed:
            status = str(failed)
        except TimeoutError:
            status = "timeout"
        return status, round((time.monotonic() - began_at) * 1000, 1), again

    async def _exchange(self, body: bytes, lasting: bool) -> tuple[int, bool]:
        connection, reused = await self._connection(lasting)
        reader, writer = connection
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: {self.plan.site}\r\nUser-Agent: {AGENT}\r\n"
            f"Connection: {'keep-alive' if lasting else 'close'}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        done = False
        try:
            writer.write(head.encode() + body)
            status, headers = await _head(reader)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            done = True
        except (OSError, EOFError) as error:
            # A server may close a connection that lies idle; every client then takes a fresh one.
            raise Failed("stale" if reused else "reset") from error
        finally:
            if not done:
                writer.transport.abort()
        if lasting and headers.get("connection") != "close":
            self.idle.append(connection)
        else:
            writer.close()
        if status == 202 and json.loads(content)["rejected"]:
            raise AssertionError(f"the load is not to the door's liking: {content!r}")
        return status, "retry-after" in headers

    async def _connection(self, lasting: bool) -> tuple[Connection, bool]:
        while lasting and self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof():
                return (reader, writer), True
            writer.close()
        try:
            return await asyncio.open_connection("127.0.0.1", self.plan.port), False
        except OSError as error:
            raise Failed("refused") from error


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(lines[0].split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def main() -> None:
    load = Load(Plan(**json.loads(sys.argv[1])))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stop.set)
    await load.run()


if __name__ == "__main__":
    asyncio.run(main())
