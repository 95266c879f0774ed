"""The answer to a query by the definitions of METRICS, in plain Python, without the code under test.

Slow and obvious: every event is looked at, visits are put together from all of their events, time is `zoneinfo`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from analytics.events import Event
from analytics.reports.query import All, AnyOf, Condition, Done, Filter, Not, Query, Row

FIELDS = {
    "event:name": "name", "event:page": "path", "event:hostname": "host", "event:page_title": "title",
    "event:category": "category", "visit:entry_page": "entry_path", "visit:device": "device",
    "visit:screen": "screen", "visit:source": "source", "visit:medium": "medium", "visit:referrer": "referrer",
    "visit:channel": "channel", "visit:utm_source": "utm_source", "visit:utm_medium": "utm_medium",
    "visit:utm_campaign": "utm_campaign", "visit:utm_content": "utm_content", "visit:utm_term": "utm_term",
    "visit:browser": "browser", "visit:browser_version": "browser_version", "visit:os": "os",
    "visit:os_version": "os_version", "visit:language": "language", "visit:country": "country",
    "visit:region": "region", "visit:city": "city",
}  # fmt: skip


class Visit:
    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.started_at = events[0].visit_started_at
        views = [event for event in events if event.name == "pageview"]
        custom = [e for e in events if e.interactive and e.name not in ("pageview", "engagement")]
        self.pageviews = len(views)
        self.bounced = len(views) < 2 and not custom
        times = [event.ts for event in events]
        self.engaged = len(views) > 1 or max(times) - min(times) > dt.timedelta(seconds=10)
        self.duration = dt.timedelta() if self.bounced else max(times) - min(times)
        last = max(views, key=lambda event: (event.ts, event.hit_id), default=None)
        self.exit_page = last.path if last else ""


def local_text(name: str, at: dt.datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    day = local.date()
    return {
        "time:minute": f"{local:%Y-%m-%d %H:%M}:00",
        "time:hour": f"{local:%Y-%m-%d %H}:00:00",
        "time:day": f"{day}",
        "time:week": f"{day - dt.timedelta(days=day.weekday())}",
        "time:month": f"{day:%Y-%m}-01",
        "time:weekday": f"{day.isoweekday()}",
        "time:hour_of_day": f"{local:%H}",
    }[name]


class Oracle:
    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)

    def rows(self, query: Query) -> tuple[list[Row], int]:
        """The page of rows, and how many rows there are."""
        counted = [e for e in self.events if e.site_id == query.site_id and (query.with_bots or e.category == "")]
        by_visit: dict[int, list[Event]] = defaultdict(list)
        for event in counted:
            by_visit[event.visit_id].append(event)
        visits = {number: Visit(events) for number, events in by_visit.items()}
        in_range = [event for event in counted if query.start <= event.ts < query.end]
        found_events: dict[tuple[str, ...], list[Event]] = defaultdict(list)
        everybody = []
        for event in in_range:
            if self.holds(query.filter, event, visits[event.visit_id], event.ts, query):
                found_events[self.key(event, visits[event.visit_id], event.ts, query)].append(event)
                everybody.append(event)
        found_visits: dict[tuple[str, ...], list[Visit]] = defaultdict(list)
        for visit in visits.values():
            if query.start <= visit.started_at < query.end:
                keys = {
                    self.key(event, visit, visit.started_at, query)
                    for event in visit.events
                    if self.holds(query.filter, event, visit, visit.started_at, query)
                }
                for key in keys:
                    found_visits[key].append(visit)
        wanted = self.all_keys(query, found_events, found_visits)
        total = len({event.visitor_id for event in everybody})
        rows = [Row(key, self.metrics(query, found_events[key], found_visits[key], total)) for key in wanted]
        self.sort(rows, query)
        return rows[query.offset : query.offset + query.limit], len(rows)

    def all_keys(self, query: Query, events: Any, visits: Any) -> list[tuple[str, ...]]:
        of_events = {"visitors", "pageviews", "events", "percentage", "unique_pageviews", "time_on_page"}
        keys: set[tuple[str, ...]] = set()
        if set(query.metrics) & of_events:
            keys |= set(events)
        if set(query.metrics) - of_events:
            keys |= set(visits)
        if not query.dimensions:
            return [()]
        buckets = ("time:minute", "time:hour", "time:day", "time:week", "time:month")
        if query.fill and len(query.dimensions) == 1 and query.dimensions[0] in buckets:
            at = query.start.astimezone(dt.UTC)
            while at < query.end:
                keys.add((local_text(query.dimensions[0], at, query.zone),))
                at = at.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        return list(keys)

    def value(self, name: str, event: Event, visit: Visit, at: dt.datetime, query: Query) -> str:
        if name.startswith("time:"):
            return local_text(name, at, query.zone)
        if name == "visit:exit_page":
            return visit.exit_page or "(none)"
        if name.startswith("event:props:"):
            return json.loads(event.props).get(name.removeprefix("event:props:"), "") or "(none)"
        return getattr(event, FIELDS[name]) or "(none)"

    def key(self, event: Event, visit: Visit, at: dt.datetime, query: Query) -> tuple[str, ...]:
        return tuple(self.value(name, event, visit, at, query) for name in query.dimensions)

    def holds(self, tree: Filter | None, event: Event, visit: Visit, at: dt.datetime, query: Query) -> bool:
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
                value = self.value(dimension, event, visit, at, query)
                if op in ("matches", "matches_not"):
                    case = re.IGNORECASE if not case_sensitive else re.NOFLAG
                    return any(re.search(each, value, case) for each in values) == (op == "matches")
                wanted: Sequence[str] = [each or "(none)" for each in values]
                if not case_sensitive:
                    value, wanted = value.lower(), [each.lower() for each in wanted]
                if op in ("is", "is_not"):
                    return (value in wanted) == (op == "is")
                return any(each in value for each in wanted) == (op == "contains")

    def metrics(
        self, query: Query, events: list[Event], visits: list[Visit], total: int
    ) -> tuple[float | int | None, ...]:
        visitors = len({event.visitor_id for event in events})
        count = len(visits)
        pings = [event for event in events if event.name == "engagement"]
        readers = {event.visitor_id for event in pings}
        given: dict[str, float | int | None] = {
            "visitors": visitors,
            "pageviews": sum(event.name == "pageview" for event in events),
            "events": sum(event.name != "engagement" for event in events),
            "visits": count,
            "unique_pageviews": len({(event.visit_id, event.path) for event in events if event.name == "pageview"}),
            "time_on_page": sum(e.engagement_ms for e in pings) / 1000 / len(readers) if readers else None,
            "engagement_rate": 100 * sum(visit.engaged for visit in visits) / count if count else None,
            "median_visit_duration": statistics.median(v.duration.total_seconds() for v in visits) if visits else None,
            "percentage": 100 * visitors / total if total else None,
            "bounce_rate": 100 * sum(visit.bounced for visit in visits) / count if count else None,
            "views_per_visit": sum(visit.pageviews for visit in visits) / count if count else None,
            "visit_duration": sum((v.duration for v in visits), dt.timedelta()).total_seconds() / count
            if count
            else None,
        }
        return tuple(given[name] for name in query.metrics)

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
