"""Who asks: an API key, as Google's clients carry one; and which property they mean."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from analytics.reports.query import BadQuery
from analytics.sites import access, lookup
from analytics.sites.models import ApiKey, Site

SCOPE = "stats:read"
UNIVERSAL = "0"
"""The property that only has metadata."""
_MISSING = "There is no API key: send it as `Authorization: Bearer KEY` or as `x-goog-api-key`."
_UNKNOWN = "The API key is not known, or may not read this property."


class GoogleKey(BaseAuthentication):
    """`request.auth` becomes the ApiKey. What is wrong is 403: at 401 the clients try to renew what they have."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        given = (
            bearer.strip() if scheme.lower() == "bearer" else "",
            request.headers.get("x-goog-api-key", "").strip(),
            request.query_params.get("key", ""),
        )
        text = next(filter(None, given), "")
        found = access.api_key(text) if text else None
        if found is None:
            raise PermissionDenied(_UNKNOWN if text else _MISSING)
        return None, found


def site(request: Request, reference: str) -> Site:
    """The site whose id, measurement id or GA4 alias is the property's. Raises PermissionDenied."""
    known = lookup.site(reference, "ga4")
    found = Site.objects.filter(pk=known.id).first() if known else None
    if found is None or not isinstance(request.auth, ApiKey) or not request.auth.allows(SCOPE, found):
        raise PermissionDenied(_UNKNOWN)
    return found


def same(site: Site, body: object) -> None:
    """A request in a batch may name the property again, by any of its ids, but no other. Raises BadQuery."""
    named = body.get("property") if isinstance(body, dict) else None
    if named in (None, ""):
        return
    known = lookup.site(str(named).removeprefix("properties/"), "ga4")
    if known is None or known.id != site.pk:
        raise BadQuery("property", "must be the one in the address, or not be given")
