"""Who owns what: organisations, members, sites, the keys of sites and of API users, and rulesets."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import uuid
import zoneinfo
from collections.abc import Collection
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from analytics.rules import Ruleset as Rules
from analytics.sites import keys

PROTOCOLS = ("domain", "plausible", "ga4", "segment", "umami", "matomo", "posthog", "snowplow")
"""Whose ids a site may carry as aliases; `domain` is a further domain, known to every protocol."""
MOST_NETWORKS = 500
MOST_ALIASES = 200
"""Of one site; its further domains are among them."""
SCOPES = ("stats:read", "sites:read", "sites:write", "events:write")
_RULES: dict[str, Any] = msgspec.json.schema(Rules)["$defs"]["Ruleset"]["properties"]
RULES_ALLOWED: dict[str, str] = {name: rule["description"] for name, rule in _RULES.items() if name != "version"}
"""Each rule, and in words what it may be."""
_RULE_NAMES = ", ".join(RULES_ALLOWED)


def check_time_zone(name: str) -> None:
    """Refuse what is no IANA time zone."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError("%(name)s is no time zone; write one such as Europe/Tallinn.", params={"name": name})


def check_networks(given: object) -> None:
    """Refuse what is no list of addresses and networks."""
    listed = given if isinstance(given, list) else [given]
    if len(listed) > MOST_NETWORKS:
        raise ValidationError(
            "At most %(most)s addresses and networks can be excluded.", params={"most": MOST_NETWORKS}
        )
    for text in listed:
        try:
            ipaddress.ip_network(text if isinstance(text, str) and "%" not in text else "", strict=False)
        except ValueError:
            raise ValidationError(
                "%(text)s is no address or network; write a list such as %(example)s.",
                params={"text": str(text)[:60], "example": '["203.0.113.7", "2001:db8::/32"]'},
            ) from None


is_host = RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "Write the host alone, such as example.com.")


def check_host(text: str) -> None:
    """Refuse what is no host, or reads like an id: the door would not know which site is meant."""
    is_host(text)
    if keys.looks_like_an_id(text):
        raise ValidationError("This is what ids look like; write the host, such as example.com.")


def bare_domain(text: str) -> str:
    """A domain as people type it, the way sites are looked up: lower case, without `www.` and the root's dot."""
    return re.sub(r"\A(www\.)+", "", text.strip().lower().removesuffix("."))


class BrokenRules(ValueError):
    """Rules that no hit can be counted under; the message says what is wrong and what is allowed."""


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
    domain = models.CharField(max_length=253, unique=True, validators=[check_host])
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
    excluded_addresses = models.JSONField(
        default=list,
        blank=True,
        validators=[check_networks],
        help_text='Visitors whom reports leave out: a list of addresses and networks such as ["203.0.113.0/28"].',
    )
    honour_dnt = models.BooleanField("Honour Do Not Track", default=False, help_text="Count nobody who sends DNT: 1.")
    honour_gpc = models.BooleanField(
        "Honour Global Privacy Control", default=False, help_text="Count nobody who sends Sec-GPC: 1."
    )
    events_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="More than that are answered 429 until the minute is over. Empty: no limit."
    )
    events_per_month = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="More than that in a UTC month are answered 429. Empty: no limit."
    )
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing is accepted for the site.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.domain

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Make the domain bare before anything else looks at it."""
        self.domain = bare_domain(self.domain)
        super().clean_fields(exclude)

    def clean(self) -> None:
        """Refuse a domain that means another site, and limits that would close it."""
        if Alias.objects.filter(identifier=self.domain).exclude(site_id=self.pk).exists():
            raise ValidationError({"domain": "Another site has this domain among its aliases; remove it there first."})
        self.excluded_addresses = self.excluded_addresses or []  # an empty form field is None
        for name in ("events_per_minute", "events_per_month"):
            if getattr(self, name) == 0:
                raise ValidationError(
                    {name: "Write 1 or more, or nothing for no limit; a site is closed by suspending it."}
                )


class Alias(models.Model):
    """Another service's id of a site, so that its clients are moved here by changing their host alone."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="aliases")
    protocol = models.CharField(max_length=20, choices=[(name, name) for name in PROTOCOLS])
    identifier = models.CharField(
        max_length=253,
        validators=[
            RegexValidator(r"^[a-z0-9_.:/{} -]+$", "An id is made of letters, digits, spaces and _ . : / - { }.")
        ],
    )
    """Lower case: the door does not tell cases apart."""
    trusted = models.BooleanField(
        default=False,
        help_text="Only the site's own servers know this id: any past time and the addresses they report are believed.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "aliases"
        constraints = [models.UniqueConstraint(fields=["protocol", "identifier"], name="alias_once")]

    def __str__(self) -> str:
        return f"{self.protocol} {self.identifier}"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Spell the id as it is looked up; a further domain is a host."""
        self.identifier = bare_domain(self.identifier)
        if self.protocol == "domain":
            check_host(self.identifier)
        super().clean_fields(exclude)

    def clean(self) -> None:
        """Refuse an id that means another site: hits would change sides."""
        owner = Site.objects.filter(named(self.identifier)).exclude(pk=self.site_id).first()
        # Matomo's ids are small numbers: within an organisation they may mean what they meant there.
        at_home = owner is not None and owner.organisation_id == self.site.organisation_id
        if owner is not None and not (at_home and self.protocol == "matomo" and self.identifier.isdigit()):
            raise ValidationError({"identifier": "Another site is known by this id."})
        others = Alias.objects.exclude(pk=self.pk)
        if others.filter(protocol=self.protocol, identifier=self.identifier).exists():
            raise ValidationError({"identifier": "This alias exists already."})
        if others.filter(site=self.site_id).count() >= MOST_ALIASES:
            raise ValidationError(f"A site has at most {MOST_ALIASES} aliases.")


def named(reference: str) -> models.Q:
    """Matches the site that one of its own ids names: domain, uuid, integer id, `G-…`, public key."""
    match = models.Q(domain=reference) | models.Q(public_key=reference) | models.Q(measurement_id=reference.upper())
    if reference.isascii() and reference.isdigit() and len(reference) < 10:
        match |= models.Q(pk=int(reference))
    with contextlib.suppress(ValueError):
        match |= models.Q(uuid=uuid.UUID(reference))
    return match


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

    def clean(self) -> None:
        """Refuse scopes that do not exist, and a site of someone else."""
        if not isinstance(self.scopes, list) or not all(scope in SCOPES for scope in self.scopes):
            choices = ", ".join(f'"{scope}"' for scope in SCOPES)
            raise ValidationError({"scopes": f"Write a list of scopes out of [{choices}]."})
        if self.site and self.site.organisation_id != self.organisation_id:
            raise ValidationError({"site": "This site is another organisation's."})

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
        help_text="A JSON object of the rules that are set; what is left out keeps its default.",
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "version"], name="ruleset_version_once")]

    def __str__(self) -> str:
        return f"rules {self.version} of {self.site}"

    def clean(self) -> None:
        """Refuse rules that could not come into force."""
        if self.rules is None:
            self.rules = {}
        try:
            self.converted()
        except BrokenRules as error:
            raise ValidationError({"rules": str(error)}) from error

    def converted(self) -> Rules:
        """The rules as stages take them; own hosts without the site's domain. Raises BrokenRules."""
        if isinstance(self.rules, dict) and "version" in self.rules:
            raise BrokenRules(f"The version is counted, not given. Write a JSON object of {_RULE_NAMES}.")
        try:
            rules = msgspec.convert(self.rules, Rules)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise BrokenRules(_sentence(str(error))) from error
        return msgspec.structs.replace(rules, version=self.version)


def _sentence(problem: str) -> str:
    """What msgspec says, such as "Expected `int` >= 60 - at `$.visit_timeout_seconds`", with what is allowed."""
    reason, _, place = problem.partition(" - at ")
    if "matching regex" in reason:
        reason = "Control characters are not allowed"
    found = re.search(r"\$\.(\w+)", place)
    if found is None or found[1] not in RULES_ALLOWED:
        return f"{reason}. Write a JSON object of {_RULE_NAMES}."
    return f"{found[1]}: {reason}. Write {RULES_ALLOWED[found[1]]}."
