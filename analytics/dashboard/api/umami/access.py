"""Who asks: a user with the token of a login, or an API key; and which websites they may read."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import QuerySet
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request

from analytics.dashboard.api.umami import tokens
from analytics.sites import access, lookup
from analytics.sites.models import ApiKey, Site

SCOPE = "stats:read"
_MISSING = "Send the token of POST /api/auth/login as `Authorization: Bearer TOKEN`, or an API key as x-umami-api-key."
_UNKNOWN = "The token or key is not known, or no longer."
_NO_WEBSITE = "There is no such website, or it is not yours to read."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`request.auth` of a user; what an ApiKey is for a program."""

    user: User

    @property
    def pk(self) -> str:
        return f"user-{self.user.pk}"

    def sites(self) -> QuerySet[Site]:
        return access.sites_of(self.user)


@dataclass(frozen=True, slots=True)
class Keyed:
    """`request.auth` of an API key."""

    key: ApiKey

    @property
    def pk(self) -> int:
        return self.key.pk

    def sites(self) -> QuerySet[Site]:
        if SCOPE not in self.key.scopes:
            return Site.objects.none()
        given = Site.objects.filter(organisation=self.key.organisation_id).order_by("domain")
        return given.filter(pk=self.key.site_id) if self.key.site_id else given


Caller = SignedIn | Keyed


class TokenOrKey(BaseAuthentication):
    """`request.auth` becomes a Caller; without a known token or key the answer is 401."""

    def authenticate(self, request: Request) -> tuple[User | None, Caller]:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        given = [text.strip()] if scheme.lower() == "bearer" else []
        given = [text for text in (*given, request.headers.get("x-umami-api-key", "").strip()) if text]
        if not given:
            raise AuthenticationFailed(_MISSING)
        for text in given:
            if key := access.api_key(text):
                return None, Keyed(key)
            if user := tokens.owner(text):
                return user, SignedIn(user)
        raise AuthenticationFailed(_UNKNOWN)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def website(caller: Caller, reference: str) -> Site:
    """The site that one of its ids names (a uuid of Umami's among its aliases too). Raises NotFound."""
    known = lookup.site(reference, "umami")
    found = caller.sites().filter(pk=known.id).first() if known else None
    if found is None:
        raise NotFound(_NO_WEBSITE)
    return found
