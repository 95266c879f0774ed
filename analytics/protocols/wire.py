"""What every wire format shares: the request as bytes, its body, and the answer to send."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Addressed:
    """One event's own payload, and the site it is for."""

    site: str
    payload: str


@dataclass(frozen=True, slots=True)
class Batch:
    events: tuple[Addressed, ...]
    sent_at: str | int | float | None = None
    """The client's clock when it sent, as given."""
    secret: str = ""
    """The secret key that came with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event of the request."""

    index: int
    refused: Refusal | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def text(request: Request) -> str:
    """The body as text, inflated when it is gzip (said or not). Raises Refused."""
    body = request.body
    if not request.complete:
        raise Refused(Refusal.BAD_JSON, "The body was cut off; send it again.")
    if len(body) > Limits.BODY_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body is larger than {Limits.BODY_BYTES} bytes; send smaller batches.")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise Refused(Refusal.BAD_ENCODING, "Send the body plain or with Content-Encoding: gzip.")
    if encoding.endswith("gzip") or body[:2] == b"\x1f\x8b":
        body = _inflate(body)
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(Refusal.BAD_JSON, "This is not valid JSON: it is not UTF-8.") from None


def _inflate(body: bytes) -> bytes:
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read(Limits.INFLATED_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Refused(Refusal.BAD_JSON, "The body is not valid gzip, or was cut off.") from None
    if len(plain) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body inflates to more than {Limits.INFLATED_BYTES} bytes.")
    return plain


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
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Refused(Refusal.BAD_JSON, f"This is not valid JSON: {error}") from None


def mend(raw: str) -> str:
    """The JSON with U+FFFD for lone surrogates, each escape as long as before."""
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], raw)
