"""A payload as a hit: who, when, and what is kept of it."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import NamedTuple

import msgspec
import uuid_utils.compat as uuid_utils

from analytics.events import ClientEvent, Flag, Hit, Limits, Refusal, Refused
from analytics.ingest import visitor
from analytics.protocols import clean, scrub
from analytics.sites.lookup import SiteFacts

_OLDEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""Reports reach no further back."""
_CLIENT_HINTS = ("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-ch-ua-platform-version")


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of the sender besides the body."""

    address: visitor.Address | None
    user_agent: str
    client_hints: str = ""
    language: str = ""
    referer: str = ""
    dnt: bool = False
    gpc: bool = False
    prefetch: bool = False


def caller(headers: Mapping[str, str], address: visitor.Address | None) -> Caller:
    """The headers that processing needs, clipped; no others are kept."""
    hints = {name: clean.text(headers[name], 256) for name in _CLIENT_HINTS if headers.get(name)}
    return Caller(
        address=address,
        user_agent=clean.text(headers.get("user-agent"), Limits.USER_AGENT_CHARS),
        client_hints=msgspec.json.encode(hints).decode() if hints else "",
        language=clean.text(headers.get("accept-language"), 64),
        referer=clean.text(_kept(headers.get("referer", ""), address), Limits.URL_CHARS),
        dnt=headers.get("dnt") == "1",
        gpc=headers.get("sec-gpc") == "1",
        prefetch="prefetch" in (headers.get("sec-purpose") or headers.get("purpose") or ""),
    )


@dataclass(frozen=True, slots=True)
class Door:
    """What holds for every event of a request."""

    who: Caller
    now: dt.datetime
    sent_at: dt.datetime | None = None
    secret_site: int | None = None
    """The site whose secret key came with the request."""
    history: bool = False
    """The events are of the past and made into hits here: visitors are named by the day of the event."""
    clean: bool = False
    """No payload of the request has anything that must not be kept: they were looked through together."""
    known: dict[visitor.Who, visitor.Visitor] = field(default_factory=dict)
    """Visitors of this request who have no id of their own."""


class Said(NamedTuple):
    """One event as it came, and as it was read."""

    protocol: str
    payload: str
    event: ClientEvent


def admit(protocol: ModuleType, payload: str, site: SiteFacts, door: Door) -> tuple[int, Hit]:
    """One payload as a hit, and the part it belongs to. Raises Refused, buffer.Away."""
    if len(payload) * 4 > Limits.EVENT_BYTES and len(payload.encode()) > Limits.EVENT_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"An event has at most {Limits.EVENT_BYTES} bytes.")
    return hit(Said(protocol.NAME, payload, protocol.read(payload)), site, door)


def hit(said: Said, site: SiteFacts, door: Door) -> tuple[int, Hit]:
    """The hit that an event becomes, and the part it belongs to. Raises buffer.Away."""
    event = said.event
    trusted = site.trusted or door.secret_site is not None
    ts, clamped = happened_at(event.timestamp, door.sent_at, door.now, trusted=trusted)
    address = _address(event, door.who, trusted)
    agent = event.user_agent or door.who.user_agent
    sender = (site.id, address or door.who.address, agent)
    if door.history:
        who = visitor.historical(event, sender, ts)
    else:
        who = visitor.identify(event, sender, door.now, door.known)
    payload = said.payload if door.clean else _kept(said.payload, door.who.address, _reported(event))
    flags = [Flag.CLAMPED] if clamped else []
    if payload is not said.payload and payload != said.payload:
        flags.append(Flag.SCRUBBED)
    if site.excluded_addresses and excluded(address, site.excluded_addresses):
        flags.append(Flag.EXCLUDED_ADDRESS)
    if door.who.prefetch:
        flags.append(Flag.PREFETCH)
    made = Hit(
        site_id=site.id,
        hit_id=uuid_utils.uuid7(),
        received_at=door.now,
        ts=ts,
        protocol=said.protocol,
        payload=payload,
        user_agent=agent,
        client_hints=door.who.client_hints,
        language=door.who.language,
        referer=door.who.referer,
        ip_prefix=visitor.network(address),
        visitor_id=who.id,
        previous_visitor_id=who.previous_id,
        cookieless=who.cookieless,
        event_id=event.event_id,
        flags=",".join(flags),
    )
    return who.part, made


def is_clean(payloads: str, sender: visitor.Address | None) -> bool:
    """Whether there is nothing in them that must not be kept. A quick look: False where there may be something."""
    return not scrub.concerns(payloads) and _without(sender, payloads) is payloads


def _kept(text: str, *addresses: visitor.Address | None) -> str:
    """The text without what must not be kept of it, and without these addresses under whatever name."""
    text = scrub.payload(text)
    for address in addresses:
        text = _without(address, text)
    return text


def _without(address: visitor.Address | None, text: str) -> str:
    # What a page on this machine says of itself is nobody's address.
    return text if address is None or address.is_loopback else scrub.own(text, str(address))


def _reported(event: ClientEvent) -> visitor.Address | None:
    """The address that an event says its visitor has."""
    return visitor.parse_address(event.address) if event.address else None


def _address(event: ClientEvent, who: Caller, trusted: bool) -> visitor.Address | None:
    """Where the visitor is. A program's own address is nobody's; what it says instead takes a secret to be believed."""
    if event.address and trusted:
        return _reported(event)
    return None if event.from_server else who.address


def excluded(address: visitor.Address | None, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in any of the networks."""
    return address is not None and any(address in network for network in _parsed(networks))


@functools.lru_cache(maxsize=10_000)
def _parsed(networks: tuple[str, ...]) -> tuple[visitor.Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in networks)


def refused(protocol: ModuleType, payload: str, site: SiteFacts, door: Door, why: Refused) -> Hit:
    """What is kept of an event that was refused for a known site."""
    kept = Limits.REFUSED_PAYLOAD_CHARS
    return Hit(
        site_id=site.id,
        hit_id=uuid_utils.uuid7(),
        received_at=door.now,
        ts=door.now,
        protocol=protocol.NAME,
        # Cut twice: where it is cut nobody sees that a password was the beginning of credentials.
        payload=_kept(clean.text(payload, 2 * kept), door.who.address)[:kept],
        user_agent=door.who.user_agent,
        ip_prefix=visitor.network(door.who.address),
        visitor_id=0,
        refused=why.code.value,
    )


def happened_at(
    said: dt.datetime | None, sent_at: dt.datetime | None, now: dt.datetime, *, trusted: bool
) -> tuple[dt.datetime, bool]:
    """The time of an event, and whether it was moved into the allowed range.

    The client's time, corrected by `now - sent_at`, unless it was sent before it happened: such a pair of
    clocks corrects nothing. From a sender without a secret key it is clamped to [-72 h, +10 min]; with one any
    past time stands.
    """
    if said is None:
        return now, False
    ahead = dt.timedelta(seconds=Limits.FUTURE_SECONDS)
    ts = said + (now - sent_at) if sent_at and said <= sent_at + ahead else said
    earliest = _OLDEST if trusted else now - dt.timedelta(seconds=Limits.PAST_SECONDS)
    clamped = min(max(ts, earliest), now + ahead)
    return (ts, False) if clamped == ts else (clamped, True)
