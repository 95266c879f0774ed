"""One request in, hits in the buffer, one reply out: the door, whatever the protocol."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

import msgspec
import uuid_utils.compat as uuid_utils

from analytics import buffer
from analytics.events import ClientEvent, Hit, Limits, Refusal, Refused
from analytics.ingest import answers, visitor
from analytics.protocols import clean, wire
from analytics.sites import lookup

_OLDEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""Reports reach no further back."""
_CLIENT_HINTS = ("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-ch-ua-platform-version")


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of the sender besides the body."""

    address: visitor.Address | None
    user_agent: str
    client_hints: str
    language: str
    referer: str


def caller(headers: Mapping[str, str], address: visitor.Address | None) -> Caller:
    """The headers that processing needs, clipped; no others are kept."""
    hints = {name: clean.text(headers[name], 256) for name in _CLIENT_HINTS if headers.get(name)}
    return Caller(
        address=address,
        user_agent=clean.text(headers.get("user-agent"), Limits.USER_AGENT_CHARS),
        client_hints=msgspec.json.encode(hints).decode() if hints else "",
        language=clean.text(headers.get("accept-language"), 64),
        referer=clean.text(headers.get("referer"), Limits.URL_CHARS),
    )


def request(protocol: ModuleType, received: wire.Request, who: Caller, now: dt.datetime) -> wire.Reply:
    """Accept what is good, refuse what is not, say which. Nothing is answered 2xx that is not durable."""
    try:
        batch: wire.Batch = protocol.split(received)
        secret_site = lookup.secret(batch.secret) if batch.secret else None
        if batch.secret and secret_site is None:
            raise Refused(Refusal.BAD_KEY, "This secret key is unknown or was revoked.")
        sent_at = clean.timestamp(batch.sent_at)
        outcomes, parts = _sort_out(protocol, batch, Door(who, now, sent_at, secret_site))
        if parts:
            buffer.push(parts, now)
        reply: wire.Reply = protocol.answer(outcomes)
    except Refused as refused:
        buffer.count_refused({refused.code: 1}, now)
        reply = protocol.refuse(refused, answers.STATUS[refused.code])
    except (buffer.Away, lookup.LookupAway):
        return answers.TRY_LATER
    return reply


@dataclass(frozen=True, slots=True)
class Door:
    """What holds for every event of a request."""

    who: Caller
    now: dt.datetime
    sent_at: dt.datetime | None
    secret_site: int | None
    """The site whose secret key came with the request."""
    history: bool = False
    """The events are of the past and made into hits here: visitors are named by the day of the event."""


def _sort_out(protocol: ModuleType, batch: wire.Batch, door: Door) -> tuple[list[wire.Outcome], dict[int, list[Hit]]]:
    outcomes: list[wire.Outcome] = []
    parts: dict[int, list[Hit]] = defaultdict(list)
    nowhere: Counter[str] = Counter()
    for index, addressed in enumerate(batch.events):
        site = lookup.site(addressed.site)
        try:
            if site is None:
                raise Refused(Refusal.UNKNOWN_SITE, f"No site has the id {addressed.site[:60]!r}.")
            if door.secret_site not in {None, site.id}:
                raise Refused(Refusal.BAD_KEY, "This secret key belongs to another site.")
            part, made = admit(protocol, addressed.payload, site.id, door)
            parts[part].append(made)
            outcomes.append(wire.Outcome(index))
        except Refused as refused:
            outcomes.append(wire.Outcome(index, refused.code, refused.message))
            if site is None:
                nowhere[refused.code] += 1
            else:
                part = buffer.part_of(site.id, "refused")
                parts[part].append(_refused(protocol, addressed.payload, site.id, door, refused))
    if nowhere:
        buffer.count_refused(nowhere, door.now)
    return outcomes, parts


def admit(protocol: ModuleType, payload: str, site_id: int, door: Door) -> tuple[int, Hit]:
    """One payload as a hit, and the part it belongs to. Raises Refused."""
    if len(payload.encode()) > Limits.EVENT_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"An event has at most {Limits.EVENT_BYTES} bytes.")
    return hit(Said(protocol.NAME, payload, protocol.read(payload)), site_id, door)


class Said(NamedTuple):
    """One event as it came, and as it was read."""

    protocol: str
    payload: str
    event: ClientEvent


def hit(said: Said, site_id: int, door: Door) -> tuple[int, Hit]:
    """The hit that an event becomes, and the part it belongs to. Raises buffer.Away."""
    event = said.event
    ts, flags = happened_at(event.timestamp, door.sent_at, door.now, trusted=door.secret_site is not None)
    sender = (door.who.address, door.who.user_agent)
    if door.history:
        who = visitor.historical(site_id, event, sender, ts)
    else:
        who = visitor.identify(site_id, event, sender, door.now)
    made = Hit(
        site_id=site_id,
        hit_id=uuid_utils.uuid7(),
        received_at=door.now,
        ts=ts,
        protocol=said.protocol,
        payload=said.payload,
        user_agent=door.who.user_agent,
        client_hints=door.who.client_hints,
        language=door.who.language,
        referer=door.who.referer,
        ip_prefix=visitor.network(door.who.address),
        visitor_id=who.id,
        previous_visitor_id=who.previous_id,
        cookieless=who.cookieless,
        event_id=event.event_id,
        flags=flags,
    )
    return who.part, made


def _refused(protocol: ModuleType, payload: str, site_id: int, door: Door, refused: Refused) -> Hit:
    return Hit(
        site_id=site_id,
        hit_id=uuid_utils.uuid7(),
        received_at=door.now,
        ts=door.now,
        protocol=protocol.NAME,
        payload=clean.text(payload, Limits.REFUSED_PAYLOAD_CHARS),
        user_agent=door.who.user_agent,
        ip_prefix=visitor.network(door.who.address),
        visitor_id=0,
        refused=refused.code.value,
    )


def happened_at(
    said: dt.datetime | None, sent_at: dt.datetime | None, now: dt.datetime, *, trusted: bool
) -> tuple[dt.datetime, str]:
    """The time of an event, and a remark when it was moved.

    The client's time, corrected by `now - sent_at`, unless it was sent before it happened: such a pair of
    clocks corrects nothing. From a sender without a secret key it is clamped to [-72 h, +10 min]; with one any
    past time stands.
    """
    if said is None:
        return now, ""
    ahead = dt.timedelta(seconds=Limits.FUTURE_SECONDS)
    ts = said + (now - sent_at) if sent_at and said <= sent_at + ahead else said
    earliest = _OLDEST if trusted else now - dt.timedelta(seconds=Limits.PAST_SECONDS)
    clamped = min(max(ts, earliest), now + ahead)
    return (ts, "") if clamped == ts else (clamped, "clamped")
