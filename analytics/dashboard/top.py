"""The top card: tiles of the totals, and the chart of the chosen one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from analytics.dashboard import chart, formats, period, tiles
from analytics.dashboard.formats import Change, Number
from analytics.dashboard.period import Bucket
from analytics.dashboard.reader import Reader
from analytics.reports import catalog
from analytics.reports.query import Answer

_STORES = {"duckdb": "the lake", "timescaledb": "TimescaleDB"}
_NO_BOTS = {"asset", "error", "redirect", "excluded", "foreign-host", "prefetch"}
"""Why events are left out that people may have caused."""


@dataclass(frozen=True, slots=True)
class Tile:
    metric: tiles.Metric
    label: str
    short: str
    exact: str
    before: str
    """The number it is compared with; empty when it is not."""
    change: Change | None
    definition: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A bucket as text, for the table under the chart and its tooltip."""

    title: str
    value: str
    before_title: str
    before: str
    partial: bool


@dataclass(frozen=True, slots=True)
class Chart:
    metric: tiles.Metric
    label: str
    drawing: chart.Drawing
    lines: tuple[Line, ...]
    intervals: tuple[tuple[str, str, bool, bool], ...]
    """(name, address, whether it is drawn, whether it is the next one)."""

    @property
    def data(self) -> dict[str, Any]:
        """For the tooltip."""
        points = zip(
            self.lines, self.drawing.xs, self.drawing.ys, self.drawing.before_ys or self.drawing.ys, strict=False
        )
        return {
            "label": self.label,
            "points": [
                {
                    "x": x,
                    "y": y,
                    "by": by,
                    "t": line.title,
                    "v": line.value,
                    "bt": line.before_title,
                    "b": line.before,
                    "p": line.partial,
                }
                for line, x, y, by in points
            ],
        }


def context(reader: Reader) -> dict[str, Any]:
    """What the template of the top card needs."""
    return {
        "tiles": _tiles(reader),
        "chart": _chart(reader),
        "left_out": _left_out(reader),
        "range": period.said(reader.span),
        "compared": _compared(reader),
        "stores": " and ".join(sorted({_STORES[answer.engine] for answer in reader.asked})),
        "as_of": as_of(reader),
        # Of a range that is not over everybody knows that it changes.
        "provisional": reader.span.end <= reader.now and any(answer.provisional for answer in reader.asked),
        "rulesets": sorted({version for answer in reader.asked for version in answer.rulesets}),
        "warnings": reader.warnings,
    }


def visitors_label(reader: Reader) -> str:
    """Cookieless ids hold for a day: over several days a returning visitor counts once a day, and the page says so."""
    return "Daily visitors" if period.days_in(reader.span) > 1 else "Visitors"


def as_of(reader: Reader) -> str:
    """The oldest of the answers' times, by the site's clock."""
    at = min(answer.as_of for answer in reader.asked).astimezone(ZoneInfo(reader.site.timezone))
    return f"{at.day} {at:%b, %H:%M}"


def total(answer: Answer | None, name: str) -> Number:
    """One metric of an answer to `totals`."""
    return answer.rows[0].metrics[tiles.NAMES.index(name)] if answer and answer.rows else None


def _label(reader: Reader, metric: tiles.Metric) -> str:
    return visitors_label(reader) if metric.name == "visitors" else metric.label


def _tiles(reader: Reader) -> list[Tile]:
    made = []
    for metric in tiles.METRICS:
        new, old = total(reader.totals, metric.name), total(reader.totals_before, metric.name)
        made.append(
            Tile(
                metric=metric,
                label=_label(reader, metric),
                short=formats.short(new, metric.unit),
                exact=formats.exact(new, metric.unit),
                before=formats.exact(old, metric.unit) if reader.before else "",
                change=formats.change(new, old, metric.better),
                definition=metric.definition,
                url=reader.state.changed(metric=metric.name).url(),
                chosen=metric.name == reader.state.metric,
            )
        )
    return made


def _compared(reader: Reader) -> str:
    if reader.before is None:
        return ""
    return period.said(reader.before) + (", up to the same point" if reader.now < reader.span.end else "")


def _chart(reader: Reader) -> Chart:
    metric = tiles.BY_NAME[reader.state.metric]
    buckets = period.buckets(reader.span, reader.interval)
    values = _values(reader.series(reader.span), buckets, metric, reader.now)
    before_buckets = period.buckets(reader.before, reader.interval) if reader.before else ()
    before = _values(reader.series(reader.before), before_buckets, metric, reader.now) if reader.before else ()
    partial = [bucket.start < reader.span.start or bucket.end > min(reader.span.end, reader.now) for bucket in buckets]
    series = chart.Series([bucket.label for bucket in buckets], values, partial, before)
    return Chart(
        metric=metric,
        label=_label(reader, metric),
        drawing=chart.draw(series, metric.unit),
        lines=tuple(_lines(series, buckets, before_buckets, reader)),
        intervals=_intervals(reader),
    )


def _intervals(reader: Reader) -> tuple[tuple[str, str, bool, bool], ...]:
    names = sorted(period.intervals(reader.span), key=period.INTERVALS.index)
    after = names[(names.index(reader.interval) + 1) % len(names)]
    return tuple(
        (name, reader.state.changed(interval=name).url(), name == reader.interval, name == after) for name in names
    )


def _values(answer: Answer, buckets: tuple[Bucket, ...], metric: tiles.Metric, now: dt.datetime) -> tuple[Number, ...]:
    """A value per bucket: counts of nothing are 0, quotients of nothing have none, nor has what lies ahead."""
    given = {row.dimensions[0]: row.metrics[0] for row in answer.rows}
    nothing: Number = 0 if metric.unit == "count" else None
    return tuple(None if bucket.start > now else given.get(bucket.key, nothing) for bucket in buckets)


def _lines(series: chart.Series, buckets: tuple[Bucket, ...], before: tuple[Bucket, ...], reader: Reader) -> list[Line]:
    metric, now = tiles.BY_NAME[reader.state.metric], reader.now
    made = []
    for index, bucket in enumerate(buckets):
        other = index if index < len(before) else None
        made.append(
            Line(
                title=bucket.title,
                value="not yet" if bucket.start > now else formats.exact(series.values[index], metric.unit),
                before_title=before[other].title if other is not None else "",
                before=formats.exact(series.before[other], metric.unit) if other is not None else "",
                partial=series.partial[index] and bucket.start <= now,
            )
        )
    return made


def _left_out(reader: Reader) -> dict[str, Any]:
    """The share of bots among events of people and bots, and everything left out by kind, greatest first."""
    counts = {row.dimensions[0]: int(row.metrics[0] or 0) for row in reader.left_out().rows}
    counted = counts.pop(catalog.NONE, 0)
    bots = sum(count for kind, count in counts.items() if kind not in _NO_BOTS)
    return {
        "share": formats.short(formats.share(bots, bots + counted) or 0, "percent"),
        "kinds": [
            (kind.replace("-", " "), formats.exact(count))
            for kind, count in sorted(counts.items(), key=lambda pair: -pair[1])
        ],
    }
