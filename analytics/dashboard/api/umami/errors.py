"""Why there is no answer, as `{"error": {"message", "code", "status"}}`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rest_framework.response import Response

from analytics.dashboard.api import errors


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: what the other APIs say, in Umami's words."""
    response = errors.handle(error, context)
    if response is not None:
        status = HTTPStatus(response.status_code)
        code = status.phrase.lower().replace(" ", "-")
        response.data = {"error": {"message": response.data["error"], "code": code, "status": status.value}}
    return response
