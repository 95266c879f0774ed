"""What an entry of the buffer holds: hits as msgpack, written by this version, an older or a newer one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from analytics.events import Hit

log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Hit]).decode
_decode_apart = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_hit = msgspec.msgpack.Decoder(Hit).decode


class Found(NamedTuple):
    """The hits of an entry, and whether there was something in it that cannot be read."""

    hits: list[Hit]
    garbled: bool


def encode(hits: Sequence[Hit]) -> bytes:
    """Hits as they travel."""
    return _encode(hits)


def decode(encoded: bytes | None, where: str) -> Found:
    """The hits of an entry. What cannot be read is passed over and said in the log, with `where` it was."""
    if encoded is None:
        log.error("%s holds no hits and is passed over: somebody else writes into the buffer", where)
        return Found([], True)
    try:
        return Found(_decode(encoded), False)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        hits = _decode_what_can_be(encoded)
        log.error("%s cannot be read (%s): %d of its hits are kept", where, error, len(hits))
        return Found(hits, True)


def _decode_what_can_be(encoded: bytes) -> list[Hit]:
    hits = []
    try:
        raws = _decode_apart(encoded)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return []
    for raw in raws:
        try:
            hits.append(_decode_hit(raw))
        except (msgspec.MsgspecError, ValueError, OverflowError):
            continue
    return hits
