"""Why there is no answer, as `{"error": …}` with the status that says whose fault it is."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, DataError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from analytics.reports import run
from analytics.reports.query import BadQuery
from analytics.sites import lookup


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler for the APIs."""
    if isinstance(error, BadQuery):
        return Response({"error": str(error)}, status=400)
    if isinstance(error, DataError):
        return Response({"error": "A value of the request is none that could be stored."}, status=400)
    if isinstance(error, run.TooMuch):
        return Response({"error": str(error)}, status=422)
    if isinstance(error, run.Unavailable | lookup.LookupAway | DatabaseError):
        text = str(error) if isinstance(error, run.Unavailable) else "The database cannot be reached now."
        return Response({"error": text}, status=503, headers={"Retry-After": "10"})
    response = exception_handler(error, context)
    if response is not None:
        response.data = {"error": str(getattr(error, "detail", error))}
    return response
