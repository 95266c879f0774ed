"""The APIs' views: translate, make one call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.dashboard.api import body, errors, keys
from analytics.dashboard.api.plausible import answer, query
from analytics.reports import cache


class StatsQuery(APIView):
    """Stats API v2."""

    authentication_classes = (keys.BearerKey,)
    throttle_classes = (keys.PerHour,)
    parser_classes = (body.AnyJSON,)

    def get_exception_handler(self) -> Any:
        return errors.handle

    def post(self, request: Request) -> Response:
        now = timezone.now()
        given = cast("dict[str, Any]", request.data)
        site = keys.site(request, "stats:read", query.site_id(given))
        asked = query.read(given, site, now)
        found = cache.answer(asked.query, site.data_version, now)
        return Response(answer.write(asked, found, site))
