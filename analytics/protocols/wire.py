"""What every wire format shares: the request as bytes, its body and query string, and the answer to send.

A format is a module with

    NAME      what hits of it are called; never changes, for stored hits carry it
    IDS       whose ids name its sites: a protocol of `sites.models.PROTOCOLS`, or '' for ours alone
    METHODS   the HTTP methods of its addresses
    split(request) -> Batch            raises Refused for what concerns the whole request
    read(payload) -> ClientEvent       raises Refused; pure, shared with every recount
    answer(request, batch, outcomes) -> Reply
    refuse(request, refused, status) -> Reply     nothing of the request was accepted
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from analytics.events import Limits, Refusal, Refused

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request without Django in it. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    """As it came, perhaps gzip; of one that is too large only the beginning, one byte more than is allowed."""
    complete: bool = True
    """False: the connection ended, or spoke nonsense, before the body ended."""


class Addressed(msgspec.Struct, frozen=True):
    """One event's own payload, and the site it is for: any id of it."""

    site: str
    payload: str
    name: str = ""
    """What the answer calls this event, in protocols that answer by the client's own ids."""


class Batch(msgspec.Struct, frozen=True):
    events: tuple[Addressed, ...]
    sent_at: str | int | float | None = None
    """The client's clock when it sent, as given."""
    secret: str = ""
    """The secret key that came with it: refused when it is unknown."""
    foreign_secret: str = ""
    """The secret of another service's client: it counts when it is a secret key of ours, else for nothing."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event of the request."""

    index: int
    refused: Refusal | None = None
    message: str = ""
    visitor_id: int = 0
    """Whom the event was counted for."""


class Reply(msgspec.Struct, frozen=True):
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent GIF of 43 bytes."""


def pixel(status: int = 200) -> Reply:
    """What an <img> gets."""
    return Reply(status, PIXEL, "image/gif")


def text(request: Request) -> str:
    """The body as text, inflated when it is gzip (said or not). Raises Refused."""
    try:
        return body(request).decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(Refusal.BAD_JSON, "This is not valid JSON: it is not UTF-8.") from None


def body(request: Request) -> bytes:
    """The body, inflated when it is gzip (said or not). Raises Refused."""
    body = request.body
    if not request.complete:
        raise Refused(Refusal.BAD_JSON, "The body was cut off; send it again.")
    if len(body) > Limits.BODY_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body is larger than {Limits.BODY_BYTES} bytes; send smaller batches.")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Refused(Refusal.BAD_ENCODING, "Send the body plain or with Content-Encoding: gzip.")
    if encoding.endswith("gzip") or body[:2] == b"\x1f\x8b":
        return inflate(body)
    return body


def inflate(body: bytes) -> bytes:
    """What gzip has packed, one layer. Raises Refused, also for what would grow too large."""
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read(Limits.INFLATED_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Refused(Refusal.BAD_JSON, "The body is not valid gzip, or was cut off.") from None
    if len(plain) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body inflates to more than {Limits.INFLATED_BYTES} bytes.")
    return plain


def parameters(query: str) -> dict[str, str]:
    """The parameters of a query string or form; of a name that comes twice the last one counts. Raises Refused."""
    try:
        return dict(parse_qsl(query.lstrip("?"), keep_blank_values=True, errors="replace", max_num_fields=1000))
    except ValueError:
        raise Refused(Refusal.BAD_FIELD, "A query string has at most 1000 parameters.") from None


def few(events: Iterable[Any], most: int = Limits.EVENTS_PER_REQUEST) -> list[Any]:
    """The events of a request. Raises Refused when there are none or too many."""
    found = list(events)
    if not found:
        raise Refused(Refusal.NO_EVENTS, "There are no events in this request.")
    if len(found) > most:
        raise Refused(Refusal.TOO_MANY_EVENTS, f"A request has at most {most} events; send more requests.")
    return found


def together(own: msgspec.Raw, shared: Mapping[str, Any]) -> str:
    """The payload `[own, shared]` of an event to which its request's envelope belongs; Raw parts stay as they came."""
    return msgspec.json.encode([own, shared]).decode()


def each_together(events: Sequence[msgspec.Raw], shared: Mapping[str, Any]) -> list[str]:
    """The payloads of a request's events with what its envelope shares.

    Raises Refused when that is more than a body may be: repeated with each event, kilobytes would become a hundred
    megabytes.
    """
    if len(msgspec.json.encode(shared)) * len(events) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, "What the events share is too large for so many; send smaller batches.")
    return [together(event, shared) for event in events]


def apart(payload: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(own, shared) of a payload that `together` made. Raises Refused."""
    own, shared = decode(payload, tuple[dict[str, Any], dict[str, Any]])
    return own, shared


def decode(raw: str, shape: type[Any] = object) -> Any:
    """JSON as `shape`. Raises Refused that says where it is wrong.

    Half of an emoji that JavaScript cut in two is read as U+FFFD: it must not cost the event.
    """
    try:
        try:
            return msgspec.json.decode(raw, type=shape)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            whole = mend(raw)
            if whole == raw:
                raise
            return msgspec.json.decode(whole, type=shape)
    except msgspec.ValidationError as error:
        raise Refused(Refusal.BAD_FIELD, str(error)) from None
    except RecursionError:
        raise Refused(Refusal.BAD_JSON, "This is nested too deeply.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused(Refusal.BAD_JSON, f"This is not valid JSON: {error}") from None


def mend(raw: str) -> str:
    """The JSON with U+FFFD for lone surrogates, each escape as long as before."""
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], raw)
