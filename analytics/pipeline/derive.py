"""Hit → event: the reading of the payload, what enrichment adds, and the visit. Pure: no clock, no I/O.

Live writing and recounts share this: the same hits, in the same order, under the same rules give the same events. (Live
hits come in batches, so one that came late finds the visit that began without it; a recount sees it in its place.)
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from analytics import protocols
from analytics.enrich import address, bots, channel, device, excluded, source, spam
from analytics.enrich.geo import Geo
from analytics.events import PASSIVE, ClientEvent, Event, Flag, Hit, Refused, VisitAttributes
from analytics.pipeline.visits import OpenVisits
from analytics.rules import Ruleset
from analytics.sites import lookup


class Failure(msgspec.Struct, frozen=True):
    """A hit that could not be processed, and why."""

    hit: Hit
    reason: str
    detail: str


class Derived(msgspec.Struct):
    """What hits came to. `stored` are those that have an event, in the order of `events`; they are kept under the
    visitor id of the event, which is that of its visit."""

    stored: list[Hit] = []
    events: list[Event] = []
    refused: list[Hit] = []
    duplicates: list[Hit] = []
    failures: list[Failure] = []
    late: list[Event] = []
    """Events that may not be in the visit they belong to, for they came after later ones of their visitor."""

    def set_aside(self, hit: Hit, detail: str) -> None:
        """The hit has an event that cannot be stored."""
        place = next(place for place, stored in enumerate(self.stored) if stored is hit)
        event = self.events[place]
        del self.stored[place], self.events[place]
        self.late = [late for late in self.late if late is not event]
        self.failures.append(Failure(hit, "unstorable", detail))


class Rules(msgspec.Struct, frozen=True):
    """What hits become events under."""

    of_site: Callable[[int], Ruleset]
    geo: Geo


class SiteRules(NamedTuple):
    """The rules of one site, and what every hit needs of them."""

    ruleset: Ruleset
    own_host: str
    idle: dt.timedelta

    @classmethod
    def of(cls, ruleset: Ruleset) -> SiteRules:
        return cls(ruleset, ruleset.own_hosts[0], dt.timedelta(seconds=ruleset.visit_timeout_seconds))


class Page(NamedTuple):
    host: str
    path: str


class Reading(NamedTuple):
    """A hit, what its client said, and the page it is about."""

    hit: Hit
    said: ClientEvent
    page: Page


def derive(hits: Iterable[Hit], rules: Rules, open_visits: OpenVisits) -> Derived:
    """Hits → events under rules, in the order of time. A hit that fails stays alone. Raises lookup.LookupAway."""
    derived = Derived()
    of_site = functools.cache(lambda site_id: SiteRules.of(rules.of_site(site_id)))
    for hit in sorted(hits, key=lambda hit: (hit.ts, hit.hit_id.int)):
        if hit.refused:
            derived.refused.append(hit)
            continue
        try:
            event = _event(hit, of_site(hit.site_id), rules.geo, open_visits)
        except lookup.LookupAway:
            raise
        except Refused as refused:
            derived.failures.append(Failure(hit, refused.code, refused.message))
        except Exception as error:  # A hit that breaks the code must not stop the others: it is kept and shown.
            derived.failures.append(Failure(hit, "error", f"{type(error).__name__}: {error}"[:500]))
        else:
            derived.stored.append(hit)
            derived.events.append(event)
            if open_visits.placed_late:
                derived.late.append(event)
    return derived


def _event(hit: Hit, site: SiteRules, geo: Geo, open_visits: OpenVisits) -> Event:
    said = protocols.read(hit)
    ruleset = site.ruleset
    at = page(said.url, site.own_host, ruleset.kept_parameters, said.fragment)
    read = Reading(hit, said, at)
    category = _category(read, ruleset, geo)
    visit = open_visits.place(hit, site.idle, not category, lambda: _attributes(read, ruleset, geo))
    return Event(
        site_id=hit.site_id,
        ts=hit.ts,
        hit_id=hit.hit_id,
        event_id=hit.event_id,
        visitor_id=visit.visitor_id,
        cookieless=hit.cookieless,
        visit_id=visit.id,
        visit_started_at=visit.started_at,
        name=said.name,
        host=at.host,
        path=at.path,
        title=said.title,
        interactive=said.interactive and said.name not in PASSIVE,
        engagement_ms=said.engagement_ms,
        scroll_percent=said.scroll_percent,
        revenue=said.revenue,
        currency=said.currency,
        props=msgspec.json.encode(said.props, order="sorted").decode() if said.props else "{}",
        category=category or (spam.CATEGORY if spam.matches(visit.attributes.referrer) else ""),
        ruleset=ruleset.version,
        **msgspec.structs.asdict(visit.attributes),
    )


@functools.lru_cache(maxsize=100_000)
def page(url: str, own_host: str, kept: tuple[str, ...] = (), fragment: bool = False) -> Page:
    """Host and path of an address, without credentials and port; a bare path is on the own host.

    Of the query string the path has the `kept` parameters, in their order; with `fragment` it goes on behind the `#`.
    """
    found = address.parse(url) if "//" in url[:10] else None
    beyond = _kept(url, kept, fragment) if kept or fragment else ""
    if found is not None:
        return Page(address.bare(found.host), f"{found.path or '/'}{beyond}")
    path = address.clean(url.partition("#")[0].partition("?")[0])
    return Page(own_host, f"{path}{beyond}" if path.startswith("/") else "")


def _kept(url: str, kept: tuple[str, ...], fragment: bool) -> str:
    before, hash_mark, behind = url.partition("#")
    wanted = [part for part in before.partition("?")[2].split("&") if part.partition("=")[0] in kept]
    text = f"?{'&'.join(wanted)}" if wanted else ""
    return address.clean(f"{text}#{behind}" if fragment and hash_mark and behind else text)


def _attributes(read: Reading, rules: Ruleset, geo: Geo) -> VisitAttributes:
    """What the visit that this hit begins takes from it."""
    hit, said, at = read
    came = source.attribute(said.url, said.referrer, rules.own_hosts, rules.source_names)
    machine = device.parse(_user_agent(hit, said))
    place = geo.locate(hit.ip_prefix)
    return VisitAttributes(
        entry_path=at.path,
        referrer=came.referrer,
        source=came.source,
        medium=came.medium,
        channel=channel.classify(came, rules.channel_rules),
        utm_source=came.utm_source,
        utm_medium=came.utm_medium,
        utm_campaign=came.utm_campaign,
        utm_content=came.utm_content,
        utm_term=came.utm_term,
        country=place.country,
        region=place.region,
        city=place.city,
        browser=machine.browser,
        browser_version=machine.browser_version,
        os=machine.os,
        os_version=machine.os_version,
        device=machine.device,
        screen=said.screen,
        language=_language(said.language or hit.language),
    )


def _language(given: str) -> str:
    """The first language, such as `en-GB`."""
    return given.partition(",")[0].partition(";")[0].strip()[:35].replace("*", "")


def _user_agent(hit: Hit, said: ClientEvent) -> str:
    """The visitor's. A program that sends for a visitor and does not say it has none to tell."""
    return "" if said.from_server and not said.user_agent else hit.user_agent


def _category(read: Reading, rules: Ruleset, geo: Geo) -> str:
    """Empty for what reports count, else why they leave it out, whatever visit it belongs to."""
    hit, said, at = read
    agent = _user_agent(hit, said)
    category = said.category if said.from_server and not agent else bots.classify(agent) or said.category
    if category:
        return category
    if Flag.PREFETCH in hit.flags:
        return "prefetch"
    if said.url and rules.allowed_hosts and excluded.foreign(at.host, rules.allowed_hosts):
        return "foreign-host"
    if (
        Flag.EXCLUDED_ADDRESS in hit.flags
        or excluded.matches(at.path, rules.excluded_paths)
        or (rules.excluded_countries and geo.locate(hit.ip_prefix).country in rules.excluded_countries)
    ):
        return "excluded"
    return ""
