"""What is known of an event, and of a visit from all of its events, by the definitions of METRICS."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from analytics.events import Event

FIELDS = {
    "event:name": "name", "event:page": "path", "event:hostname": "host", "event:page_title": "title",
    "event:category": "category", "event:currency": "currency",
    "event:scroll_percent": "scroll_percent", "visit:entry_page": "entry_path", "visit:device": "device",
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
