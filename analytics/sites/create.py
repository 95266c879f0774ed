"""Making sites and keys: one way for the admin, the command line, the demo and the tests."""

from __future__ import annotations

from dataclasses import dataclass

from cacheops import invalidate_obj
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from analytics.sites import keys, models

SCOPES = models.SCOPES


class BadSite(ValueError):
    """The site, or a key of it, cannot be made; the message says why."""


@dataclass(frozen=True)
class Created:
    site: models.Site
    secret_key: str
    """Shown once; only its hash is kept."""


@transaction.atomic
def site(
    domain: str,
    *,
    timezone: str = "UTC",
    currency: str = "EUR",
    organisation: str | models.Organisation = "Default",
) -> Created:
    """Make a site with a first secret key; the organisation is made when it is named and there is none of that name.

    Raises BadSite, with the reason, for a domain that exists or a value that is not allowed.
    """
    owner = organisation
    if isinstance(owner, str):
        owner, _ = models.Organisation.objects.get_or_create(name=owner)
    made = models.Site(organisation=owner, domain=domain, timezone=timezone, currency=currency)
    _check(made)
    save_new(made)
    return Created(made, secret_key(made))


@transaction.atomic
def save_new(site: models.Site) -> None:
    """Save a site that is new, under an integer id that is nobody's alias."""
    site.save()
    while models.Alias.objects.filter(identifier=str(site.pk)).exists():
        site.delete()
        site.save()


def secret_key(site: models.Site, name: str = "default") -> str:
    """A new secret key of a site. Raises BadSite for a name that is empty or too long."""
    key = keys.secret_key()
    made = models.SecretKey(site=site, name=name, hash=keys.digest(key))
    _check(made)
    made.save()
    return key


def _check(made: models.Site | models.SecretKey) -> None:
    try:
        made.full_clean()
    except ValidationError as error:
        raise BadSite("; ".join(error.messages)) from error


def api_key(site: models.Site, scopes: list[str], name: str = "default", *, every_site: bool = False) -> str:
    """A new API key of a site, or of every site of its organisation. Raises ValueError for a scope that does not
    exist."""
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"No such scope: {', '.join(sorted(unknown))}. Choose from {', '.join(SCOPES)}.")
    key = keys.api_key()
    models.ApiKey.objects.create(
        organisation=site.organisation,
        site=None if every_site else site,
        name=name,
        hash=keys.digest(key),
        scopes=scopes,
    )
    return key


def snippet(site: models.Site, ingest_url: str) -> str:
    """The line that a page includes."""
    return f'<script defer data-site="{site.domain}" src="{ingest_url}/js/recount.js"></script>'


def data_changed(site_id: int) -> None:
    """Past numbers of the site changed: answers cached before are no longer used."""
    models.Site.objects.filter(pk=site_id).update(data_version=F("data_version") + 1)
    invalidate_obj(models.Site.objects.all().nocache().get(pk=site_id))  # type: ignore[attr-defined]
