"""The answer to a query by the definitions of METRICS, in plain Python, without the code under test.

Slow and obvious: every event is looked at, visits are put together from all of their events, time is `zoneinfo`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from analytics.events import Event
from analytics.reports.query import All, AnyOf, Condition, Done, Filter, Not, Query, Row
from tests.reports import facts

OF_EVENTS = {
    "visitors", "pageviews", "events", "percentage", "unique_pageviews", "time_on_page", "conversions", "converters",
    "conversion_rate", "group_conversion_rate", "scroll_depth", "engagement_seconds", "total_revenue",
    "average_revenue", "orders", "buyers",
}  # fmt: skip
"""The other metrics are of visits."""
BUCKETS = ("time:minute", "time:hour", "time:day", "time:week", "time:month")
Key = tuple[str, ...]
Rates = Mapping[str, Sequence[tuple[dt.date, str]]]


def top(tree: Filter | None) -> list[Filter]:
    if isinstance(tree, All):
        return [leaf for part in tree.of for leaf in top(part)]
    return [tree] if tree else []


def is_about(part: Filter, *names: str) -> bool:
    return isinstance(part, Condition) and part.dimension.startswith(names)


class Found:
    """What is counted, by row."""

    def __init__(self) -> None:
        self.events: dict[Key, list[Event]] = defaultdict(list)
        self.visits: dict[Key, list[facts.Visit]] = defaultdict(list)
        self.views: dict[Key, int] = defaultdict(int)
        """Pageviews by row, the page seen in the place of the page left from."""
        self.groups: dict[Key, set[int]] = defaultdict(set)
        """Visitors of a conversion rate's denominator by row, without its goal."""
        self.everybody: set[int] = set()
        self.everyone: set[int] = set()
        """Of a conversion rate."""


class Oracle:
    def __init__(self, events: Iterable[Event], rates: Rates | None = None) -> None:
        self.events = list(events)
        self.rates = rates or {}

    def rows(self, query: Query) -> tuple[list[Row], int]:
        """The page of rows, and how many rows there are."""
        found = self.found(query)
        wanted = [key for key in self.all_keys(query, found) if self.is_given(key, query)]
        rows = [Row(key, self.metrics(query, key, found)) for key in wanted]
        self.sort(rows, query)
        return rows[query.offset : query.offset + query.limit], len(rows)

    def found(self, query: Query) -> Found:
        counted = [e for e in self.events if e.site_id == query.site_id and (query.with_bots or e.category == "")]
        by_visit: dict[int, list[Event]] = defaultdict(list)
        for event in counted:
            by_visit[event.visit_id].append(event)
        visits = {number: facts.Visit(events) for number, events in by_visit.items()}
        found = Found()
        base = All(tuple(part for part in top(query.filter) if not is_about(part, "event:goal", "event:props:")))
        for event in counted:
            visit = visits[event.visit_id]
            if not query.start <= event.ts < query.end:
                continue
            if self.holds(base, event, visit, event.ts, query):
                found.everyone.add(event.visitor_id)
                for key in self.keys(event, visit, event.ts, query, {"event:goal": ""}):
                    found.groups[key].add(event.visitor_id)
            if self.holds(query.filter, event, visit, event.ts, query):
                found.everybody.add(event.visitor_id)
                for key in self.keys(event, visit, event.ts, query):
                    found.events[key].append(event)
                if event.name == "pageview":
                    for key in self.keys(event, visit, event.ts, query, {"visit:exit_page": "event:page"}):
                        found.views[key] += 1
        for visit in visits.values():
            if query.start <= visit.started_at < query.end:
                keys = {
                    key
                    for event in visit.events
                    if self.holds(query.filter, event, visit, visit.started_at, query)
                    for key in self.keys(event, visit, visit.started_at, query)
                }
                for key in keys:
                    found.visits[key].append(visit)
        return found

    def all_keys(self, query: Query, found: Found) -> list[Key]:
        keys: set[Key] = set()
        if set(query.metrics) & OF_EVENTS:
            keys |= set(found.events)
        if set(query.metrics) - OF_EVENTS:
            keys |= set(found.visits)
        if not query.dimensions:
            return [()]
        if query.fill and len(query.dimensions) == 1 and query.dimensions[0] in BUCKETS:
            at = query.start.astimezone(dt.UTC)
            while at < query.end:
                keys.add((facts.local_text(query.dimensions[0], at, query.zone),))
                at = at.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        return list(keys)

    def is_given(self, key: Key, query: Query) -> bool:
        named = zip(query.dimensions, key, strict=True)
        kept = tuple(text for name, text in named if name not in BUCKETS)
        return not query.only or kept in query.only

    def reached(self, event: Event, visit: facts.Visit, at: dt.datetime, query: Query) -> list[str]:
        """Names of the goals that an event reaches."""
        return [goal.name for goal in query.goals if self.holds(goal.filter, event, visit, at, query)]

    def wanted(self, query: Query) -> list[str]:
        """Names of the goals that rows are about."""
        leaves = [part for part in top(query.filter) if is_about(part, "event:goal")]
        return [g.name for g in query.goals if all(self.fits(leaf, [g.name]) for leaf in leaves)]  # type: ignore[arg-type]

    def fits(self, leaf: Condition, texts: Sequence[str]) -> bool:
        """Whether a condition holds for a thing that has these texts, or for one of them."""
        wanted = [each or "(none)" for each in leaf.values]
        if not leaf.case_sensitive:
            texts, wanted = [text.lower() for text in texts], [each.lower() for each in wanted]
        if leaf.op in ("is", "is_not"):
            return any(text in wanted for text in texts) == (leaf.op == "is")
        return any(each in text for each in wanted for text in texts) == (leaf.op == "contains")

    def value(self, name: str, event: Event, visit: facts.Visit, at: dt.datetime, query: Query) -> str:
        if name.startswith("time:"):
            return facts.local_text(name, at, query.zone)
        if name == "visit:exit_page":
            return visit.exit_page or "(none)"
        if name.startswith("event:props:"):
            return json.loads(event.props).get(name.removeprefix("event:props:"), "") or "(none)"
        return str(getattr(event, facts.FIELDS[name])) or "(none)"

    def keys(
        self,
        event: Event,
        visit: facts.Visit,
        at: dt.datetime,
        query: Query,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> set[Key]:
        """The rows that an event counts in: several when it reaches several goals."""
        texts = []
        for name in query.dimensions:
            name = instead.get(name, name)
            if name == "event:goal":
                reached = self.reached(event, visit, at, query)
                texts.append([goal for goal in reached if goal in self.wanted(query)])
            elif name:
                texts.append([self.value(name, event, visit, at, query)])
        return set(itertools.product(*texts))

    def holds(self, tree: Filter | None, event: Event, visit: facts.Visit, at: dt.datetime, query: Query) -> bool:
        match tree:
            case None:
                return True
            case All(parts):
                return all(self.holds(part, event, visit, at, query) for part in parts)
            case AnyOf(parts):
                return any(self.holds(part, event, visit, at, query) for part in parts)
            case Not(of):
                return not self.holds(of, event, visit, at, query)
            case Done(of, negated):
                within = [e for e in visit.events if query.start <= e.ts < query.end]
                return any(self.holds(of, e, visit, e.ts, query) for e in within) != negated
            case Condition(op, dimension, values, case_sensitive):
                if dimension == "event:goal":
                    return self.fits(tree, self.reached(event, visit, at, query))
                value = self.value(dimension, event, visit, at, query)
                if op in ("matches", "matches_not"):
                    case = re.IGNORECASE if not case_sensitive else re.NOFLAG
                    return any(re.search(each, value, case) for each in values) == (op == "matches")
                return self.fits(tree, [value])

    def metrics(self, query: Query, key: Key, found: Found) -> tuple[float | int | None, ...]:
        given = self.of_events(query, key, found) | self.of_visits(query, key, found)
        return tuple(given[name] for name in query.metrics)

    def of_events(self, query: Query, key: Key, found: Found) -> dict[str, float | int | None]:
        events = found.events.get(key, [])
        visitors = {event.visitor_id for event in events}
        pings = [event for event in events if event.name == "engagement"]
        readers = {event.visitor_id for event in pings}
        read_ms = sum(event.engagement_ms for event in pings)
        wanted = set(self.wanted(query))
        goal = key[query.dimensions.index("event:goal")] if "event:goal" in query.dimensions else None
        reaching = [e for e in events if goal or wanted & set(self.reached(e, None, e.ts, query))]  # type: ignore[arg-type]
        converters = {event.visitor_id for event in reaching}
        group = found.groups.get(
            tuple(text for text, n in zip(key, query.dimensions, strict=True) if n != "event:goal")
        )
        deepest: dict[int, int] = {}
        for event in events:
            if event.scroll_percent:
                deepest[event.visitor_id] = max(deepest.get(event.visitor_id, 0), event.scroll_percent)
        orders = [event for event in events if event.revenue is not None]
        amounts = [amount for amount in (self.amount(event, query.currency) for event in orders) if amount is not None]
        return {
            "visitors": len(visitors),
            "pageviews": sum(event.name == "pageview" for event in events),
            "events": sum(event.name != "engagement" for event in events),
            "unique_pageviews": len({(event.visit_id, event.path) for event in events if event.name == "pageview"}),
            "time_on_page": read_ms / 1000 / len(readers) if readers else None,
            "engagement_seconds": read_ms / 1000,
            "percentage": 100 * len(visitors) / len(found.everybody) if found.everybody else None,
            "conversions": len(reaching),
            "converters": len(converters),
            "conversion_rate": 100 * len(converters) / len(found.everyone) if found.everyone else None,
            "group_conversion_rate": 100 * len(converters) / len(group) if group else None,
            "scroll_depth": statistics.fmean(deepest.values()) if deepest else None,
            "orders": len(orders),
            "buyers": len({event.visitor_id for event in orders}),
            "total_revenue": float(sum(amounts)),
            "average_revenue": float(sum(amounts)) / len(amounts) if amounts else None,
        }

    def amount(self, event: Event, currency: str) -> Decimal | None:
        """The revenue of an order in that currency, to four places."""
        if event.currency == currency:
            return event.revenue
        day = event.ts.astimezone(dt.UTC).date()
        have, want = self.per_euro(event.currency, day), self.per_euro(currency, day)
        if have is None or want is None or event.revenue is None:
            return None
        factor = (want / have).quantize(Decimal("1e-12"), ROUND_HALF_UP)
        return (event.revenue * factor).quantize(Decimal("1e-4"), ROUND_HALF_UP)

    def per_euro(self, currency: str, day: dt.date) -> Decimal | None:
        if currency == "EUR":
            return Decimal(1)
        rates = [rate for known, rate in self.rates.get(currency, ()) if known <= day]
        return Decimal(rates[-1]) if rates else None

    def of_visits(self, query: Query, key: Key, found: Found) -> dict[str, float | int | None]:
        visits = found.visits.get(key, [])
        count, seen = len(visits), found.views.get(key, 0)
        page = key[query.dimensions.index("event:page")] if "event:page" in query.dimensions else None
        exits = sum(visit.exit_page == page if page else visit.exit_page != "" for visit in visits)
        entries = [visit.events[0].entry_path for visit in visits]
        duration = sum((visit.duration for visit in visits), dt.timedelta()).total_seconds()
        bounces, engaged = sum(visit.bounced for visit in visits), sum(visit.engaged for visit in visits)
        return {
            "visits": count,
            "bounces": bounces,
            "engaged_visits": engaged,
            "entries": sum(entry == page if page else entry != "" for entry in entries),
            "exits": exits,
            "exit_rate": 100 * exits / seen if seen else None,
            "engagement_rate": 100 * engaged / count if count else None,
            "median_visit_duration": statistics.median(v.duration.total_seconds() for v in visits) if visits else None,
            "bounce_rate": 100 * bounces / count if count else None,
            "views_per_visit": sum(visit.pageviews for visit in visits) / count if count else None,
            "visit_duration": duration / count if count else None,
        }

    def sort(self, rows: list[Row], query: Query) -> None:
        order = list(query.order) or [
            *((name, "asc") for name in query.dimensions if name.startswith("time:")),
            (query.metrics[0], "desc"),
        ]
        rows.sort(key=lambda row: [word.encode() for word in row.dimensions])
        for name, direction in reversed(order):
            if name in query.dimensions:
                index = query.dimensions.index(name)
                rows.sort(key=lambda row: row.dimensions[index].encode(), reverse=direction == "desc")
                continue
            index = query.metrics.index(name)
            rows.sort(key=lambda row: row.metrics[index] or 0, reverse=direction == "desc")
            rows.sort(key=lambda row: row.metrics[index] is None)
