"""runFunnelReport of v1alpha: who went from step to step, counted by `reports.funnel`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from analytics.dashboard.api.ga4 import answers, funnels, names, rows
from analytics.dashboard.api.ga4.names import Dimension
from analytics.dashboard.api.ga4.ranges import Range
from analytics.reports import funnel
from analytics.reports.query import Answer
from analytics.sites.models import Site

MOST_DAYS = 1_000
_TOTAL = "RESERVED_TOTAL"
_TABLE = (
    ("activeUsers", "TYPE_INTEGER"),
    ("funnelStepCompletionRate", "TYPE_FLOAT"),
    ("funnelStepAbandonments", "TYPE_INTEGER"),
    ("funnelStepAbandonmentRate", "TYPE_FLOAT"),
)
Line = tuple[tuple[str, ...], tuple[float, ...]]
"""Words and figures of a row."""


def answer(body: Any, site: Site, left: int | None, now: dt.datetime) -> dict[str, Any]:
    """The answer: RunFunnelReportResponse. Raises BadQuery and what `funnel.answer` raises."""
    asked = funnels.read(body, site, now)
    table: list[Line] = []
    shown: list[Line] = []
    sources: list[Answer] = []
    for span in asked.ranges:
        last = (span.name,) if len(asked.ranges) > 1 else ()
        for made, lines in zip((_table(asked, span), _visualization(asked, span)), (table, shown), strict=True):
            lines += [((*words, *last), figures) for words, figures in made[0]]
            sources.append(made[1])
    explain = {"metadata": {"explain": answers.sources(sources)}}
    answer: dict[str, Any] = {
        "funnelTable": _sub_report(asked, (asked.breakdown, "breakdown"), table, _TABLE) | explain,
        "funnelVisualization": _sub_report(asked, (asked.following, "next"), shown, _TABLE[:1]) | explain,
        "kind": "analyticsData#runFunnelReport",
    }
    return answer | ({"propertyQuota": answers.quota(left)} if asked.quota else {})


def _table(asked: funnels.Asked, span: Range) -> tuple[list[Line], Answer]:
    """Each step in all, and by the breakdown."""
    parts = asked.breakdown.parts if asked.breakdown else ()
    got = funnel.answer(asked.funnel(span, parts, asked.most_groups), *asked.state)
    groups = [((_TOTAL,) if asked.breakdown else (), got.rows[0].metrics)]
    if asked.breakdown:
        one = asked.breakdown
        groups += [((_word(one, row.dimensions, asked, span),), row.metrics) for row in got.rows[1:]]
    lines: list[Line] = []
    for index, title in enumerate(asked.titles):
        for words, figures in groups:
            reached, went_on = (int(figure or 0) for figure in figures[2 * index : 2 * index + 2])
            lines.append(((title, *words), _of_step(reached, went_on, is_last=index + 1 == len(asked.titles))))
    return lines, got


def _of_step(reached: int, went_on: int, *, is_last: bool) -> tuple[float, ...]:
    """Nobody abandons the last step, since it leads nowhere."""
    if is_last or not reached:
        return reached, 0, 0, 0
    return reached, went_on / reached, reached - went_on, (reached - went_on) / reached


def _visualization(asked: funnels.Asked, span: Range) -> tuple[list[Line], Answer]:
    """Each step, by the day that visitors entered on or by what they did next, if asked for."""
    if asked.by_day:
        got = funnel.answer(asked.funnel(span, ("time:day",), MOST_DAYS), *asked.state)
        days = sorted(
            (_word(names.DIMENSIONS["date"], row.dimensions, asked, span), row.metrics) for row in got.rows[1:]
        )
        each: list[Line] = [
            ((title, day), (int(figures[2 * index] or 0),))
            for index, title in enumerate(asked.titles)
            for day, figures in days
        ]
        return each, got
    got = funnel.answer(asked.funnel(span), *asked.state)
    totals = [int(figure or 0) for figure in got.rows[0].metrics[::2]]
    if asked.following is None:
        return [((title,), (total,)) for title, total in zip(asked.titles, totals, strict=True)], got
    then = funnel.Then(asked.following.parts[0], asked.most_following)
    found = funnel.after(asked.funnel(span), then, *asked.state)
    lines: list[Line] = []
    for index, (title, total) in enumerate(zip(asked.titles, totals, strict=True)):
        lines.append(((title, _TOTAL), (total,)))
        for row in found.rows:
            if row.dimensions[0] == str(index):
                word = _word(asked.following, row.dimensions[1:], asked, span)
                lines.append(((title, word), (int(row.metrics[0] or 0),)))
    return lines, found


def _word(one: Dimension, texts: Sequence[str], asked: funnels.Asked, span: Range) -> str:
    return rows.shown(one, dict(zip(one.parts, texts, strict=True)), asked.site, span.start)


def _sub_report(
    asked: funnels.Asked, more: tuple[Dimension | None, str], lines: list[Line], figures: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    dimension, kind = more
    headers = ["funnelStepName"]
    if kind == "next" and asked.by_day:
        headers.append("date")
    if dimension:
        headers.append("funnelStepNextAction" if kind == "next" else dimension.name)
    if len(asked.ranges) > 1:
        headers.append("dateRange")
    return {
        "dimensionHeaders": [{"name": name} for name in headers],
        "metricHeaders": [{"name": name, "type": type} for name, type in figures],
        "rows": [
            {
                "dimensionValues": [{"value": word} for word in words],
                "metricValues": [
                    {"value": answers.number(type, value)} for (_, type), value in zip(figures, numbers, strict=True)
                ],
            }
            for words, numbers in lines[: asked.limit]
        ],
    }
