"""Why there is no answer, as `{"error": {"code", "message", "status", "details"}}`."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from analytics.dashboard.api import errors

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    422: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
"""HTTP's statuses → Google's."""
_CODE = {422: 429}
"""A question that takes too much: Google says 429 of it, and its clients know no 422."""


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: what the other APIs say, in Google's words."""
    response = errors.handle(error, context)
    if response is not None:
        response.data = said(response.status_code, str(response.data["error"]))
        response.status_code = _CODE.get(response.status_code, response.status_code)
    return response


def said(status: int, message: str) -> dict[str, Any]:
    """The body that tells what is wrong."""
    code = _CODE.get(status, status)
    return {"error": {"code": code, "message": message, "status": STATUS.get(status, "UNKNOWN"), "details": []}}
