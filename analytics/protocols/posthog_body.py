"""How PostHog's clients pack their JSON: plain, gzip, deflate, lz-string, base64, in a form or in the query string.

The content type says nothing about it. Source: posthog rust/capture (payload/common.rs, payload/decompression.rs).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import lenient, lz_string, wire

_GZIP = {"gzip", "x-gzip", "gzip-js"}
_LZ = {"lz64", "lz-string"}
_DEFLATE = {"deflate"}
_PLAIN = {"", "identity", "base64", "b64"}
_FORM = re.compile(rb"(?:[\w.-]+=[^&{\[]*&){0,9}data=", re.ASCII)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_ -]+={0,2}\s*")


def text(request: wire.Request, query: Mapping[str, str]) -> str:
    """The JSON of a request. Raises Refused."""
    body = query["data"].encode(errors="replace") if query.get("data") else _body(request)
    hint = query.get("compression", "").lower()
    if _FORM.match(body):
        form = wire.parameters(body.decode(errors="replace"))
        body = form.get("data", "").encode(errors="replace")
        hint = hint or form.get("compression", "").lower()
    if not body:
        raise Refused(Refusal.NO_EVENTS, "request holds no event")
    return _json(body, hint or request.headers.get("content-encoding", "").strip().lower())


def _body(request: wire.Request) -> bytes:
    """The body without gzip; what else has packed it comes later. Raises Refused."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    headers = {"content-encoding": "gzip" if encoding in _GZIP else ""}
    return wire.body(wire.Request("POST", request.path, "", headers, request.body, request.complete))


def _json(body: bytes, packing: str) -> str:
    if packing in _LZ:
        if len(body) > Limits.BODY_BYTES:  # gzip made it small, and to unpack it takes long
            raise Refused(Refusal.TOO_LARGE, f"lz-string of more than {Limits.BODY_BYTES} bytes is not unpacked.")
        return lz_string.decompress(body.decode(errors="replace").strip().replace(" ", "+"), Limits.INFLATED_BYTES)
    if packing in _DEFLATE:
        body = _inflated(body)
    elif packing not in _GZIP | _PLAIN:
        raise Refused(Refusal.BAD_ENCODING, "Send the body plain or with Content-Encoding: gzip.")
    plain = _unpacked(body)
    if plain is not body and plain[:2] == b"\x1f\x8b":
        plain = wire.inflate(plain)
    try:
        return plain.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused(Refusal.BAD_JSON, "failed to decode request: it is not UTF-8") from None


def _unpacked(body: bytes) -> bytes:
    """Without base64, if it is that: JSON never looks like it."""
    if not _BASE64.fullmatch(body):
        return body
    return lenient.unpacked(body.decode()) or body


def _inflated(body: bytes) -> bytes:
    """What zlib (RFC 1950) has packed. Raises Refused, also for what would grow too large."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, Limits.INFLATED_BYTES + 1)
    except zlib.error:
        raise Refused(Refusal.BAD_JSON, "The body is not valid deflate.") from None
    if len(plain) > Limits.INFLATED_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"The body inflates to more than {Limits.INFLATED_BYTES} bytes.")
    if not inflater.eof:
        raise Refused(Refusal.BAD_JSON, "The body was cut off; send it again.")
    return plain
