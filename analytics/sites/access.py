"""Who may see what: the only place where a user is matched with sites."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from analytics.sites import keys, models


class NoSuchSite(Exception):
    """There is no such site, or it is someone else's: the two are not told apart."""


def sites_of(user: User | AnonymousUser) -> QuerySet[models.Site]:
    """The sites that a signed-in user may read, by domain."""
    if user.is_anonymous:
        return models.Site.objects.none()
    return models.Site.objects.filter(organisation__memberships__user=user).order_by("domain")


def site_for(user: User | AnonymousUser, domain: str) -> models.Site:
    """One of the user's sites. Raises NoSuchSite."""
    found = sites_of(user).filter(domain=models.bare_domain(domain)).first()
    if found is None:
        raise NoSuchSite(domain)
    return found


def may_change(user: User | AnonymousUser, site: models.Site) -> bool:
    """Whether the user is an owner or admin of the site's organisation; viewers only read."""
    if user.is_anonymous:
        return False
    mine = models.Membership.objects.filter(user=user, organisation=site.organisation_id)
    return mine.exclude(role=models.Membership.Role.VIEWER).exists()


def site_to_change(user: User | AnonymousUser, domain: str) -> models.Site:
    """One of the sites that the user may change, as it is at this moment. Raises NoSuchSite."""
    found = models.Site.objects.nocache().filter(domain=models.bare_domain(domain)).first()  # type: ignore[attr-defined]
    if found is None or not may_change(user, found):
        raise NoSuchSite(domain)
    return found  # type: ignore[no-any-return]


def api_key(text: str) -> models.ApiKey | None:
    """The key that this text is, unless it was revoked."""
    return models.ApiKey.objects.filter(hash=keys.digest(text), revoked_at=None).first()
