"""Who owns what: organisations, members, sites, the keys of sites and of API users, and rulesets."""

from __future__ import annotations

import uuid
import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from analytics.sites import keys


def check_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is no time zone; write one such as Europe/Tallinn.", params={"name": name})


class Organisation(models.Model):
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        VIEWER = "viewer"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation}"


class Site(models.Model):
    """A measured site. Its integer id, `uuid`, `measurement_id`, `public_key` and domain all name it at the door."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="sites")
    domain = models.CharField(
        max_length=253,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "Write the host alone, such as example.com.")],
    )
    timezone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Write an ISO 4217 code such as EUR.")],
    )
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    measurement_id = models.CharField(max_length=20, default=keys.measurement_id, unique=True, editable=False)
    public_key = models.CharField(max_length=40, default=keys.public_key, unique=True, editable=False)
    data_version = models.PositiveIntegerField(default=1, editable=False)
    """Moves when past numbers change (recount, import, erasure): cached answers of older versions are not used."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.domain

    def clean(self) -> None:
        """Refuse a domain that reads like another site's id: the door would not know which is meant."""
        if keys.looks_like_an_id(self.domain):
            raise ValidationError({"domain": "This is what ids look like; write the host, such as example.com."})


class SecretKey(models.Model):
    """Lets a server send events of any past time. Only the hash is kept."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="secret_keys")
    name = models.CharField(max_length=100, default="default")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.site}"


class ApiKey(models.Model):
    """Reads one site's numbers, or with no site those of all sites of the organisation. Only the hash is kept."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="api_keys")
    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True, related_name="api_keys")
    name = models.CharField(max_length=100, default="default")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.organisation}"

    def allows(self, scope: str, site: Site) -> bool:
        """Whether this key may use `scope` on `site`."""
        mine = self.site_id == site.pk if self.site_id else self.organisation_id == site.organisation_id
        return mine and self.revoked_at is None and scope in self.scopes


class Ruleset(models.Model):
    """One version of a site's rules, immutable once it exists; the highest version is in force."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="rulesets")
    version = models.PositiveIntegerField(validators=[MinValueValidator(2)])
    rules = models.JSONField(
        default=dict,
        blank=True,
        help_text=(
            "visit_timeout_seconds, own_hosts, excluded_paths, source_names, channel_rules; what is left out keeps"
            " its default."
        ),
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "version"], name="ruleset_version_once")]

    def __str__(self) -> str:
        return f"rules {self.version} of {self.site}"
