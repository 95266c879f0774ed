"""The metrics of the top card, in their order; what they mean is the catalogue's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.reports import catalog


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    """As the catalogue of reports names it."""
    better: Literal["more", "less", "neither"] = "more"
    denominator: str = ""
    """What a quotient is taken of."""

    @property
    def label(self) -> str:
        return catalog.METRICS[self.name].label

    @property
    def unit(self) -> catalog.Unit:
        return catalog.METRICS[self.name].unit

    @property
    def definition(self) -> str:
        return catalog.METRICS[self.name].definition


METRICS = (
    Metric("visitors"),
    Metric("visits"),
    Metric("pageviews"),
    Metric("views_per_visit", denominator="visits"),
    Metric("bounce_rate", better="less", denominator="visits"),
    Metric("visit_duration", denominator="visits"),
)
BY_NAME = {metric.name: metric for metric in METRICS}
NAMES = tuple(BY_NAME)
