"""What the descriptions of the APIs that read numbers have in common: the key, the errors, the headers, the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from analytics.dashboard.api import tables

Json = dict[str, Any]
Method = TypeVar("Method", bound=Callable[..., Any])


class Described(Protocol):
    """What `extend_schema` gives: it decorates a method of a view."""

    def __call__(self, method: Method, /) -> Method: ...


ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong, by the name of the field, and what to do."}
    },
}
_MEANING = {
    400: "The question makes no sense; the error names the field.",
    401: "The key is missing or unknown, lacks the scope, or may not read this site. Of sites no more is said.",
    403: "The key is of one site, and this is about its organisation.",
    404: "There is no such thing, or it is someone else's.",
    406: "There is no answer in that format.",
    422: "The question takes more time or memory than one question may.",
    429: "The key has asked too often; `Retry-After` says when it may again.",
    503: "There is no answer now; ask again after `Retry-After` seconds.",
}


KEY: Json = {"type": "http", "scheme": "bearer", "description": "An API key; its scopes say what it opens."}
"""All APIs take it so; those of GA4 and Umami in other places too."""


class Schema(AutoSchema):
    """A view that says no more of itself has bodies that are objects: their form is that of the API it belongs to."""

    def get_request_serializer(self) -> Any:
        return {"application/json": {"type": "object"}}

    def get_response_serializers(self) -> Any:
        return OpenApiResponse({"type": "object"}, "As the API of that name answers.")

    def get_auth(self) -> list[Json]:
        return [{"key": []}] if self.view.authentication_classes else []

    def get_operation_id(self) -> str:
        return f"{self.method.lower()} {self.path}"

    def get_tags(self) -> list[str]:
        return [type(self.view).__module__.split(".")[-2]]


def reference(name: str) -> Json:
    """A schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def errors(*more: int) -> dict[Any, Any]:
    """The answers that every view has, and others."""
    return {
        (status, "application/json"): OpenApiResponse(reference("Error"), _MEANING[status])
        for status in sorted({400, 401, 429, 503, *more})
    }


def answers(schema: Json, description: str, *more: int, files: bool = False) -> dict[Any, Any]:
    """`responses` of `extend_schema`: what a good answer is, as files too, and the errors."""
    good: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(schema, description)}
    if files:
        good[200, tables.CSV.media_type] = OpenApiResponse(OpenApiTypes.STR, description)
        good[200, tables.Parquet.media_type] = OpenApiResponse(OpenApiTypes.BINARY, description)
    return good | errors(*more, *((406, 422) if files else ()))


def in_query(name: str, description: str, **more: Any) -> OpenApiParameter:
    """A parameter of the address; a text that may be missing, unless more is said."""
    return OpenApiParameter(name, more.pop("type", str), OpenApiParameter.QUERY, description=description, **more)


LEFT = [
    OpenApiParameter(name, int, OpenApiParameter.HEADER, response=[200, 429], description=description)
    for name, description in (
        ("X-RateLimit-Limit", "Requests that the key has in an hour."),
        ("X-RateLimit-Remaining", "Requests that are left."),
        ("X-RateLimit-Reset", "Seconds until the count begins anew."),
    )
]
