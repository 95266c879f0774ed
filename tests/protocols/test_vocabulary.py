"""The two tables of docs/protocols.md that say what events and ids mean in each format, cell by cell."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from analytics.events import ClientEvent
from analytics.protocols import ga4, gtag, matomo, pixel, plausible, posthog, recount, segment, snowplow, umami, wire
from tests.protocols.test_protocols_documented import section

Said = dict[str, Any]
URL, MOMENT, MICROS = "https://example.com/a", "2026-11-20T12:00:00Z", 1_795_372_027_000_000


def sent(module: ModuleType, path: str, body: object, query: Said | None = None) -> ClientEvent:
    """The one event that a request brings."""
    method = "POST" if body is not None else "GET"
    raw = json.dumps(body).encode() if body is not None else b""
    (event,) = module.split(wire.Request(method, path, urlencode(query or {}), {}, raw)).events
    read: ClientEvent = module.read(event.payload)
    return read


def ours(event: Said) -> ClientEvent:
    return sent(recount, "/v1/events", {"site": "s", "events": [{"url": URL} | event]})


def of_plausible(event: Said) -> ClientEvent:
    return sent(plausible, "/api/event", {"d": "s", "u": URL} | event)


def of_ga4(event: Said) -> ClientEvent:
    """What is in `of` belongs to the request; what is in `gtag` comes from the tag."""
    if "gtag" in event:
        return sent(gtag, "/g/collect", None, {"tid": "s", "dl": URL} | event["gtag"])
    params = {"page_location": URL} | event.get("params", {})
    body = {"client_id": "1.2", "events": [event | {"params": params}]} | event.pop("of", {})
    return sent(ga4, "/mp/collect", body, {"measurement_id": "s"})


def of_segment(event: Said) -> ClientEvent:
    body = {"writeKey": "s", "anonymousId": "a", "context": {"page": {"url": URL}}} | event
    return sent(segment, f"/v1/{event['type']}", body)


def of_posthog(event: Said) -> ClientEvent:
    said = {"distinct_id": "d"} | event.get("properties", {}) | {"$current_url": URL}
    return sent(posthog, "/e", {"api_key": "s"} | event | {"properties": said})


def of_umami(event: Said) -> ClientEvent:
    body = {"type": event.pop("type", "event"), "payload": {"website": "s", "url": URL} | event}
    return sent(umami, "/api/send", body)


def of_matomo(event: Said) -> ClientEvent:
    return sent(matomo, "/matomo.php", None, {"idsite": "s", "rec": 1, "url": URL} | event)


def of_snowplow(event: Said) -> ClientEvent:
    return sent(snowplow, "/i", None, {"aid": "s", "url": URL} | event)


def of_the_pixel(event: Said) -> ClientEvent:
    return sent(pixel, "/pixel.gif", None, {"site": "s", "url": URL} | event)


READERS = {
    "ours": ours, "Plausible": of_plausible, "GA4, gtag": of_ga4, "Segment, RudderStack": of_segment,
    "PostHog": of_posthog, "Umami": of_umami, "Matomo": of_matomo, "Snowplow": of_snowplow, "pixel": of_the_pixel,
}  # fmt: skip
PAID = {"revenue": 9.5, "currency": "EUR"}
IDENTIFIED = {"$device_id": "d2", "$is_identified": True}
VITALS = {"data": {"schema": "iglu:com.snowplowanalytics.snowplow/web_vitals/jsonschema/1-0-0", "data": {"lcp": 48}}}

# Format → what is in the columns pageview, engagement, identify, web_vitals and purchase, by the words of the cells.
EVENTS: dict[str, dict[str, list[Said]]] = {
    "ours": {
        "pageview": [{"name": "pageview"}],
        "engagement": [{"name": "engagement", "engagement_ms": 100}],
        "identify": [{"name": "identify", "user_id": "u"}],
        "web_vitals": [{"name": "web_vitals", "props": {"lcp": 48}}],
        "purchase": [{"name": "purchase", "revenue": {"amount": 9.5, "currency": "EUR"}}],
    },
    "Plausible": {
        "pageview": [{"n": "pageview"}],
        "engagement": [{"n": "engagement", "e": 100}, {"n": "engagement", "sd": 50}],
        "purchase": [{"n": "Any", "$": {"amount": 9.5, "currency": "EUR"}}],
    },
    "GA4, gtag": {
        "pageview": [{"name": "page_view"}, {"name": "screen_view"}, {"gtag": {"en": "page_view"}}],
        "engagement": [
            {"name": "user_engagement", "params": {"engagement_time_msec": 100}},
            {"gtag": {"en": "user_engagement", "_et": 100}},
        ],
        "identify": [{"name": "any", "of": {"user_id": "u"}}, {"gtag": {"en": "any", "uid": "u"}}],
        "web_vitals": [{"name": "LCP", "params": {"value": 48}}, {"gtag": {"en": "LCP", "epn.value": 48}}],
        "purchase": [
            {"name": "purchase", "params": {"value": 9.5, "currency": "EUR"}},
            {"gtag": {"en": "purchase", "epn.value": 9.5, "cu": "EUR"}},
        ],
    },
    "Segment, RudderStack": {
        "pageview": [{"type": "page"}, {"type": "screen", "name": "Home"}],
        "identify": [{"type": "identify", "userId": "u"}],
        "purchase": [{"type": "track", "event": "Order Completed", "properties": PAID}],
    },
    "PostHog": {
        "pageview": [{"event": "$pageview"}, {"event": "$screen"}],
        "engagement": [{"event": "$pageleave", "properties": {"$prev_pageview_duration": 0.1}}],
        "identify": [{"event": "$identify", "properties": {"distinct_id": "u", "$anon_distinct_id": "d"}}],
        "web_vitals": [{"event": "$web_vitals", "properties": {"$web_vitals_LCP_value": 48}}],
        "purchase": [{"event": "any", "properties": PAID}],
    },
    "Umami": {
        "pageview": [{}],
        "engagement": [{"type": "engagement", "engagement": 100}],
        "identify": [{"type": "identify", "id": "u"}],
        "web_vitals": [{"type": "performance", "lcp": 48}],
        "purchase": [{"name": "any", "data": PAID}],
    },
    "Matomo": {
        "pageview": [{}],
        "engagement": [{"ping": 1}],
        "identify": [{"uid": "u"}],
        "purchase": [{"idgoal": 0, "ec_id": "T1", "revenue": 9.5}],
    },
    "Snowplow": {
        "pageview": [{"e": "pv"}],
        "engagement": [{"e": "pp", "vp": "10x50", "ds": "10x100"}],
        "identify": [{"e": "se", "se_ac": "any", "uid": "u"}],
        "web_vitals": [{"e": "ue", "ue_pr": json.dumps(VITALS)}],
        "purchase": [{"e": "tr", "tr_id": "T1", "tr_tt": 9.5, "tr_cu": "EUR"}],
    },
    "pixel": {"pageview": [{}]},
}  # fmt: skip

# Format → an event that says everything that the columns of ids and times name, and the fields that are read of it.
IDS: dict[str, tuple[list[Said], set[str]]] = {
    "ours": (
        [{"name": "x", "visitor_id": "c", "user_id": "u", "event_id": "e", "timestamp": MOMENT}],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "Plausible": ([{"n": "x", "id": "c", "user_id": "u", "event_id": "e", "timestamp": MOMENT}], set()),
    "GA4, gtag": (
        [
            {
                "name": "purchase", "timestamp_micros": MICROS, "params": {"transaction_id": "T1"},
                "of": {"user_id": "u"},
            },
            {
                "name": "purchase", "params": {"transaction_id": "T1"},
                "of": {"client_id": "", "app_instance_id": "a", "user_id": "u", "timestamp_micros": MICROS},
            },
            {"gtag": {"en": "purchase", "cid": "1.2", "uid": "u", "ep.transaction_id": "T1"}},
        ],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "Segment, RudderStack": (
        [
            {"type": "track", "event": "x", "userId": "u", "messageId": "m", "timestamp": MOMENT},
            {"type": "track", "event": "x", "userId": "u", "messageId": "m", "originalTimestamp": MOMENT},
        ],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "PostHog": (
        [
            {"event": "x", "uuid": "e", "timestamp": MOMENT, "properties": IDENTIFIED},
            {"event": "x", "timestamp": MOMENT, "properties": {"$insert_id": "e"} | IDENTIFIED},
        ],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "Umami": ([{"id": "u", "timestamp": 1_795_390_082, "event_id": "e"}], {"user_id", "timestamp"}),
    "Matomo": (
        [
            {key: "0123456789abcdef", "uid": "u", "idgoal": 0, "ec_id": "T1", "cdt": 1_795_390_082}
            for key in ("cid", "_id")
        ],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "Snowplow": (
        [
            {"e": "pv", key: "d", "uid": "u", "eid": "e", clock: 1_795_390_082_000}
            for key, clock in (("duid", "ttm"), ("nuid", "dtm"))
        ],
        {"client_id", "user_id", "event_id", "timestamp"},
    ),
    "pixel": ([{"event_id": "e", "visitor_id": "c", "user_id": "u", "timestamp": MOMENT}], {"event_id"}),
}  # fmt: skip
COLUMNS = ("client_id", "user_id", "event_id", "timestamp")


def table(of: int) -> dict[str, list[str]]:
    """First cell → the others, of one of the section's tables."""
    found = re.split(r"\n\n", section("One vocabulary").strip())
    rows = [part.splitlines() for part in found if part.startswith("|")][of]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: others for first, *others in cells if "---" not in first}


def meant(kind: str, event: ClientEvent) -> bool:
    """Whether an event is of a kind, and has what belongs to it."""
    named = kind in {"identify", "purchase"} or event.name == kind
    has = {
        "pageview": event.url.endswith("/a"),
        "engagement": event.engagement_ms == 100 or event.scroll_percent == 50,
        "identify": event.user_id == "u",
        "web_vitals": event.props.get("lcp") == "48",
        "purchase": event.revenue == Decimal("9.5"),
    }
    return named and has[kind]


@pytest.mark.parametrize("of", READERS)
def test_the_events_of_a_format_mean_what_the_table_says(of: str) -> None:
    rows = table(0)
    assert {kind for kind, cell in zip(rows[""], rows[of], strict=True) if cell} == {*EVENTS[of]}
    for kind, examples in EVENTS[of].items():
        for example in examples:
            event = READERS[of](dict(example))
            # Matomo tells no time with its pings.
            assert meant(kind, event) or ("ping" in example and event.name == kind), (kind, example)


@pytest.mark.parametrize("of", READERS)
def test_the_ids_and_times_of_a_format_are_those_of_the_table(of: str) -> None:
    examples, filled = IDS[of]
    cells = dict(zip(COLUMNS, table(1)[of], strict=True))
    assert {field for field, cell in cells.items() if cell not in {"", "arrival"}} == filled
    for example in examples:
        event = READERS[of](dict(example))
        without = {"timestamp"} if "gtag" in example else set()
        assert {field for field in COLUMNS if getattr(event, field) not in {"", None}} == filled - without, example


def test_every_format_is_in_both_tables() -> None:
    assert {*READERS} == {*table(1)} - {""} == {*table(0)} - {"", "fields"}
