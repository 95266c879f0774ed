"""Many of Matomo's events in one request: JSON, or a form of `requests`; each is a query string or an object."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from analytics.events import Refusal, Refused
from analytics.protocols import flat, wire

TOKEN = ("token_auth",)
_TOKEN_WITHIN = re.compile(r"(?:^|&)token_auth=(\w+)", re.ASCII)


class Bulk(NamedTuple):
    payloads: list[str]
    """Each as it came, but for its token."""
    token: str


class _Envelope(msgspec.Struct):
    requests: list[msgspec.Raw] = []
    token_auth: str | None = None
    send_image: str | int | bool | None = None


def read(text: str, asked: str) -> Bulk | None:
    """The events of a body; None when it is about one alone. `asked` is the query string's token. Raises Refused."""
    if _is_json(text):
        envelope: _Envelope = wire.decode(text, _Envelope)
        return _bulk([_apart(raw) for raw in wire.few(envelope.requests)], envelope.token_auth or asked)
    if several := _of_form(text):
        return _bulk([_line(one) for one in wire.few(several)], wire.parameters(text).get("token_auth") or asked)
    return None


def is_bulk(text: str) -> bool:
    """Whether a body is about many events."""
    return _is_json(text) or bool(_of_form(text))


def wants_no_answer(text: str) -> bool:
    """Whether it says `send_image: 0`."""
    return _is_json(text) and wire.decode(text, _Envelope).send_image in {0, "0"}


def _bulk(found: Sequence[tuple[str, str]], token: str) -> Bulk:
    """A token that stands within the events, as Matomo's Node client sends it, holds for all unless they differ."""
    inner = {own for _, own in found if own}
    return Bulk([payload for payload, _ in found], token or (inner.pop() if len(inner) == 1 else ""))


def _is_json(text: str) -> bool:
    """As Matomo does, by the word alone."""
    return '"requests"' in text and text.lstrip()[:1] == "{"


def _of_form(text: str) -> list[str]:
    if "requests" not in text:
        return []
    try:
        pairs = parse_qsl(text, errors="replace", max_num_fields=1000)
    except ValueError:
        raise Refused(Refusal.BAD_FIELD, "A form has at most 1000 parameters.") from None
    return [value for name, value in pairs if name in {"requests", "requests[]"}]


def _apart(raw: msgspec.Raw) -> tuple[str, str]:
    """An event (an object's JSON, or the query string of an address) without its token, and the token."""
    text = bytes(raw).decode()
    if text[:1] == '"':
        return _line(wire.decode(text, str))
    if text[:1] == "{" and "token_auth" in text:
        fields = wire.decode(text, dict[str, msgspec.Raw])
        token = wire.decode(bytes(fields.pop("token_auth", b"null")).decode())
        return msgspec.json.encode(fields).decode(), token if isinstance(token, str) else ""
    return text, ""


def _line(address: str) -> tuple[str, str]:
    """The query string of an address without its token, and the token."""
    before, mark, query = address.partition("?")
    whole = flat.query(query if mark else before)
    token = _TOKEN_WITHIN.search(whole)
    return flat.without(whole, TOKEN), token[1] if token else ""
