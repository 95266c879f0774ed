"""Stats API v2's view: translate, make one call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.dashboard.api import base, keys, tables
from analytics.dashboard.api.plausible import answer, query, v2_schema


class StatsQuery(base.Tabular):
    """Stats API v2: one question, its rows."""

    @v2_schema.DESCRIBED
    def post(self, request: Request) -> HttpResponseBase:
        now, as_table = timezone.now(), tables.wants_table(request)
        given = cast("dict[str, Any]", request.data)
        site = keys.site(request, "stats:read", query.site_id(given))
        asked = query.read(given, site, now, query.MOST_IN_FILES if as_table else query.MOST_ROWS)
        found = answer.find(asked, site.data_version, now)
        if as_table:
            return tables.response(request, answer.table(asked, found, site))
        return Response(answer.write(asked, found, site, now))
