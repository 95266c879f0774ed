"""The demo's organisation, site and user."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from analytics.ingest.demo import world
from analytics.sites import create, models

NAME = "Demo"
USER = "demo"


@dataclass(frozen=True)
class Ready:
    site: models.Site
    password: str
    """New each time; only its hash is kept."""


@transaction.atomic
def make() -> Ready:
    """The site, and a member who may see it and the staff's pages. What exists stays; the password is set anew."""
    site = models.Site.objects.filter(domain=world.DOMAIN).first()
    if site is None:
        site = create.site(world.DOMAIN, timezone="Europe/Berlin", organisation=NAME).site
    user, _ = User.objects.get_or_create(username=USER, defaults={"is_staff": True, "is_superuser": True})
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save()
    models.Membership.objects.get_or_create(
        organisation=site.organisation, user=user, defaults={"role": models.Membership.Role.OWNER}
    )
    return Ready(site, password)


def site() -> models.Site | None:
    """The demo's site, once it was made."""
    return models.Site.objects.filter(domain=world.DOMAIN).first()
