"""The vocabulary: what crosses from one stage to the next, why a hit is refused, and the limits.

Everything here is a frozen value without Django in it. Stages hand each other these values and nothing else.
"""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from uuid import UUID

import msgspec

# Names of events that mean the same whatever the wire format; every other name is the site's own.
PAGEVIEW = "pageview"
ENGAGEMENT = "engagement"
"""How long and how far a page was read: `engagement_ms`, `scroll_percent`."""
IDENTIFY = "identify"
"""Who the visitor is: `user_id`, traits in `props`."""
WEB_VITALS = "web_vitals"
"""How fast the page was, in props: `lcp`, `inp`, `fcp`, `ttfb` in milliseconds, `cls`."""
PASSIVE = frozenset({ENGAGEMENT, IDENTIFY, WEB_VITALS})
"""What nobody did: never interactive, whatever the client says."""
PURCHASE = "purchase"
"""An order: `revenue` and `currency`; `order_id` and `items` in props (`protocols/shop.py`)."""


class Hit(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One event as it was received, immutable; one row of the table `hit`.

    It travels through the buffer as a msgpack array: new fields go at the end and have a default, so that an older
    and a newer process can read each other's entries.
    """

    site_id: int
    hit_id: UUID
    """UUIDv7, made at the door."""
    received_at: dt.datetime
    ts: dt.datetime
    """When it happened: the client's time, corrected and clamped; else `received_at`."""
    protocol: str
    payload: str
    """The event's own JSON, query string or log line, untouched but for addresses."""
    user_agent: str = ""
    client_hints: str = ""
    """The Sec-CH-UA headers that came, as JSON."""
    language: str = ""
    referer: str = ""
    """The Referer header."""
    ip_prefix: str = ""
    """Network of the client, /24 or /48. The full address exists nowhere."""
    visitor_id: int
    """Signed 64 bits; a keyed hash that cannot be turned back."""
    previous_visitor_id: int | None = None
    """Whom the visitor may have been a moment ago: the same under yesterday's salt, or before signing in. Never stored;
    tried for a visit that is still open."""
    cookieless: bool = True
    """True when the visitor id holds for a day only."""
    event_id: UUID | None = None
    """The client's own id in canonical form: the same (site, event id) counts once."""
    refused: str = ""
    """A value of `Refusal` when the hit was refused at the door; such a hit has no event."""
    flags: str = ""
    """Comma-separated values of `Flag`."""


class Flag(enum.StrEnum):
    """What the door remarks on a hit; the pipeline reads it, for what it is about is not kept."""

    CLAMPED = "clamped"
    """The time was moved into the allowed range."""
    SCRUBBED = "scrubbed"
    """Secrets or e-mail addresses were taken out of the payload."""
    EXCLUDED_ADDRESS = "excluded-address"
    """The client's address is one that the site leaves out of its reports."""
    PREFETCH = "prefetch"
    """A browser fetched the page ahead, perhaps for nobody."""


class ClientEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the client said, in our words, whatever the wire format. `protocols.read(hit)` makes it of a payload."""

    name: str
    url: str = ""
    referrer: str = ""
    title: str = ""
    event_id: UUID | None = None
    timestamp: dt.datetime | None = None
    client_id: str = ""
    """A stable id the client keeps (GA4 `cid`, Segment `anonymousId`)."""
    user_id: str = ""
    props: dict[str, str] = {}
    revenue: Decimal | None = None
    currency: str = ""
    """ISO 4217, upper case."""
    interactive: bool = True
    """False: does not save a visit from being a bounce."""
    engagement_ms: int = 0
    scroll_percent: int = 0
    screen: str = ""
    """Width x height, such as `1920x1080`."""
    language: str = ""
    category: str = ""
    """Set by formats that know that it is no page (`asset`, `error`, `redirect` of an access log)."""
    fragment: bool = False
    """The page's path goes on behind the `#`: a single-page site that routes by it."""
    from_server: bool = False
    """The sender is a program on behalf of the visitor: its address and user agent say nothing about the visitor."""
    user_agent: str = ""
    """The visitor's, as a program says it; it stands in for the header."""
    address: str = ""
    """The visitor's, as a program says it. Believed with a secret key only."""


class VisitAttributes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a visit takes from its first event and repeats on all of them. What is not set is the empty string."""

    entry_path: str
    referrer: str
    source: str
    medium: str
    channel: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_content: str
    utm_term: str
    country: str
    """ISO 3166-1 alpha-2."""
    region: str
    city: str
    browser: str
    browser_version: str
    os: str
    os_version: str
    device: str
    """Desktop, Mobile, Tablet, TV, Console or Other."""
    screen: str
    language: str


class Event(VisitAttributes, frozen=True, kw_only=True, gc=False):
    """What reports count, derived from a hit under a ruleset; one row of the table `event`.

    Text is never null: what is not set is the empty string.
    """

    site_id: int
    ts: dt.datetime
    hit_id: UUID
    event_id: UUID | None
    visitor_id: int
    cookieless: bool
    visit_id: int
    visit_started_at: dt.datetime
    name: str
    host: str
    path: str
    title: str
    interactive: bool
    engagement_ms: int
    scroll_percent: int
    revenue: Decimal | None
    currency: str
    props: str
    """A JSON object of strings; `{}` when there are none."""
    category: str
    """Empty: counted. Otherwise why reports leave it out; docs/sites.md lists them."""
    ruleset: int
    part: int = 0
    batch: int = 0


class Limits:
    """Every limit of the door, in one place."""

    BODY_BYTES = 1 << 20
    INFLATED_BYTES = 4 << 20
    EVENTS_PER_REQUEST = 500
    EVENT_BYTES = 32 << 10
    NAME_CHARS = 128
    URL_CHARS = 2048
    TITLE_CHARS = 512
    USER_AGENT_CHARS = 512
    ID_CHARS = 256
    PROPS = 100
    PROP_KEY_CHARS = 128
    PROP_VALUE_CHARS = 1024
    REFUSED_PAYLOAD_CHARS = 4096
    KEPT_PARAMETERS = 50
    PAST_SECONDS = 72 * 3600
    FUTURE_SECONDS = 10 * 60


class Refusal(enum.StrEnum):
    """Why the door refuses an event: a closed list. Each is counted; `ingest/answers.py` maps each to an answer."""

    BAD_JSON = "bad_json"
    BAD_ENCODING = "bad_encoding"
    TOO_LARGE = "too_large"
    TOO_MANY_EVENTS = "too_many_events"
    NO_EVENTS = "no_events"
    NO_SITE = "no_site"
    UNKNOWN_SITE = "unknown_site"
    BAD_KEY = "bad_key"
    SUSPENDED = "suspended"
    RATE_LIMITED = "rate_limited"
    OVER_QUOTA = "over_quota"
    OPTED_OUT = "opted_out"
    NO_NAME = "no_name"
    BAD_NAME = "bad_name"
    BAD_URL = "bad_url"
    BAD_FIELD = "bad_field"
    BAD_TIMESTAMP = "bad_timestamp"
    BAD_EVENT_ID = "bad_event_id"
    BAD_PROPS = "bad_props"
    BAD_REVENUE = "bad_revenue"


NOT_KEPT = frozenset({Refusal.SUSPENDED, Refusal.RATE_LIMITED, Refusal.OVER_QUOTA, Refusal.OPTED_OUT})
"""Refusals of which nothing but the number is kept: of a flood, and of who does not want to be counted."""


class Refused(Exception):
    """An event or a whole request that cannot be accepted. `message` tells the sender what to do about it."""

    def __init__(self, code: Refusal, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
