"""Who is it: the client's address, and the visitor id that stands in for it."""

from __future__ import annotations

import datetime as dt
import functools
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from django.conf import settings

from analytics import buffer
from analytics.events import ClientEvent
from analytics.ingest import salts
from analytics.protocols import scrub

Address = scrub.Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_WITH_PORT = re.compile(r"\[([^]]*:[^]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visitor:
    id: int
    previous_id: int | None
    cookieless: bool
    part: int


def address(headers: Mapping[str, str], peer: str) -> Address | None:
    """The client's address: the right-most hop of CLIENT_ADDRESS_HEADER that is no trusted proxy; else the peer's.

    The header counts only when the peer itself is trusted. What is no address is None.
    """
    hop, trusted = parse_address(peer), settings.TRUSTED_PROXIES
    if not trusted:
        return hop
    hops = [text.strip() for text in headers.get(settings.CLIENT_ADDRESS_HEADER, "").split(",")]
    for text in filter(None, reversed(hops)):
        if hop is None or not any(hop in network for network in trusted):
            break
        hop = parse_address(text)
    return hop


def parse_address(text: str) -> Address | None:
    """An address, with or without a port. A zone (`%eth0`) makes it none.

    One that IPv6 carries whole is unwrapped (scrub.carried).
    """
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    return scrub.carried(found)


def network(address: Address | None) -> str:
    """What may be kept of an address: /24 or /48."""
    if address is None:
        return ""
    number = int(address)
    if address.version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.0/24"
    return f"{ipaddress.IPv6Address(number >> 80 << 80)}/48"


def household(address: Address) -> str:
    """Whom a limit is for, under a key: an IPv4 address, or the /64 that an IPv6 subscriber has to himself."""
    number = int(address) >> 64 if address.version == 6 else int(address)
    return f"{hashed(_lasting_key(), address.version, str(number)):x}"


Who = tuple[int, Address | None, str]
"""Of which site, from which address, with which user agent."""


def identify(said: ClientEvent, who: Who, now: dt.datetime, known: dict[Who, Visitor]) -> Visitor:
    """The visitor of an event. Raises buffer.Away when no salt is known.

    A client's or user's own id makes an id that lasts; otherwise it lasts for the UTC day, and yesterday's is
    given too, for a visit that runs across midnight. These are `known` for the length of a request, whose events
    mostly come from one of them.
    """
    if said.user_id or said.client_id:
        return lasting(who[0], said)
    if who not in known:
        known[who] = _of_today(who, now.date())
    return known[who]


def _of_today(who: Who, today: dt.date) -> Visitor:
    site_id, address, agent = who
    return _of_the_day(site_id, (address, agent), (salts.of(today), salts.of(today - dt.timedelta(days=1))))


def historical(said: ClientEvent, who: Who, happened_at: dt.datetime) -> Visitor:
    """The visitor of an event of the past, whose salt is gone: the day's key is derived from VISITOR_KEY.

    The same event always has the same visitor, so that a second import repeats the first. The ids are not
    those that the door gave live.
    """
    if said.user_id or said.client_id:
        return lasting(who[0], said)
    return _of_the_past(who, happened_at.astimezone(dt.UTC).date())


@functools.lru_cache(maxsize=10_000)
def _of_the_past(who: Who, day: dt.date) -> Visitor:
    site_id, address, agent = who
    return _of_the_day(site_id, (address, agent), (_past_key(day), _past_key(day - dt.timedelta(days=1))))


@functools.lru_cache(maxsize=1000)
def _past_key(day: dt.date) -> bytes:
    text = f"visitors of {day.isoformat()}"
    return hmac.digest(settings.VISITOR_KEY.encode(), text.encode(), "sha256")


def lasting(site_id: int, said: ClientEvent) -> Visitor:
    """The visitor whom the client's or the user's own id names, for ever.

    A user who signs in is still in the visit that the client began: the client's id decides the part and is tried for
    an open visit.
    """
    user, client = said.user_id and f"u {said.user_id}", said.client_id and f"c {said.client_id}"
    before = hashed(_lasting_key(), site_id, client) if user and client else None
    return Visitor(
        hashed(_lasting_key(), site_id, user or client), before, False, buffer.part_of(site_id, client or user)
    )


@functools.cache
def _lasting_key() -> bytes:
    return hmac.digest(settings.VISITOR_KEY.encode(), b"visitors that last", "sha256")


def _of_the_day(site_id: int, who: tuple[Address | None, str], keys: tuple[bytes, bytes]) -> Visitor:
    """The cookieless visitor under the key of the day, and under that of the day before."""
    text = f"{who[0]} {who[1]}"
    today, yesterday = keys
    return Visitor(hashed(today, site_id, text), hashed(yesterday, site_id, text), True, buffer.part_of(site_id, text))


def hashed(key: bytes, site_id: int, text: str) -> int:
    """64 bits, signed, that cannot be turned back without the key."""
    digest = blake2b(f"{site_id} {text}".encode(errors="replace"), digest_size=8, key=key, person=b"visitor")
    return int.from_bytes(digest.digest(), signed=True)
