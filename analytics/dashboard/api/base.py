"""What the views that read numbers have in common: whose key, how often, errors, and what says how much is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from analytics.dashboard.api import body, errors, keys, tables


class Reading(APIView):
    """A view that an API key opens."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (keys.BearerKey,)
    throttle_classes: Sequence[type[BaseThrottle]] = (keys.PerHour,)
    parser_classes: Sequence[type[BaseParser]] = (body.AnyJSON,)

    def get_exception_handler(self) -> Any:
        return errors.handle

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Say how many requests the key has left."""
        final = super().finalize_response(request, response, *args, **kwargs)
        allowance = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in keys.headers(allowance).items():
                final.headers[name] = value
        return final


class Tabular(Reading):
    """One whose answers can be had as CSV and Parquet too."""

    renderer_classes = tables.RENDERERS
    content_negotiation_class = tables.Negotiation
