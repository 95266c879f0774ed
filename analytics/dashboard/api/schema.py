"""The OpenAPI document of the APIs that read numbers, at /api/schema/, made of their views by drf-spectacular."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from analytics.dashboard.api import openapi
from analytics.dashboard.api.plausible import sites_schema, v1_schema, v2_schema

Json = dict[str, Any]
_COMPONENTS: Json = {
    "Error": openapi.ERROR,
    **v2_schema.COMPONENTS,
    **v1_schema.COMPONENTS,
    **sites_schema.COMPONENTS,
}


@require_safe
def served(_: HttpRequest) -> HttpResponse:
    """The document."""
    response = HttpResponse(_encoded(), "application/json")
    response["Cache-Control"] = "public, max-age=3600"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@functools.cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> Json:
    """OpenAPI 3.1: every view of the pool's addresses that is one of an API."""
    made: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["components"] = {"schemas": _COMPONENTS, "securitySchemes": {"key": openapi.KEY}}
    return made
