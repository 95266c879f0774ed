"""The methods of the API: a body in, the body of the answer out."""

from __future__ import annotations

import datetime as dt
from typing import Any

from analytics.dashboard.api.ga4 import access, answers, pivots, request, rows, values
from analytics.reports.query import BadQuery
from analytics.sites.models import Site

MOST_IN_A_BATCH = 5


def run(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """runReport."""
    asked = request.read(body, site, now)
    return answers.report(asked, rows.page(asked, rows.asker(asked)), left)


def run_pivot(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """runPivotReport."""
    asked = pivots.read(body, site, now)
    return pivots.answer(asked, rows.find(asked.report, rows.asker(asked.report)), left)


def batch(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """batchRunReports."""
    reports = [run(one, site, left, now) for one in _requests(body, site)]
    return {"reports": reports, "kind": "analyticsData#batchRunReports"}


def batch_pivot(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """batchRunPivotReports."""
    reports = [run_pivot(one, site, left, now) for one in _requests(body, site)]
    return {"pivotReports": reports, "kind": "analyticsData#batchRunPivotReports"}


def _requests(body: Any, site: Site) -> list[Any]:
    given = values.known(body, "request", ("requests", "property"))
    found = values.items(given, "requests", MOST_IN_A_BATCH)
    if not found:
        raise BadQuery("requests", f"give one to {MOST_IN_A_BATCH}")
    for one in found:
        access.same(site, one)
    return found
