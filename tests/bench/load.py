"""HTTP load from a process of its own: keep-alive connections, each sending its next request when the answer has come.

    python -m tests.bench.load PORT CONNECTIONS SECONDS EVENTS

`EVENTS` in each request, every one with an id of its own. Prints one line of JSON: what was answered, how fast.
"""

from __future__ import annotations

import itertools
import json
import os
import selectors
import socket
import sys
import time
from collections import Counter

AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
EVENT = (
    '{"name":"pageview","url":"https://bench.example/pricing/plans?utm_source=newsletter&utm_medium=email",'
    '"referrer":"https://www.google.com/","title":"Plans and pricing","event_id":"%s","screen":"1920x1080",'
    '"language":"en-GB","props":{"plan":"pro","logged_in":"true"}}'
)
PLACE = "00000000-0000-0000-0000-000000000000"


class Connection:
    """One connection; its next request is ready to go."""

    def __init__(self, port: int, events: int, numbers: itertools.count[int]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        body = '{"site":"bench.example","events":[' + ",".join([EVENT % PLACE] * events) + "]}"
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: bench.example\r\nContent-Type: text/plain;charset=UTF-8\r\n"
            f"User-Agent: {AGENT}\r\nAccept: */*\r\nAccept-Language: en-GB,en;q=0.9\r\nOrigin: https://bench.example\r\n"
            f"Referer: https://bench.example/\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._pieces = (head + body).encode().split(PLACE.encode())
        self._numbers = numbers
        self._run = f"{os.getpid():08x}-0000-7000-8000-".encode()
        self.began_at = 0.0
        self.received = b""

    def send(self, now: float) -> None:
        """The next request, all of it."""
        request = self._pieces[0]
        for piece in self._pieces[1:]:
            request += self._run + b"%012x" % next(self._numbers) + piece
        self.began_at = now
        self.socket.setblocking(True)
        self.socket.sendall(request)
        self.socket.setblocking(False)

    def answered(self) -> int:
        """The status when the answer is complete, else 0. Raises ConnectionError when the server has hung up."""
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("the server hung up")
        self.received += more
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or not _complete(head.lower(), body):
            return 0
        status, self.received = int(head[9:12]), b""
        return status


def _complete(head: bytes, body: bytes) -> bool:
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)


def run(port: int, connections: int, seconds: float, events: int) -> dict[str, object]:
    """{statuses, seconds, cpu_seconds, latencies_ms: {p50, p99, max}}"""
    numbers = itertools.count()
    selector = selectors.EpollSelector()
    for _ in range(connections):
        connection = Connection(port, events, numbers)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(time.perf_counter())
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    began_at = time.perf_counter()
    while (now := time.perf_counter()) < began_at + seconds:
        for key, _ in selector.select(1.0):
            connection = key.data
            if status := connection.answered():
                statuses[status] += 1
                now = time.perf_counter()
                latencies.append(now - connection.began_at)
                connection.send(now)
    latencies.sort()
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        "statuses": {str(status): n for status, n in statuses.items()},
        "seconds": now - began_at,
        "cpu_seconds": time.process_time(),
        "latencies_ms": {
            name: round(latencies[int((len(latencies) - 1) * share)] * 1000, 2) for name, share in places.items()
        },
    }


if __name__ == "__main__":
    port, connections, seconds, events = sys.argv[1:]
    sys.stdout.write(json.dumps(run(int(port), int(connections), float(seconds), int(events))) + "\n")
