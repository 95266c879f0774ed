"""The fixed list of questions that `query.py` asks: what the panels of a dashboard ask, over three ranges."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from analytics.reports.query import All, Condition, Done, Filter, Query

TOTALS = ("visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration")
PANEL = ("visitors", "pageviews")
VISITS = ("visitors", "visits", "bounce_rate", "visit_duration")
TOP = 10


@dataclass(frozen=True)
class Question:
    name: str
    days: int
    """How far back; 0 is today."""
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filter: Filter | None = None

    def query(self, site_id: int, now: dt.datetime) -> Query:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight - dt.timedelta(days=max(self.days - 1, 0))
        return Query(
            site_id=site_id,
            metrics=self.metrics,
            start=start,
            end=midnight + dt.timedelta(days=1),
            zone="UTC",
            dimensions=self.dimensions,
            filter=self.filter,
            limit=TOP if self.dimensions and not self.dimensions[0].startswith("time:") else 10_000,
        )


GERMANY = Condition("is", "visit:country", ("BA",))
SEARCH = Condition("is", "visit:channel", ("Organic Search",))
PRO = Condition("is", "event:props:plan", ("pro",))
BUYERS = Done(Condition("is", "event:name", ("purchase",)))

_EVERY_RANGE = (
    Question("totals", 0, TOTALS),
    Question("pages", 0, PANEL, ("event:page",)),
    Question("sources", 0, VISITS, ("visit:source",)),
    Question("countries", 0, ("visitors",), ("visit:country",)),
)
_LONG = (
    Question("series by day", 30, ("visitors", "pageviews"), ("time:day",)),
    Question("channels and devices", 30, ("visitors", "visits"), ("visit:channel", "visit:device")),
    Question("entry pages, bounce rate", 30, VISITS, ("visit:entry_page",)),
    Question("totals, one filter", 30, TOTALS, (), GERMANY),
    Question("pages, two filters", 30, PANEL, ("event:page",), All((GERMANY, SEARCH))),
    Question("pages of visits that have done", 30, PANEL, ("event:page",), BUYERS),
)


def _over(days: int, questions: tuple[Question, ...]) -> list[Question]:
    names = {0: "today", 30: "30 days", 365: "12 months"}
    return [Question(f"{names[days]}: {one.name}", days, one.metrics, one.dimensions, one.filter) for one in questions]


QUESTIONS = [
    *_over(0, _EVERY_RANGE),
    *_over(30, (*_EVERY_RANGE, *_LONG, Question("a property", 30, ("visitors", "events"), ("event:props:plan",), PRO))),
    *_over(365, (*_EVERY_RANGE, *_LONG[:5])),
]
