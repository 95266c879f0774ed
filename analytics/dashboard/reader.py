"""What a page asks: the few questions that its tiles, chart and cards are drawn from, each asked once."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

from analytics.dashboard import period, tiles
from analytics.dashboard.period import Interval, Span
from analytics.dashboard.state import State
from analytics.reports import cache, realtime, timerange
from analytics.reports.query import Answer, Query
from analytics.sites.models import Site


class Reader:
    """The answers for one site and state at one moment."""

    def __init__(self, site: Site, state: State, now: dt.datetime) -> None:
        self.site = site
        self.state = state
        self._asked_at = now
        self.now = now.replace(second=0, microsecond=0)
        """By the minute, so that readers who look at the same time share the cached answer."""
        self.asked: list[Answer] = []

    @functools.cached_property
    def span(self) -> Span:
        if self.state.word == "all":
            return period.all_time(self.site.timezone, self.now, self._first_day())
        return self.state.span(self.site.timezone, self.now)

    @functools.cached_property
    def before(self) -> Span | None:
        """The whole of what the span is compared with; None when it is not."""
        return period.previous(self.state.word, self.span) if self.state.compare else None

    @property
    def interval(self) -> Interval:
        """The chosen one when it suits the range, else the fitting one."""
        fitting = period.intervals(self.span)
        return next((name for name in fitting if name == self.state.interval), fitting[0])

    @functools.cached_property
    def totals(self) -> Answer:
        return self._ask(self.span, tiles.NAMES)

    @functools.cached_property
    def totals_before(self) -> Answer | None:
        if self.before is None:
            return None
        return self._ask(period.same_part(self.span, self.before, self.now), tiles.NAMES)

    def series(self, span: Span) -> Answer:
        """The chosen metric by time."""
        return self._ask(span, (self.state.metric,), (f"time:{self.interval}",))

    def rows(self, dimension: str, metrics: tuple[str, ...], limit: int, offset: int = 0) -> Answer:
        """The greatest rows of a dimension, their share last; asks for one more than is shown, to know whether there
        are more."""
        return self._ask(self.span, (*metrics, "percentage"), (dimension,), limit=limit + 1, offset=offset)

    def left_out(self) -> Answer:
        """Events by why reports leave them out; the empty category is what they count."""
        return self._ask(self.span, ("events",), ("event:category",), with_bots=True)

    def current(self) -> int:
        """Visitors with an event in the last five minutes."""
        return realtime.current(self.site.pk, self.state.filter, self._asked_at)

    def _first_day(self) -> dt.date | None:
        """The day of the site's first event, whatever the filters."""
        ever = Span(timerange.EARLIEST, self.now)
        rows = self._ask(ever, ("events",), ("time:day",), filter=None, fill=False, limit=1).rows
        return dt.date.fromisoformat(rows[0].dimensions[0]) if rows else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the answers given so far say about themselves, each once."""
        return tuple(dict.fromkeys(answer.warning for answer in self.asked if answer.warning))

    def _ask(self, span: Span, metrics: tuple[str, ...], dimensions: tuple[str, ...] = (), **more: Any) -> Answer:
        query = Query(
            site_id=self.site.pk,
            metrics=metrics,
            start=span.start,
            end=span.end,
            zone=self.site.timezone,
            dimensions=dimensions,
            **({"filter": self.state.filter} | more),
        )
        answer = cache.answer(query, self.site.data_version, self.now)
        self.asked.append(answer)
        return answer
