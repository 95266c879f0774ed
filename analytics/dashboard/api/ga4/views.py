"""The methods' views: translate, make one call, translate back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.dashboard.api import base
from analytics.dashboard.api.ga4 import access, errors, funnel, metadata, realtime, reports, schema


class Method(base.Reading):
    """What every method has in common."""

    authentication_classes = (access.GoogleKey,)

    def get_exception_handler(self) -> Any:
        return errors.handle


class Reports(Method):
    """A method that answers a body about a property."""

    run: ClassVar[Callable[..., Any]]

    def post(self, request: Request, reference: str) -> Response:
        site = access.site(request, reference)
        allowance = getattr(request, "allowance", None)
        left = allowance.remaining if allowance else None
        return Response(type(self).run(request.data, site, left, timezone.now()))


@schema.described("runReport", "A report")
class RunReport(Reports):
    run = reports.run


@schema.described("batchRunReports", "Up to five reports")
class BatchRunReports(Reports):
    run = reports.batch


@schema.described("runPivotReport", "A report whose dimensions are shared out among pivots")
class RunPivotReport(Reports):
    run = reports.run_pivot


@schema.described("batchRunPivotReports", "Up to five pivot reports")
class BatchRunPivotReports(Reports):
    run = reports.batch_pivot


@schema.described("runRealtimeReport", "A report of the last 30 minutes")
class RunRealtimeReport(Reports):
    run = realtime.run


@schema.described("runFunnelReport", "Who went from step to step")
class RunFunnelReport(Reports):
    run = funnel.answer


@schema.described("checkCompatibility", "Which dimensions and metrics go together")
class CheckCompatibility(Method):
    def post(self, request: Request, reference: str) -> Response:
        if reference != access.UNIVERSAL:
            access.site(request, reference)
        return Response(metadata.compatible(request.data))


@schema.described("getMetadata", "Every dimension and metric", "get")
class Metadata(Method):
    def get(self, request: Request, reference: str) -> Response:
        if reference != access.UNIVERSAL:
            access.site(request, reference)
        return Response(metadata.listed(reference))


class NotHere(Method):
    """Methods of GA4 that there are none of."""

    def post(self, request: Request, reference: str, rest: str = "") -> Response:
        access.site(request, reference)
        return Response(errors.said(501, "Recount has no audiences; ask for reports."), 501)

    get = post
