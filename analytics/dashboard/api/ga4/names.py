"""GA4's names of dimensions and metrics, and what they are here. What is not listed cannot be answered honestly.

A dimension is one or several of the catalogue's, of which no two different values look alike, so that visitors are
counted once. A metric is computed from those of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from analytics.dashboard import places
from analytics.events import ENGAGEMENT, PAGEVIEW
from analytics.reports import catalog
from analytics.reports.query import BadQuery

NOT_SET = "(not set)"
CUSTOM = "customEvent:"
OF_USERS = "customUser:"
"""Properties of users are kept as properties of their events."""
CONSTANT = "constant"

Type = Literal["TYPE_INTEGER", "TYPE_FLOAT", "TYPE_SECONDS", "TYPE_CURRENCY"]
Number = float | int | None


@dataclass(frozen=True, slots=True)
class Dimension:
    name: str
    label: str
    category: str
    parts: tuple[str, ...]
    """The catalogue's names; none: the same for every event."""
    description: str
    shown: Mapping[str, str] = field(default_factory=dict)
    """Values that are called otherwise here: the catalogue's → GA4's."""
    form: str = ""
    """Of a time: how it is written, by `times.py`."""
    joined: str = ""
    """What stands between several parts."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    label: str
    category: str
    type: Type
    needs: tuple[str, ...]
    """The catalogue's names."""
    description: str
    compute: Callable[..., Number] = lambda value: value
    """Of the values of `needs`."""


def _one(name: str, label: str, category: str, part: str, missing: str = NOT_SET) -> Dimension:
    definition = f"Recount's {catalog.dimension(part).label.lower()} ({part})."
    return Dimension(name, label, category, (part,), definition, {catalog.NONE: missing})


def _time(name: str, label: str, part: str, form: str) -> Dimension:
    return Dimension(name, label, "Time", (part,), f"{label} of the event, in the property's time zone.", form=form)


_EVENTS = {PAGEVIEW: "page_view", ENGAGEMENT: "user_engagement"}
_DEVICES = {name: name.lower() for name in ("Desktop", "Mobile", "Tablet", "TV", "Console", "Wearable")}
_COUNTRIES = dict(places.countries())
_TRAFFIC = (
    ("Source", "source", "visit:source", "(direct)"),
    ("Medium", "medium", "visit:medium", "(none)"),
    ("CampaignName", "campaign", "visit:utm_campaign", NOT_SET),
    ("DefaultChannelGroup", "default channel group", "visit:channel", NOT_SET),
    ("ManualSource", "manual source", "visit:utm_source", NOT_SET),
    ("ManualMedium", "manual medium", "visit:utm_medium", NOT_SET),
    ("ManualTerm", "manual term", "visit:utm_term", NOT_SET),
    ("ManualAdContent", "manual ad content", "visit:utm_content", NOT_SET),
)


def _traffic() -> list[Dimension]:
    """Each once of the session and once without a scope: here both are the visit's."""
    found = []
    for stem, label, part, missing in _TRAFFIC:
        for name, words in ((f"session{stem}", f"Session {label}"), (stem[0].lower() + stem[1:], label.capitalize())):
            found.append(_one(name, words, "Traffic Source", part, missing))
    both, words = ("visit:source", "visit:medium"), "Source and medium of the visit."
    for name in ("sessionSourceMedium", "sourceMedium"):
        found.append(Dimension(name, "Source / medium", "Traffic Source", both, words, joined=" / "))
    both, words = ("visit:utm_source", "visit:utm_medium"), "Source and medium of the visit, as its link names them."
    for name in ("sessionManualSourceMedium", "manualSourceMedium"):
        found.append(Dimension(name, "Manual source / medium", "Traffic Source", both, words, joined=" / "))
    return found


_DIMENSIONS = (
    _time("date", "Date", "time:day", "date"),
    _time("dateHour", "Date and hour", "time:hour", "dateHour"),
    _time("dateHourMinute", "Date, hour and minute", "time:minute", "dateHourMinute"),
    _time("yearMonth", "Year and month", "time:month", "yearMonth"),
    _time("isoYearIsoWeek", "ISO week of ISO year", "time:week", "isoYearIsoWeek"),
    _time("isoWeek", "ISO week", "time:week", "isoWeek"),
    _time("month", "Month", "time:month", "month"),
    _time("day", "Day", "time:day", "day"),
    _time("nthDay", "Nth day", "time:day", "nthDay"),
    _time("nthHour", "Nth hour", "time:hour", "nthHour"),
    _time("nthMinute", "Nth minute", "time:minute", "nthMinute"),
    _time("nthMonth", "Nth month", "time:month", "nthMonth"),
    _time("hour", "Hour", "time:hour_of_day", "hour"),
    _time("dayOfWeek", "Day of week", "time:weekday", "dayOfWeek"),
    _time("dayOfWeekName", "Day of week name", "time:weekday", "dayOfWeekName"),
    Dimension(
        "country", "Country", "Geography", ("visit:country",), "Country of the visitor, by its English name.",
        _COUNTRIES | {catalog.NONE: NOT_SET},
    ),
    _one("countryId", "Country ID", "Geography", "visit:country"),
    _one("region", "Region", "Geography", "visit:region"),
    _one("city", "City", "Geography", "visit:city"),
    _one("languageCode", "Language code", "User", "visit:language"),
    _one("browser", "Browser", "Platform / Device", "visit:browser"),
    Dimension(
        "deviceCategory", "Device category", "Platform / Device", ("visit:device",), "Kind of device, in lower case.",
        _DEVICES | {catalog.NONE: NOT_SET},
    ),
    _one("operatingSystem", "Operating system", "Platform / Device", "visit:os"),
    _one("operatingSystemVersion", "OS version", "Platform / Device", "visit:os_version"),
    Dimension(
        "operatingSystemWithVersion", "OS with version", "Platform / Device", ("visit:os", "visit:os_version"),
        "Operating system and its version.", joined=" ",
    ),
    Dimension(
        "platformDeviceCategory", "Platform / device category", "Platform / Device", ("visit:device",),
        "Web, and the kind of device.",
        {name: f"web / {word}" for name, word in _DEVICES.items()} | {catalog.NONE: f"web / {NOT_SET}"},
    ),
    _one("screenResolution", "Screen resolution", "Platform / Device", "visit:screen"),
    Dimension("platform", "Platform", "Platform / Device", (), "Always web."),
    Dimension("streamId", "Stream ID", "Platform / Device", (), "The number of the property."),
    Dimension("streamName", "Stream name", "Platform / Device", (), "The domain of the property."),
    _one("hostName", "Hostname", "Page / Screen", "event:hostname"),
    _one("pagePath", "Page path", "Page / Screen", "event:page"),
    _one("pagePathPlusQueryString", "Page path + query string", "Page / Screen", "event:page"),
    _one("unifiedPagePathScreen", "Page path and screen class", "Page / Screen", "event:page"),
    Dimension(
        "fullPageUrl", "Full page URL", "Page / Screen", ("event:hostname", "event:page"),
        "Hostname and path of the page.",
    ),
    _one("pageTitle", "Page title", "Page / Screen", "event:page_title"),
    _one("unifiedScreenName", "Page title and screen name", "Page / Screen", "event:page_title"),
    _one("pageReferrer", "Page referrer", "Page / Screen", "visit:referrer", ""),
    _one("landingPage", "Landing page", "Page / Screen", "visit:entry_page"),
    _one("landingPagePlusQueryString", "Landing page + query string", "Page / Screen", "visit:entry_page"),
    _one("contentGroup", "Content group", "Page / Screen", "event:props:content_group"),
    Dimension("eventName", "Event name", "Event", ("event:name",), "Name of the event, as GA4 calls it.", _EVENTS),
    Dimension(
        "percentScrolled", "Percent scrolled", "Page / Screen", ("event:scroll_percent",),
        "How far down its page the event happened, from 1 to 100.", {"0": NOT_SET},
    ),
    _one("linkUrl", "Link URL", "Link", "event:props:link_url"),
    _one("linkDomain", "Link domain", "Link", "event:props:link_domain"),
    _one("linkText", "Link text", "Link", "event:props:link_text"),
    _one("linkId", "Link ID", "Link", "event:props:link_id"),
    _one("linkClasses", "Link classes", "Link", "event:props:link_classes"),
    _one("outbound", "Outbound", "Link", "event:props:outbound"),
    _one("fileName", "File name", "Link", "event:props:file_name"),
    _one("fileExtension", "File extension", "Link", "event:props:file_extension"),
    _one("videoTitle", "Video title", "Video", "event:props:video_title"),
    _one("videoUrl", "Video URL", "Video", "event:props:video_url"),
    _one("videoProvider", "Video provider", "Video", "event:props:video_provider"),
    _one("groupId", "Group ID", "General", "event:props:group_id"),
    _one("searchTerm", "Search term", "General", "event:props:search_term"),
    _one("method", "Method", "General", "event:props:method"),
    _one("transactionId", "Transaction ID", "Ecommerce", "event:props:order_id"),
    *_traffic(),
)  # fmt: skip
DIMENSIONS = {dimension.name: dimension for dimension in _DIMENSIONS}


def _ratio(part: Number, whole: Number) -> Number:
    return part / whole if part is not None and whole else 0.0


def _share(percent: Number) -> Number:
    return (percent or 0.0) / 100


def _metric(name: str, label: str, category: str, type: Type, need: str) -> Metric:
    return Metric(name, label, category, type, (need,), catalog.metric(need).definition)


_METRICS = (
    _metric("activeUsers", "Active users", "User", "TYPE_INTEGER", "visitors"),
    _metric("totalUsers", "Total users", "User", "TYPE_INTEGER", "visitors"),
    _metric("sessions", "Sessions", "Session", "TYPE_INTEGER", "visits"),
    _metric("engagedSessions", "Engaged sessions", "Session", "TYPE_INTEGER", "engaged_visits"),
    Metric(
        "engagementRate", "Engagement rate", "Session", "TYPE_FLOAT", ("engaged_visits", "visits"),
        "Engaged sessions divided by sessions, from 0 to 1.", _ratio,
    ),
    Metric(
        "bounceRate", "Bounce rate", "Session", "TYPE_FLOAT", ("bounces", "visits"),
        "From 0 to 1. " + catalog.metric("bounce_rate").definition, _ratio,
    ),
    _metric("averageSessionDuration", "Average session duration", "Session", "TYPE_SECONDS", "visit_duration"),
    Metric(
        "sessionsPerUser", "Sessions per user", "Session", "TYPE_FLOAT", ("visits", "visitors"),
        "Sessions divided by active users.", _ratio,
    ),
    _metric("screenPageViews", "Views", "Page / Screen", "TYPE_INTEGER", "pageviews"),
    Metric(
        "screenPageViewsPerSession", "Views per session", "Page / Screen", "TYPE_FLOAT", ("pageviews", "visits"),
        "Views divided by sessions.", _ratio,
    ),
    Metric(
        "screenPageViewsPerUser", "Views per user", "Page / Screen", "TYPE_FLOAT", ("pageviews", "visitors"),
        "Views divided by active users.", _ratio,
    ),
    _metric("userEngagementDuration", "User engagement", "User", "TYPE_SECONDS", "engagement_seconds"),
    _metric("eventCount", "Event count", "Event", "TYPE_INTEGER", "events"),
    Metric(
        "eventCountPerUser", "Event count per user", "Event", "TYPE_FLOAT", ("events", "visitors"),
        "Events divided by active users.", _ratio,
    ),
    Metric(
        "eventsPerSession", "Events per session", "Event", "TYPE_FLOAT", ("events", "visits"),
        "Events divided by sessions.", _ratio,
    ),
    _metric("keyEvents", "Key events", "Event", "TYPE_FLOAT", "conversions"),
    _metric("conversions", "Conversions", "Event", "TYPE_FLOAT", "conversions"),
    Metric(
        "userKeyEventRate", "User key event rate", "User", "TYPE_FLOAT", ("conversion_rate",),
        "From 0 to 1. " + catalog.metric("conversion_rate").definition, _share,
    ),
    _metric("totalRevenue", "Total revenue", "Revenue", "TYPE_CURRENCY", "total_revenue"),
    _metric("purchaseRevenue", "Purchase revenue", "Revenue", "TYPE_CURRENCY", "total_revenue"),
    _metric("grossPurchaseRevenue", "Gross purchase revenue", "Revenue", "TYPE_CURRENCY", "total_revenue"),
    _metric("averagePurchaseRevenue", "Average purchase revenue", "Revenue", "TYPE_CURRENCY", "average_revenue"),
    Metric(
        "averagePurchaseRevenuePerPayingUser", "ARPPU", "Revenue", "TYPE_CURRENCY", ("total_revenue", "buyers"),
        "Revenue divided by purchasers.", _ratio,
    ),
    Metric(
        "transactionsPerPurchaser", "Transactions per purchaser", "Ecommerce", "TYPE_FLOAT", ("orders", "buyers"),
        "Orders divided by purchasers.", _ratio,
    ),
    Metric(
        "averageRevenuePerUser", "ARPU", "Revenue", "TYPE_CURRENCY", ("total_revenue", "visitors"),
        "Revenue divided by active users.", _ratio,
    ),
    _metric("transactions", "Transactions", "Ecommerce", "TYPE_INTEGER", "orders"),
    _metric("ecommercePurchases", "Ecommerce purchases", "Ecommerce", "TYPE_INTEGER", "orders"),
    _metric("totalPurchasers", "Total purchasers", "Ecommerce", "TYPE_INTEGER", "buyers"),
    Metric(
        "purchaserRate", "Purchaser rate", "Ecommerce", "TYPE_FLOAT", ("buyers", "visitors"),
        "Purchasers divided by active users.", _ratio,
    ),
)  # fmt: skip
METRICS = {metric.name: metric for metric in _METRICS}


MINUTES_AGO = Dimension(
    "minutesAgo", "Realtime minutes ago", "Time", ("time:minute",), "Minutes before now; 00 is the running one.",
    form="minutesAgo",
)  # fmt: skip
"""Of realtime reports alone."""


def dimension(name: str, field: str = "dimensions") -> Dimension:
    """The dimension of that name; `customEvent:KEY` and `customUser:KEY` are the property KEY. Raises BadQuery."""
    if name == MINUTES_AGO.name:
        return MINUTES_AGO
    scope, colon, key = name.partition(":")
    if scope + colon in (CUSTOM, OF_USERS) and key:
        return _one(name, key, "Custom", catalog.PROPS + key)
    if name not in DIMENSIONS:
        raise BadQuery(field, f"{name!r} is no dimension that can be answered; see /metadata of the property")
    return DIMENSIONS[name]


def metric(name: str, field: str = "metrics") -> Metric:
    """The metric of that name. Raises BadQuery."""
    if name not in METRICS:
        raise BadQuery(field, f"{name!r} is no metric that can be answered; see /metadata of the property")
    return METRICS[name]


def missing(part: str) -> Mapping[str, str]:
    """What values of a catalogue's dimension are called where it stands alone."""
    return next((one.shown for one in DIMENSIONS.values() if one.parts == (part,)), {})
