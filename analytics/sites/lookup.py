"""Which site is meant: answered from this process for some seconds, then from the cache, then from PostgreSQL.

When PostgreSQL is away, the last known answer stands, so that known sites go on being counted; it is left alone for
a moment, so that nobody waits for it at every request.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from django.db import Error, close_old_connections

from analytics.rules import Ruleset, VisitTimeout
from analytics.sites import keys, models

TTL_SECONDS = 12.0
"""With the cache's 15 (settings.CACHEOPS) under half a minute: so long a revoked key may still open the door."""
PAUSE_SECONDS = 5.0
"""How long PostgreSQL is left alone after it did not answer; longer than it takes to notice that."""
MAX_ENTRIES = 50_000

log = logging.getLogger(__name__)
T = TypeVar("T")
_REFERENCE = re.compile(r"[a-z0-9_.:/{} -]{1,253}")


DatabaseFault = Error
"""What Django raises when PostgreSQL is away."""


class SiteFacts(msgspec.Struct, frozen=True):
    """What the door and the pipeline need to know of a site."""

    id: int
    domain: str
    timezone: str
    trusted: bool = False
    """The id by which it was found is known to the site's own servers alone."""
    excluded_addresses: tuple[str, ...] = ()
    honour_dnt: bool = False
    honour_gpc: bool = False
    events_per_minute: int | None = None
    events_per_month: int | None = None
    suspended: bool = False


class LookupAway(Exception):
    """PostgreSQL cannot be asked and this process has never known the answer."""


_known: dict[tuple[str, Any], tuple[float, Any]] = {}
_away_until = 0.0
"""Not 0: PostgreSQL did not answer last time."""
_lock = threading.Lock()


def remembered(kind: str, key: Any, load: Callable[[], T]) -> T:
    """What `load` gives, for TTL_SECONDS from memory; while PostgreSQL is away the last known. Raises LookupAway."""
    global _away_until
    now = time.monotonic()
    value: T
    fresh_until, value = _known.get((kind, key), (0.0, None))
    if fresh_until > now:
        return value
    if _away_until > now:
        return _last_known(kind, key)  # type: ignore[no-any-return]
    if _away_until:
        # One asks whether it is back, the others go on without.
        _away_until = now + PAUSE_SECONDS
    try:
        value = load()
    except DatabaseFault as error:
        log.warning("A %s could not be looked up: %s", kind, error)
        _away_until = time.monotonic() + PAUSE_SECONDS
        return _last_known(kind, key)  # type: ignore[no-any-return]
    finally:
        # The door and the writer send no signals of Django's, and a connection that broke would go on failing.
        close_old_connections()
    _away_until = 0.0
    with _lock:
        if len(_known) >= MAX_ENTRIES:
            _make_room()
        _known[kind, key] = (now + TTL_SECONDS, value)
    return value


def _last_known(kind: str, key: Any) -> Any:
    if (kind, key) not in _known:
        raise LookupAway(f"PostgreSQL is away, and this process has never known the {kind} {key!r}")
    return _known[kind, key][1]


def _make_room() -> None:
    """Forget what does not exist, for that is what floods; what exists only when that is not enough."""
    for place in [place for place, (_, value) in _known.items() if value is None]:
        del _known[place]
    if len(_known) >= MAX_ENTRIES:
        _known.clear()


def forget() -> None:
    """Forget every answer of this process."""
    global _away_until
    with _lock:
        _known.clear()
        _away_until = 0.0


def site(reference: str, ids: str = "") -> SiteFacts | None:
    """The site that an id names: one of its own (domain, uuid, integer id, `G-…`, public key), a further domain, or an
    alias among the `ids` of a protocol, which comes first. None: there is none.

    Raises LookupAway.
    """
    reference = models.bare_domain(reference)
    if not _REFERENCE.fullmatch(reference):
        return None
    return remembered("site", (ids, reference), lambda: _load_site(reference, ids))


def _load_site(reference: str, ids: str) -> SiteFacts | None:
    aliases = models.Alias.objects.filter(protocol__in=("domain", ids), identifier=reference).select_related("site")
    alias = max(aliases, key=lambda found: found.protocol == ids, default=None)
    found = alias.site if alias else models.Site.objects.filter(models.named(reference)).first()
    return facts(found, trusted=alias.trusted if alias else False) if found else None


def facts(found: models.Site, *, trusted: bool = False) -> SiteFacts:
    """What is known of a site that was found already."""
    return SiteFacts(
        id=found.pk,
        domain=found.domain,
        timezone=found.timezone,
        trusted=trusted,
        excluded_addresses=tuple(found.excluded_addresses),
        honour_dnt=found.honour_dnt,
        honour_gpc=found.honour_gpc,
        events_per_minute=found.events_per_minute,
        events_per_month=found.events_per_month,
        suspended=found.suspended_at is not None,
    )


def secret(key: str) -> int | None:
    """The id of the site whose secret key this is. Raises LookupAway."""
    digest = keys.digest(key)

    def load() -> int | None:
        found = models.SecretKey.objects.filter(hash=digest, revoked_at=None).first()
        return found.site_id if found else None

    return remembered("secret", digest, load)


def ruleset(site_id: int) -> Ruleset:
    """The rules in force for a site. Raises LookupAway."""
    return remembered("ruleset", site_id, lambda: load_ruleset(site_id))


def load_ruleset(site_id: int, version: int | None = None) -> Ruleset:
    """The rules of a site in a version, or those in force; from PostgreSQL, past every cache.

    Raises `models.Ruleset.DoesNotExist` when the site never had that version, and `models.BrokenRules` when that
    version is broken. Without a version, broken ones are passed over.
    """
    domain = models.Site.objects.nocache().values_list("domain", flat=True).get(pk=site_id)  # type: ignore[attr-defined]
    further = models.Alias.objects.nocache().filter(site_id=site_id, protocol="domain")  # type: ignore[attr-defined]
    hosts = (domain, *further.values_list("identifier", flat=True).order_by("pk"))
    stored = models.Ruleset.objects.nocache().filter(site_id=site_id, version__gt=1)  # type: ignore[attr-defined]
    if version is None:
        rules = _in_force(domain, stored.order_by("-version"))
    else:
        rules = Ruleset() if version == 1 else stored.get(version=version).converted()
    return msgspec.structs.replace(rules, own_hosts=(*hosts, *rules.own_hosts))


def _in_force(domain: str, newest_first: Iterable[models.Ruleset]) -> Ruleset:
    broken: list[str] = []
    rules = Ruleset()
    for stored in newest_first:
        try:
            rules = stored.converted()
            break
        except models.BrokenRules as error:
            broken.append(f"version {stored.version} ({error})")
    if broken:
        log.error("Rules of %s are broken, version %s is in force: %s", domain, rules.version, ", ".join(broken))
    return rules


def longest_idle() -> dt.timedelta:
    """The longest idle time that any site's visits may have. A timeout that is not allowed is never in force."""
    set_by_sites = models.Ruleset.objects.nocache().values_list("rules__visit_timeout_seconds", flat=True)  # type: ignore[attr-defined]
    return dt.timedelta(seconds=max([Ruleset().visit_timeout_seconds, *filter(_is_visit_timeout, set_by_sites)]))


def _is_visit_timeout(stored: object) -> bool:
    try:
        msgspec.convert(stored, VisitTimeout)
    except msgspec.ValidationError:
        return False
    return True
