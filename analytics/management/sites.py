"""Which site a command means."""

from __future__ import annotations

from django.core.management.base import CommandError

from analytics.sites import lookup, models


def named(reference: str) -> models.Site:
    """The site with this id of any kind. Raises CommandError."""
    found = lookup.site(reference)
    if found is None:
        raise CommandError(f"There is no site {reference!r}; `bin/manage site list` shows them.")
    return models.Site.objects.get(pk=found.id)
