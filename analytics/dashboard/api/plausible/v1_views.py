"""Stats API v1's views: translate, make one call, translate back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.dashboard.api import base, keys, tables
from analytics.dashboard.api.plausible import v1, v1_answer, v1_filters, v1_schema
from analytics.reports import realtime


class _Stats(base.Tabular):
    reads: ClassVar[Callable[..., v1.Asked]]
    writes: ClassVar[Callable[..., dict[str, Any]]]

    def answered(self, request: Request) -> HttpResponseBase:
        now, given = timezone.now(), request.query_params.dict()
        site = keys.site(request, "stats:read", v1.site_id(given))
        asked = type(self).reads(given, site, now)
        found = v1_answer.find(asked, site.data_version, now)
        if tables.wants_table(request):
            return tables.response(request, v1_answer.table(asked, found, site))
        return Response(type(self).writes(asked, found))


class Aggregate(_Stats):
    """Stats API v1: totals of a period."""

    reads, writes = staticmethod(v1.aggregate), staticmethod(v1_answer.aggregate)

    @v1_schema.AGGREGATE
    def get(self, request: Request) -> HttpResponseBase:
        return self.answered(request)


class Timeseries(_Stats):
    """Stats API v1: a period by hour, day, week or month."""

    reads, writes = staticmethod(v1.timeseries), staticmethod(v1_answer.timeseries)

    @v1_schema.TIMESERIES
    def get(self, request: Request) -> HttpResponseBase:
        return self.answered(request)


class Breakdown(_Stats):
    """Stats API v1: a period by the values of a property."""

    reads, writes = staticmethod(v1.breakdown), staticmethod(v1_answer.breakdown)

    @v1_schema.BREAKDOWN
    def get(self, request: Request) -> HttpResponseBase:
        return self.answered(request)


class RealtimeVisitors(base.Reading):
    """Stats API v1: how many visitors did something in the last five minutes."""

    @v1_schema.REALTIME
    def get(self, request: Request) -> Response:
        given = request.query_params.dict()
        site = keys.site(request, "stats:read", v1.site_id(given))
        wanted = v1_filters.read(given.get("filters", ""), site, v1.dimension)
        return Response(realtime.current(site.pk, wanted, timezone.now()))
