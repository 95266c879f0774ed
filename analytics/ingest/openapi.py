"""What the ingest pool receives and answers, as an OpenAPI 3.1 document at /openapi.json.

It is made of the table in `urls.py` and of the formats themselves: their methods, their structs, and what they answer
when they are asked. Our own format and Plausible's have their limits and examples in `openapi_bodies`.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from analytics.events import Refusal, Refused
from analytics.ingest import answers, openapi_bodies
from analytics.protocols import wire

Json = dict[str, Any]
Protocols = Sequence[tuple[str, ModuleType]]
Asides = Sequence[tuple[str, Any, object]]
_GROUP = re.compile(r"\(\?:([^()]*)\)(\??)|\[(\w+)\]")
_TEMPLATES = ("{vendor}/{version}", "array/{token}/config")
"""For patterns with infinitely many paths."""
EXAMPLES = {"vendor": "com.snowplowanalytics.snowplow", "version": "tp2", "token": "phc_token"}
_PARAMETERS = {
    "vendor": r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$",
    "version": r"^[A-Za-z0-9_-]+$",
    "token": r"^[A-Za-z0-9_-]{1,200}$",
}
_MEANING = {
    200: "The events are on disk.",
    202: "The events are on disk, but for those that are named.",
    204: "The events are on disk; or the format has no other answer.",
    400: "Nothing was taken, nor will be when it is sent again.",
    401: "The key is missing, unknown or of another site.",
    403: "The site takes no events, or none of this visitor.",
    413: "The body, an event or their number is too large.",
    415: "The body is packed otherwise than with gzip.",
    429: "Too much came; `Retry-After` says when to come again.",
    503: "Nothing could be stored now; send the same request again.",
}
_ASKED = (("", b""), ("send_image=0&beacon=1", b""), ("", b'{"requests":["?rec=1"]}'))
"""(query, body) of requests that are answered differently: ordinary, without an image, many events."""


@require_safe
def served(_: HttpRequest, protocols: tuple[Any, ...], asides: tuple[Any, ...]) -> HttpResponse:
    """The document."""
    response = HttpResponse(_encoded(protocols, asides), "application/json")
    response["Cache-Control"] = "public, max-age=3600"
    response["Access-Control-Allow-Origin"] = "*"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@functools.cache
def _encoded(protocols: tuple[Any, ...], asides: tuple[Any, ...]) -> bytes:
    return msgspec.json.encode(document(protocols, asides))


def document(protocols: Protocols, asides: Asides) -> Json:
    """The OpenAPI document of a table such as `urls.PROTOCOLS` and `urls.ASIDES`."""
    described = {f"/{path}": _item(path, module) for pattern, module in protocols for path in paths(pattern)}
    for pattern, module, _reply in asides:
        for path in paths(pattern):
            described.setdefault(f"/{path}", _aside(path, module))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recount, the ingest pool",
            "version": "1",
            "description": "Events in several wire formats. The content type of a request means nothing; a slash"
            " behind a path changes nothing; any origin may send and read.",
        },
        "servers": [{"url": "/"}],
        "paths": described | _PLAIN,
        "components": {"schemas": openapi_bodies.schemas(module for _, module in protocols)},
    }


def paths(pattern: str) -> list[str]:
    """The paths that a pattern of the table matches: each choice of its groups; a template where there is no end.

    Raises LookupError when there is none for it.
    """
    if re.search(r"[+*{]", pattern):
        fits = [one for one in _TEMPLATES if re.fullmatch(pattern, one.format(**EXAMPLES))]
        return [fits[0]]
    group = _GROUP.search(pattern)
    if group is None:
        return [pattern.replace("\\", "")]
    choices = list(group[3]) if group[3] else [*group[1].split("|"), *([""] if group[2] else [])]
    before, behind = pattern[: group.start()], pattern[group.end() :]
    return list(dict.fromkeys(itertools.chain(*(paths(f"{before}{choice}{behind}") for choice in choices))))


def _item(path: str, module: ModuleType) -> Json:
    """Every method of one path."""
    return {
        **_of_path(path),
        **{method.lower(): _operation(path, module, method) for method in module.METHODS},
        "options": {
            "operationId": f"preflight {path}",
            "tags": [module.NAME],
            "responses": {"204": {"description": "Any page may send."}},
        },
    }


def _operation(path: str, module: ModuleType, method: str) -> Json:
    requests = [wire.Request(method, f"/{path}", query, {}, body) for query, body in _ASKED]
    return {
        "operationId": f"{method.lower()} {path}",
        "tags": [module.NAME],
        "summary": (module.__doc__ or "").partition("\n")[0],
        **({"requestBody": openapi_bodies.request(module)} if method == "POST" else {}),
        "responses": _responses(module, requests) | openapi_bodies.responses(module),
    }


def _of_path(path: str) -> Json:
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return {}
    given = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _PARAMETERS[name]},
            "example": EXAMPLES[name],
        }
        for name in names
    ]
    return {"parameters": given}


def _responses(module: ModuleType, requests: Sequence[wire.Request]) -> Json:
    """Status → what the format answers: it is asked for all reasons."""
    found: dict[int, set[str]] = {}
    for reply in itertools.chain(*(_replies(module, request) for request in requests)):
        found.setdefault(reply.status, set()).update([reply.content_type] if reply.body else [])
    return {str(status): _response(status, sorted(found[status])) for status in sorted(found)}


def _response(status: int, content_types: list[str]) -> Json:
    said: Json = {"description": _MEANING[status]}
    if status in {429, 503}:
        said["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    if content_types:
        said["content"] = {content_type: {"schema": _SHAPES.get(content_type, {})} for content_type in content_types}
    return said


def _replies(module: ModuleType, request: wire.Request) -> Iterator[wire.Reply]:
    batch = wire.Batch(events=(wire.Addressed("example.com", "{}", "1"),))
    yield answers.TRY_LATER
    for refused in (None, *Refusal):
        with_message = "" if refused is None else "why"
        if refused is not None:
            yield module.refuse(request, Refused(refused, with_message), answers.STATUS[refused])
        try:
            yield module.answer(request, batch, [wire.Outcome(0, refused, with_message)])
        except Refused:  # It looks into the body, and there is none.
            continue


def _aside(path: str, module: ModuleType) -> Json:
    answer = {"default": {"description": "What clients of this format expect there."}}
    operations: Json = {
        method.lower(): {"operationId": f"{method.lower()} {path}", "tags": [module.NAME], "responses": answer}
        for method in module.METHODS
    }
    return _of_path(path) | operations


def _get(summary: str, content_type: str, *other: int) -> Json:
    responses: Json = {"200": {"description": summary, "content": {content_type: {"schema": _SHAPES[content_type]}}}}
    responses |= {str(status): {"description": summary} for status in other}
    return {"get": {"operationId": summary, "tags": ["pool"], "summary": summary, "responses": responses}}


_SHAPES: dict[str, Json] = {
    "image/gif": {"type": "string", "contentMediaType": "image/gif"},
    "text/plain": {"type": "string"},
    "text/javascript": {"type": "string"},
    "application/json": {},
}
_PLAIN: Json = {
    "/js/recount.js": _get("The tracker that pages include.", "text/javascript", 304),
    "/health/live": _get("The process answers.", "text/plain"),
    "/health/ready": _get("Events can be made durable.", "text/plain", 503),
    "/openapi.json": _get("This document.", "application/json"),
}
