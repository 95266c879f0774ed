"""What every wire format shares: the request as bytes, its body, and the answer to send."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from analytics.events import Limits, Refusal, Refused


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request without Django in it. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


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
    if len(body) > Limits.BODY_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body is larger than {Limits.BODY_BYTES} bytes; send smaller batches.")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise Refused(Refusal.BAD_ENCODING, "Send the body plain or with Content-Encoding: gzip.")
    if encoding == "gzip" or body[:2] == b"\x1f\x8b":
        body = _inflate(body)
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(Refusal.BAD_ENCODING, "The body is not UTF-8.") from None


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, Limits.INFLATED_BYTES + 1)
    except zlib.error:
        raise Refused(Refusal.BAD_ENCODING, "The body is not valid gzip.") from None
    if len(plain) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body inflates to more than {Limits.INFLATED_BYTES} bytes.")
    if not inflater.eof or inflater.unused_data:
        raise Refused(Refusal.BAD_ENCODING, "The gzip body is cut off or has something behind it.")
    return plain


def decode(raw: str | bytes | msgspec.Raw, shape: type[Any] = object) -> Any:
    """JSON as `shape`. Raises Refused that says where it is wrong."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise Refused(Refusal.BAD_FIELD, str(error)) from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Refused(Refusal.BAD_JSON, f"This is not valid JSON: {error}") from None
