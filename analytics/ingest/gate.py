"""Who is let in at all: opted out, suspended, too fast, over quota. What comes in otherwise is read by `hits`."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from analytics.events import Refusal, Refused
from analytics.ingest import quota, rates, visitor
from analytics.ingest.hits import Door
from analytics.sites import lookup


def of_address(address: visitor.Address | None, now: dt.datetime) -> None:
    """Raises Refused when too many requests came from an address this minute; for IPv6, from its /64."""
    if address is None or not settings.REQUESTS_PER_ADDRESS:
        return
    if rates.count(f"a:{visitor.household(address)}", 1, now) > settings.REQUESTS_PER_ADDRESS:
        raise Refused(Refusal.RATE_LIMITED, "Too many requests came from this address; come again in a minute.")


def of_site(site: lookup.SiteFacts, door: Door, events: int) -> Refused | None:
    """Why nothing of a request is taken for a site, or None."""
    if door.secret_site not in {None, site.id}:
        return Refused(Refusal.BAD_KEY, "This secret key belongs to another site.")
    if site.suspended:
        return Refused(Refusal.SUSPENDED, "This site takes no events at present.")
    if (site.honour_dnt and door.who.dnt) or (site.honour_gpc and door.who.gpc):
        return Refused(Refusal.OPTED_OUT, "The visitor does not want to be counted, and the site honours it.")
    if site.events_per_minute is not None and rates.count(f"s:{site.id}", events, door.now) > site.events_per_minute:
        return Refused(Refusal.RATE_LIMITED, "The site takes no more events this minute; send them again later.")
    if site.events_per_month is not None and quota.accepted(site.id, door.now) + events > site.events_per_month:
        return Refused(Refusal.OVER_QUOTA, "The site's events of this month are used up.")
    return None
