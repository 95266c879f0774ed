"""Umami's names of dimensions, units and operators → the catalogue's."""

from __future__ import annotations

from analytics.reports.query import Op

TYPES = {
    "path": "event:page",
    "url": "event:page",
    "entry": "visit:entry_page",
    "exit": "visit:exit_page",
    "title": "event:page_title",
    "hostname": "event:hostname",
    "host": "event:hostname",
    "referrer": "visit:referrer",
    "domain": "visit:source",
    "channel": "visit:channel",
    "event": "event:name",
    "tag": "event:props:tag",
    "browser": "visit:browser",
    "os": "visit:os",
    "device": "visit:device",
    "screen": "visit:screen",
    "language": "visit:language",
    "country": "visit:country",
    "region": "visit:region",
    "city": "visit:city",
    "utmSource": "visit:utm_source",
    "utmMedium": "visit:utm_medium",
    "utmCampaign": "visit:utm_campaign",
    "utmContent": "visit:utm_content",
    "utmTerm": "visit:utm_term",
}
"""What can be ranked and filtered; `url` and `host` are version 2's names."""
NOT_KEPT = ("query", "fullPath", "distinctId", "cohort", "excludeBounce", "minDuration", "spf")
"""Umami has them, Recount's reports do not; `spf` are properties of sessions."""
FOREIGN = ("visit:referrer", "visit:source")
"""Ranked without the visits that came from nowhere."""
UNITS = ("minute", "hour", "day", "month")
OPERATORS: dict[str, Op] = {
    "eq": "is",
    "neq": "is_not",
    "c": "contains",
    "dnc": "contains_not",
    "re": "matches",
    "nre": "matches_not",
}
"""`s` (set) and `ns` (not set) besides."""
EVENT_TYPES = {"1": "pageview", "2": "custom"}
