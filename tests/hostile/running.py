"""The ingest pool as hostile clients see it, and the rows that become of what it accepts."""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg.rows import dict_row

from analytics.pipeline.writer import Writer
from analytics.sites.create import Created
from analytics.store import db
from tests.hostile import exchange
from tests.hostile.exchange import Answer

OWN = "/v1/events"
PROMPT_SECONDS = 20
"""What costs no time takes less, however busy the machine; what a hostile client hopes for takes minutes."""
PLAUSIBLE = "/api/event"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
AGAIN = 3
"""So often a request is sent again that could not be stored."""
Row = dict[str, Any]


def batch(events: Sequence[Any], **envelope: Any) -> bytes:
    """A body of our own format for example.com."""
    return json.dumps({"site": "example.com", "events": events, **envelope}, ensure_ascii=False).encode()


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> Answer:
    connection.request(method, path, body or None, headers)
    reply = connection.getresponse()
    return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def _marked(mark: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a visitor who never comes again, to be found by its id."""
    return {"name": "pageview", "event_id": mark, "visitor_id": mark, **event}


class Pool:
    """An ingest pool, and a writer beside it. Tests find their own events by ids that nobody else uses."""

    def __init__(self, address: str, site: Created, other: Created, environment: dict[str, str], log: Path) -> None:
        self._reach(address)
        self.site, self.secret_key = site.site, site.secret_key
        self.other, self.other_secret_key = other.site, other.secret_key
        self.environment = environment
        self.log = log
        self.writer = Writer()

    def _reach(self, address: str) -> None:
        where = urlsplit(address)
        self.address = address
        self.socket = (str(where.hostname), int(where.port or 0))

    def at(self, address: str) -> Pool:
        """Another pool on the same stores."""
        other = copy.copy(self)
        other._reach(address)
        return other

    def close(self) -> None:
        self.writer.let_go()

    # --- sending ---

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One well-formed request on a connection of its own."""
        (answer,) = self.many(method, path, [body], {"Connection": "close"} | dict(headers or {}))
        return answer

    def many(
        self, method: str, path: str, bodies: Iterable[bytes], headers: Mapping[str, str] | None = None
    ) -> Iterator[Answer]:
        """One request after the other, on as few connections as the pool allows."""
        connection = http.client.HTTPConnection(*self.socket, timeout=exchange.PATIENCE_SECONDS)
        given = {"User-Agent": CHROME} | dict(headers or {})
        with contextlib.closing(connection):
            for body in bodies:
                answer = _ask(connection, method, f"/{path.removeprefix('/')}", body, given)
                for _ in range(AGAIN):
                    if answer.status != 503:
                        break
                    # A machine with other things to do may keep a store waiting: then the same is sent again.
                    time.sleep(int(answer.headers["retry-after"]))
                    answer = _ask(connection, method, f"/{path.removeprefix('/')}", body, given)
                yield exchange.decent(answer)

    def post(self, body: bytes, path: str = OWN, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, headers)

    def send(self, *events: Any, headers: Mapping[str, str] | None = None, **envelope: Any) -> Answer:
        """Events of our own format for example.com."""
        return self.post(batch(events, **envelope), headers=headers)

    def raw(self, sent: bytes | Iterable[bytes], *, ends: bool = True, kept: bool = False) -> list[Answer]:
        """Bytes as they are, and every answer. See exchange.talk."""
        return exchange.talk(self.socket, sent, ends=ends, kept=kept)

    def one(self, headers: Mapping[str, str] | None = None, **event: Any) -> Row | str:
        """The row that one event of our own format becomes, or the code with which it is refused."""
        mark = str(uuid.uuid4())
        answer = self.send(_marked(mark, event), headers=headers)
        if answer.status != 202:
            return answer.code
        return answer.codes.get(0) or self.event(mark)

    def ones(self, events: Sequence[Mapping[str, Any]], headers: Mapping[str, str] | None = None) -> list[Row | str]:
        """The same of many events, in requests as large as allowed."""
        marks = [str(uuid.uuid4()) for _ in events]
        refused: dict[int, str] = {}
        for at in range(0, len(events), 500):
            pairs = zip(events[at : at + 500], marks[at : at + 500], strict=True)
            answer = self.send(*(_marked(mark, event) for event, mark in pairs), headers=headers)
            assert answer.status == 202, answer.body
            refused |= {at + index: code for index, code in answer.codes.items()}
        self.drain()
        rows = {str(row["event_id"]): row for row in self.rows("event.event_id = ANY($1::uuid[])", [marks])}
        return [refused.get(n) or rows[mark] for n, mark in enumerate(marks)]

    # --- what became of it ---

    def drain(self) -> None:
        """Write everything that was accepted."""
        self.writer.claim()
        while self.writer.drain_once():
            pass

    def rows(self, where: str, values: Sequence[Any]) -> list[Row]:
        """Events with their hits (`payload`, `flags` …), in the order they came."""
        return self._select(
            "SELECT hit.*, event.* FROM event JOIN hit ON hit.hit_id = event.hit_id"
            f" WHERE {where} ORDER BY event.hit_id",
            values,
        )

    def event(self, mark: str) -> Row:
        """The one event with this id."""
        self.drain()
        (row,) = self.rows("event.event_id = $1::uuid", [mark])
        return row

    def hits(self, text: str) -> list[Row]:
        """Hits, refused or not, whose payload has the text."""
        self.drain()
        return self._select("SELECT * FROM hit WHERE strpos(payload, $1) > 0 ORDER BY hit_id", [text])

    def is_alive(self) -> bool:
        """Whether an ordinary event is still counted."""
        return isinstance(self.one(url="/alive"), dict)

    def _select(self, statement: str, values: Sequence[Any]) -> list[Row]:
        with db.transaction() as cursor, cursor.connection.cursor(row_factory=dict_row) as named:
            named.execute(statement, values)
            return named.fetchall()
