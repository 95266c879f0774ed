"""PostHog's capture API: POST or GET /e, /capture, /batch, /track, /engage, /i/v0/e; see posthog_v1 for the newer one.

A single event, a list of events, or `{"api_key", "batch": […]}`, packed as `posthog_body` tells. Sources: posthog
rust/capture (v0_request.rs, common/types/event.rs), posthog-js (page-view.ts, request.ts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.events import ENGAGEMENT, IDENTIFY, PAGEVIEW, WEB_VITALS, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, flat, lenient, posthog_body, wire

NAME = "posthog"
IDS = "posthog"
METHODS = ("GET", "POST")
EVENTS_PER_REQUEST = 2500
"""PostHog counts bytes only; its clients send 100 at a time, or as many as they are told to."""
KEYS = {
    "name": ("event",),
    "event_id": ("uuid", "properties.$insert_id"),
    "timestamp": ("timestamp",),
    "distinct_id": ("distinct_id", "$distinct_id", "properties.distinct_id"),
    "device_id": ("properties.$device_id", "properties.$anon_distinct_id"),
    "user_id": ("properties.$user_id",),
    "identified": ("properties.$is_identified",),
    "profile": ("properties.$process_person_profile", "options.process_person_profile"),
    "cookieless": ("properties.$cookieless_mode", "options.cookieless_mode"),
    "props": ("properties",),
    "traits": ("properties.$set", "$set"),
    "first_traits": ("properties.$set_once", "$set_once"),
    "group_traits": ("properties.$group_set",),
    "group_type": ("properties.$group_type",),
    "group_id": ("properties.$group_key",),
    "url": ("properties.$current_url", "properties.$pathname"),
    "referrer": ("properties.$referrer",),
    "title": ("properties.$title", "properties.title"),
    "app": ("properties.$app_namespace",),
    "screen_name": ("properties.$screen_name",),
    "screen_width": ("properties.$screen_width",),
    "screen_height": ("properties.$screen_height",),
    "language": ("properties.$browser_language", "properties.$locale"),
    "user_agent": ("properties.$raw_user_agent", "properties.$user_agent"),
    "address": ("properties.$ip",),
    "library": ("properties.$lib", "$lib"),
    "is_server": ("properties.$is_server",),
    "engaged_seconds": ("properties.$prev_pageview_duration",),
    "scrolled": ("properties.$prev_pageview_max_content_percentage", "properties.$prev_pageview_max_scroll_percentage"),
    "revenue": ("properties.$revenue", "properties.revenue"),
    "currency": ("properties.$currency", "properties.currency"),
    "site": ("api_key", "token", "$token", "properties.token"),
    "events": ("batch",),
    "sent_at": ("sent_at",),
    "no_correction": ("properties.$ignore_sent_at", "options.disable_skew_correction"),
}
"""Ours → PostHog's; of several, the first that is there counts."""

_NAMES = {
    "$pageview": PAGEVIEW,
    "$screen": PAGEVIEW,
    "$pageleave": ENGAGEMENT,
    "$identify": IDENTIFY,
    "$web_vitals": WEB_VITALS,
}
_VITALS = ("LCP", "INP", "FCP", "TTFB", "CLS")
OF_THE_REQUEST = {Refusal.UNKNOWN_SITE: 401, Refusal.BAD_KEY: 401, Refusal.NO_SITE: 401, Refusal.SUSPENDED: 403}
"""What concerns a request's key, and the status it is answered with."""
_OF_NO_VISITOR = {"$groupidentify", "$create_alias"}
_NOBODY = "$posthog_cookieless"
"""What posthog-js says instead of an id when it may keep none."""
_DIRECT = "$direct"
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_CLICKS = (
    "gad_source", "mc_cid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "twclid", "li_fat_id",
    "igshid", "ttclid", "rdt_cid", "epik", "qclid", "sccid", "oppref", "bfcid", "irclid", "_kx",
)  # fmt: skip
"""What posthog-js repeats of the page's address on every event; click ids name a person's click."""
_NO_PROPS = {"token", "distinct_id", *_UTM, *_CLICKS}
_NO_PROPS_OF = {"$pageview": {"title"}, "$create_alias": {"alias"}}


def split(request: wire.Request) -> wire.Batch:
    """Raises Refused."""
    query = wire.parameters(flat.asked(request))
    text = posthog_body.text(request, query)
    body = wire.decode(text, dict[str, msgspec.Raw] | list[msgspec.Raw])  # type: ignore[arg-type]
    outer: dict[str, Any] = {}
    if isinstance(body, list):
        payloads = [bytes(item).decode() for item in wire.few(body, EVENTS_PER_REQUEST)]
    elif "batch" in body:
        batch = wire.decode(bytes(body.pop("batch")).decode(), list[msgspec.Raw])
        payloads = [bytes(item).decode() for item in wire.few(batch, EVENTS_PER_REQUEST)]
        outer = {key: wire.decode(bytes(raw).decode()) for key, raw in body.items()}
    else:
        payloads = [text]
        wire.decode(text)  # alone it is to blame for the request
    said = [lenient.readable(payload) for payload in payloads]
    if request.path.rstrip("/").endswith("/engage"):
        payloads = [_of_a_person(payload, one) for payload, one in zip(payloads, said, strict=True)]
    return addressed(payloads, said, outer, query)


def _of_a_person(payload: str, said: Mapping[str, Any]) -> str:
    """What /engage receives has no name when it tells of a person."""
    return payload if "event" in said else wire.together(msgspec.Raw(payload.encode()), {"event": "$identify"})


def addressed(
    payloads: Sequence[str], said: Sequence[Mapping[str, Any]], outer: Mapping[str, Any], query: Mapping[str, str]
) -> wire.Batch:
    """Payloads, each for the site of the request's key or else its own. Raises Refused when there is none at all."""
    keys = [lenient.text(lenient.found(outer, KEYS["site"]) or lenient.found(one, KEYS["site"]), 256) for one in said]
    default = next(filter(None, keys), "") or query.get("api_key", "") or query.get("token", "")
    if not default:
        raise Refused(Refusal.NO_SITE, "event submitted without an api_key")
    sent_at = lenient.found(outer, KEYS["sent_at"]) or lenient.found(said[0], KEYS["sent_at"]) or _clock(query)
    # One client decides for all of its events.
    uncorrected = any(_is_true(lenient.found(one, KEYS["no_correction"])) for one in said)
    moment = None if uncorrected else lenient.moment(sent_at)
    return wire.Batch(
        events=tuple(
            wire.Addressed(key or default, payload, name=lenient.text(one.get("uuid"), Limits.ID_CHARS))
            for key, payload, one in zip(keys, payloads, said, strict=True)
        ),
        sent_at=moment.isoformat() if moment else None,
    )


def _clock(query: Mapping[str, str]) -> int | None:
    """The client's milliseconds, as posthog-js puts them into the address."""
    digits = query.get("sent_at") or query.get("_") or ""
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) == 13 else None


def _is_true(value: object) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.strip().lower() in {"true", "1"})


def _said(payload: str) -> dict[str, Any]:
    """The event, with what its envelope adds."""
    if not payload.lstrip().startswith("["):
        said: dict[str, Any] = wire.decode(payload, dict[str, Any])
        return said
    own, shared = wire.apart(payload)
    return shared | own


def read(payload: str) -> ClientEvent:
    """One event. Raises Refused."""
    said = _said(payload)

    def of(key: str) -> Any:
        return lenient.found(said, KEYS[key])

    given = lenient.text(of("name"), Limits.NAME_CHARS + 1)
    name = clean.name(_NAMES.get(given, given))
    if of("distinct_id") is None:
        raise Refused(Refusal.BAD_FIELD, "event submitted without a distinct_id")
    client_id, user_id = _who(said, given)
    left = given == "$pageleave"
    revenue, currency = lenient.money(of("revenue"), of("currency"))
    return ClientEvent(
        name=name,
        url=_url(said, given),
        referrer="" if of("referrer") == _DIRECT else lenient.text(of("referrer"), Limits.URL_CHARS),
        title=lenient.text(lenient.found(said, KEYS["title"][: 2 if name == PAGEVIEW else 1]), Limits.TITLE_CHARS),
        event_id=lenient.event_id(of("event_id")),
        timestamp=lenient.moment(of("timestamp")),
        client_id=client_id,
        user_id=user_id,
        props=_props(said, given),
        revenue=revenue,
        currency=currency,
        interactive=name == PAGEVIEW or not given.startswith("$"),
        engagement_ms=lenient.whole(of("engaged_seconds"), 1000, 24 * 3600 * 1000) if left else 0,
        scroll_percent=lenient.whole(of("scrolled"), 100, 100) if left else 0,
        screen=lenient.screen(of("screen_width"), of("screen_height")),
        language=lenient.language(of("language")),
        from_server=_is_server(said),
        user_agent=lenient.text(of("user_agent"), Limits.USER_AGENT_CHARS),
        address=lenient.text(of("address"), 64),
    )


def _is_server(said: Mapping[str, Any]) -> bool:
    told = lenient.found(said, KEYS["is_server"])
    return lenient.is_server_library(lenient.found(said, KEYS["library"])) if told is None else _is_true(told)


def _who(said: Mapping[str, Any], name: str) -> tuple[str, str]:
    """(client id, user id). `distinct_id` is the client's until the visitor is identified, then the user's.

    Servers speak of users, unless they say that it is nobody's profile; what they tell of a group or an alias is no
    visit of anybody.
    """

    def of(key: str) -> Any:
        return lenient.found(said, KEYS[key])

    distinct, device, user = (lenient.someone(of(key)) for key in ("distinct_id", "device_id", "user_id"))
    if _is_true(of("cookieless")) or _NOBODY in {distinct, device}:
        return "", ""
    if _is_server(said):
        if name in _OF_NO_VISITOR:
            return "", ""
        anonymous = of("profile") is not None and not _is_true(of("profile"))
        return distinct, "" if anonymous else user or distinct
    told = of("identified")
    identified = bool(user or (device and device != distinct)) if told is None else _is_true(told)
    return device or distinct, (user or distinct) if identified or name == "$identify" else ""


def _url(said: Mapping[str, Any], name: str) -> str:
    page = lenient.url(lenient.found(said, KEYS["url"]))
    app = lenient.found(said, KEYS["app"])
    if not page and (name == "$screen" or app):
        page = lenient.screen_url(app, lenient.found(said, KEYS["screen_name"]))
    return lenient.tagged(page, lenient.mapping(said.get("properties")))


def _props(said: Mapping[str, Any], name: str) -> dict[str, str]:
    """The sender's own properties: those whose names start with `$` are PostHog's."""

    def of(key: str) -> Any:
        return lenient.found(said, KEYS[key])

    given = lenient.mapping(of("props"))
    ours: dict[str, Any] = {}
    if name in {"$identify", "$set"}:
        ours = lenient.mapping(of("first_traits")) | lenient.mapping(of("traits"))
    elif name == "$groupidentify":
        ours = {"group_type": of("group_type"), "group_id": of("group_id")} | lenient.mapping(of("group_traits"))
    elif name == "$web_vitals":
        ours = {vital.lower(): given.get(f"$web_vitals_{vital}_value") for vital in _VITALS}
    left_out = _NO_PROPS | _NO_PROPS_OF.get(name, set())
    if lenient.money(of("revenue"), of("currency"))[0] is not None:
        left_out |= {"revenue", "currency"}
    both = ours | given
    return lenient.props({key: both[key] for key in both if not key.startswith("$") and key not in left_out})


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """200 `{"status": 1}`, which alone its clients take for success; 204 when a beacon asks for it."""
    if why := lenient.all_refused(outcomes):
        return refuse(request, why, OF_THE_REQUEST.get(why.code, 400))
    if wire.parameters(request.query).get("beacon") == "1":
        return wire.Reply(204)
    return wire.Reply(200, b'{"status":1}')


def refuse(_: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused, in plain text."""
    return wire.Reply(OF_THE_REQUEST.get(refused.code, status), refused.message.encode(), "text/plain")
