"""Who asks: an API key as a bearer token, what it may read, and how often."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from analytics.reports import shelf
from analytics.sites import access, lookup
from analytics.sites.models import ApiKey, Site

_HOUR = 3600
_MISSING = "There is no API key: send the header `Authorization: Bearer KEY`."
_UNKNOWN = "This API key is not known, or may not read this site."
"""Says nothing about whether a site exists: tenants do not see each other."""


class BearerKey(BaseAuthentication):
    """`request.auth` becomes the ApiKey; without a known one the answer is 401."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise AuthenticationFailed(_MISSING)
        found = access.api_key(text.strip())
        if found is None:
            raise AuthenticationFailed(_UNKNOWN)
        return None, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often a key may ask in this hour of the clock."""

    limit: int
    remaining: int
    seconds: int
    """Until the next hour."""


class PerHour(BaseThrottle):
    """So many requests of a key in an hour of the clock; not counted while the cache is away."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        allowed = settings.STATS_API_REQUESTS_PER_HOUR
        hour, seconds = divmod(int(dt.datetime.now(dt.UTC).timestamp()), _HOUR)
        asked = shelf.count(f"asked:{request.auth.pk}:{hour}", _HOUR)
        if asked:
            request.allowance = Allowance(allowed, max(0, allowed - asked), _HOUR - seconds)  # type: ignore[attr-defined]
        if asked > allowed:
            raise Throttled(_HOUR - seconds, f"This API key is limited to {allowed} requests per hour.")
        return True


def headers(allowance: Allowance) -> dict[str, str]:
    """`X-RateLimit-*`, as clients know them: requests, and seconds until the count begins anew."""
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": str(allowance.seconds),
    }


def site(request: Request, scope: str, reference: str) -> Site:
    """The site that a domain or id names, if the request's key may use `scope` on it. Raises AuthenticationFailed."""
    known = lookup.site(reference)
    found = Site.objects.filter(pk=known.id).first() if known else None
    if found is None or not isinstance(request.auth, ApiKey) or not request.auth.allows(scope, found):
        raise AuthenticationFailed(_UNKNOWN)
    return found
