"""The chart's geometry: from numbers to paths and ticks. Pure; the page draws it as SVG, without JavaScript.

Across, everything is in percent of the width, so that the chart fits any screen; down, in pixels of a fixed height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.dashboard import formats
from analytics.dashboard.formats import Number
from analytics.reports.catalog import Unit

HEIGHT = 260
TOP = 24
BOTTOM = 232
WIDTH = 1000
"""Units of the stretched drawing: a thousand across."""
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Tick:
    at: str
    """`x` in percent, or `y` in pixels."""
    label: str
    minor: bool = False
    """Left out where there is little room."""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Drawing:
    line: str
    """Path of the finished buckets."""
    unfinished: str
    """Path into and out of the buckets that are not whole; drawn dotted."""
    area: str
    before: str
    """Path of the comparison; empty when there is none."""
    dots: tuple[tuple[str, str], ...]
    """(x in percent, y) of values with no neighbour, which no line would show."""
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    xs: tuple[float, ...]
    """Of each bucket, in percent."""
    ys: tuple[float | None, ...]
    before_ys: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    labels: Sequence[str]
    values: Sequence[Number]
    """None: no value, such as a bounce rate without visits, or a time that lies ahead."""
    partial: Sequence[bool]
    """Buckets of which only a part is in the range, or has happened yet."""
    before: Sequence[Number] = ()


def draw(series: Series, unit: Unit) -> Drawing:
    """Paths, ticks and positions for one metric."""
    count = len(series.labels)
    top = _ceiling([v for v in (*series.values, *series.before) if v is not None], unit)
    xs = [50.0] if count == 1 else [100 * index / (count - 1) for index in range(count)]
    ys = [_y(value, top) for value in series.values]
    before_ys = [_y(value, top) for value in series.before[:count]]
    whole = [index > 0 and not (series.partial[index] or series.partial[index - 1]) for index in range(count)]
    return Drawing(
        line=_path(xs, ys, whole),
        unfinished=_path(xs, ys, [index > 0 and not whole[index] for index in range(count)]),
        area=_area(xs, ys),
        before=_path(xs, before_ys, [True] * len(before_ys)),
        dots=_lonely(xs, ys),
        rows=_rows(top, unit),
        columns=_columns(series.labels, xs),
        xs=tuple(round(x, 3) for x in xs),
        ys=tuple(ys),
        before_ys=tuple(before_ys),
    )


def _ceiling(values: Sequence[float], unit: Unit) -> float:
    """A round number at or above the greatest value, that three grid lines divide well."""
    highest = max(values, default=0)
    if unit == "percent":
        return 100 if highest > 60 else 60 if highest > 30 else 30
    if unit == "seconds":
        steps = [3, 6, 15, 30, 60, 90, 180, 360, 540, 900, 1800, 3600, 5400, 10_800, 21_600, 43_200, 86_400]
        return next((step for step in steps if step >= highest), highest)
    if highest <= 3:
        return 3
    power = 10.0 ** math.floor(math.log10(highest / 3))
    step = next(power * nice for nice in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if 3 * power * nice >= highest)
    return 3 * (math.ceil(step) if unit == "count" else step)


def _y(value: Number, top: float) -> float | None:
    return None if value is None else round(BOTTOM - (BOTTOM - TOP) * value / top, 2)


def _path(xs: Sequence[float], ys: Sequence[float | None], drawn: Sequence[bool]) -> str:
    """Segments from each point to the next where both have a value and `drawn` says so of the second."""
    parts: list[str] = []
    broken = True
    for index in range(1, len(ys)):
        here, there = ys[index - 1], ys[index]
        if not drawn[index] or here is None or there is None:
            broken = True
            continue
        if broken:
            parts.append(f"M{xs[index - 1] * 10:.1f} {here:.1f}")
        parts.append(f"L{xs[index] * 10:.1f} {there:.1f}")
        broken = False
    return "".join(parts)


def _area(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    parts: list[str] = []
    run: list[tuple[float, float]] = []
    for x, y in (*zip(xs, ys, strict=True), (0.0, None)):
        if y is not None:
            run.append((x, y))
            continue
        if len(run) > 1:
            points = "".join(f"L{x_ * 10:.1f} {y_:.1f}" for x_, y_ in run)
            parts.append(f"M{run[0][0] * 10:.1f} {BOTTOM}{points}L{run[-1][0] * 10:.1f} {BOTTOM}Z")
        run = []
    return "".join(parts)


def _lonely(xs: Sequence[float], ys: Sequence[float | None]) -> tuple[tuple[str, str], ...]:
    padded = (None, *ys, None)
    return tuple(
        (f"{x:.2f}%", f"{y:.1f}")
        for index, (x, y) in enumerate(zip(xs, ys, strict=True))
        if y is not None and padded[index] is None and padded[index + 2] is None
    )


def _rows(top: float, unit: Unit) -> tuple[Tick, ...]:
    values = [top * step / 3 for step in range(1, 4)]
    return tuple(Tick(f"{_y(value, top):.1f}", formats.short(value, unit)) for value in values)


def _columns(labels: Sequence[str], xs: Sequence[float]) -> tuple[Tick, ...]:
    """Labels at even steps; every second one is minor."""
    step = max(1, math.ceil(len(labels) / MOST_LABELS))
    ticks = []
    for place, index in enumerate(range(0, len(labels), step)):
        anchor = "start" if xs[index] < 3 else "end" if xs[index] > 97 else "middle"
        ticks.append(Tick(f"{xs[index]:.2f}%", labels[index], minor=place % 2 == 1, anchor=anchor))
    return tuple(ticks)
