"""HTTP by hand: what a client sends byte for byte, and every answer that comes back."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

PATIENCE_SECONDS = 20.0
_INSIDES = (b"Traceback", b'File "', b"Error:", b"Exception", b"psycopg", b"site-packages", b"msgspec.")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Why our own format refuses the whole request; '' when it does not."""
        found: str = self.json.get("error", {}).get("code", "") if self.body[:1] == b"{" else ""
        return found

    @property
    def codes(self) -> dict[int, str]:
        """Index → why an event was refused."""
        return {one["index"]: one["code"] for one in self.json["rejected"]}


def kept_alive(address: tuple[str, int]) -> socket.socket:
    """A connection that has had a request already: the pool answers the next one together with those of others."""
    connection = socket.create_connection(address, timeout=PATIENCE_SECONDS)
    connection.sendall(b"OPTIONS /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        received += connection.recv(1 << 16) or pytest.fail("the pool hung up")
    return connection


def talk(
    address: tuple[str, int], sent: bytes | Iterable[bytes], *, ends: bool = True, kept: bool = False
) -> list[Answer]:
    """Every answer to what is sent, read until the pool closes.

    `ends`: then nothing more will come from the client. `kept`: on a connection that is `kept_alive`.
    """
    with kept_alive(address) if kept else socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        with contextlib.suppress(ConnectionError):  # it may close before it has read everything
            for piece in [sent] if isinstance(sent, bytes) else sent:
                connection.sendall(piece)
            if ends:
                connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                received += piece
    return answers(bytes(received))


def answers(received: bytes) -> list[Answer]:
    """The answers of one connection, one behind the other. Raises AssertionError for what no pool should say."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, received[:300]
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        status = int(status_line.split(" ")[1])
        if headers.get("transfer-encoding") == "chunked":
            body, received = _chunks(rest)
        else:
            length = int(headers.get("content-length", 0))
            body, received = rest[:length], rest[length:]
        if status != 100:
            found.append(decent(Answer(status, headers, body)))
    return found


def _chunks(rest: bytes) -> tuple[bytes, bytes]:
    """(a chunked body, what stands behind it)"""
    body = bytearray()
    while True:
        size, _, rest = rest.partition(b"\r\n")
        chunk, rest = rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        if not chunk:
            return bytes(body), rest
        body += chunk


def decent(answer: Answer) -> Answer:
    """The same answer. Raises AssertionError when it breaks down, or shows something of the inside."""
    assert answer.status < 500 or answer.status in {501, 505}, (answer.status, answer.body[:500])
    for sign in _INSIDES:
        assert sign not in answer.body, answer.body[:500]
    assert "set-cookie" not in answer.headers
    return answer
