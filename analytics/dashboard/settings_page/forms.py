"""The forms of the page, one for each thing that can be changed: what is filled in, and the call that changes it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms
from django.utils import timezone

from analytics.sites import change, create, models

# Protocol → (the service as people know it, which of its ids its clients send).
SERVICES = {
    "plausible": ("Plausible", "the script's data-domain"),
    "ga4": ("Google Analytics 4", "measurement id, G-…"),
    "segment": ("Segment, RudderStack", "write key"),
    "umami": ("Umami", "website id, a UUID"),
    "matomo": ("Matomo", "idSite, a number"),
    "posthog": ("PostHog", "project API key, phc_…"),
    "snowplow": ("Snowplow", "app id"),
}


class Done(NamedTuple):
    """What is told when it is changed."""

    sentence: str
    secret_key: str = ""
    """Shown once."""
    section: str = ""
    """Where on the page it is told; where the form is when empty."""


class SettingsForm(forms.Form):
    """`apply` raises change.BadChange or create.BadSite, whose sentence is shown."""

    use_required_attribute = False
    staff_only = False

    def apply(self, site: models.Site) -> Done:
        raise NotImplementedError


class DomainForm(SettingsForm):
    identifier = forms.CharField(
        label="Host", max_length=253, widget=forms.TextInput({"placeholder": "shop.example.com"})
    )

    def apply(self, site: models.Site) -> Done:
        """Add a further domain."""
        alias = change.add_alias(site, "domain", self.cleaned_data["identifier"])
        return Done(f"{alias.identifier} is a domain of this site now.")


class AliasForm(SettingsForm):
    protocol = forms.ChoiceField(
        label="Service", choices=[(name, f"{label}: {which}") for name, (label, which) in SERVICES.items()]
    )
    identifier = forms.CharField(label="Its id", max_length=253)
    trusted = forms.BooleanField(
        label="Only our own servers know this id: believe past times and the addresses they report", required=False
    )

    def apply(self, site: models.Site) -> Done:
        """Add an alias."""
        given = self.cleaned_data
        alias = change.add_alias(site, given["protocol"], given["identifier"], trusted=given["trusted"])
        return Done(f"{SERVICES[alias.protocol][0]}'s {alias.identifier} means this site now.")


class NumberedForm(SettingsForm):
    """A button beside a row; `number` is the row's."""

    number = forms.IntegerField(min_value=1)


class RemoveAliasForm(NumberedForm):
    def apply(self, site: models.Site) -> Done:
        """Remove an alias or further domain."""
        alias = site.aliases.filter(pk=self.cleaned_data["number"]).first()
        if alias is None:
            raise change.BadChange("That alias was removed already.")
        alias.delete()
        told = f"{alias.identifier} was removed; within half a minute nothing more is accepted under it."
        return Done(told, section="domain" if alias.protocol == "domain" else "alias")


class PrivacyForm(SettingsForm):
    honour_dnt = forms.BooleanField(label="Count nobody who sends Do Not Track (DNT: 1)", required=False)
    honour_gpc = forms.BooleanField(label="Count nobody who sends Global Privacy Control (Sec-GPC: 1)", required=False)

    def apply(self, site: models.Site) -> Done:
        """Set the switches."""
        change.set_values(site.pk, self.cleaned_data)
        return Done("Saved.")


class AddressesForm(SettingsForm):
    excluded_addresses = forms.CharField(
        label="Addresses and networks, one a line",
        required=False,
        max_length=50_000,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "placeholder": "203.0.113.7\n2001:db8::/32"}),
    )

    def apply(self, site: models.Site) -> Done:
        """Replace the list."""
        change.set_values(site.pk, {"excluded_addresses": self.cleaned_data["excluded_addresses"].split()})
        return Done("Saved.")


class LimitsForm(SettingsForm):
    staff_only = True
    events_per_minute = forms.IntegerField(label="Events a minute", required=False, min_value=1, max_value=2**31 - 1)
    events_per_month = forms.IntegerField(label="Events a UTC month", required=False, min_value=1, max_value=2**63 - 1)

    def apply(self, site: models.Site) -> Done:
        """Set the limits; what is left empty is none."""
        change.set_values(site.pk, self.cleaned_data)
        return Done("Saved.")


class NewKeyForm(SettingsForm):
    name = forms.CharField(label="Name", max_length=100, widget=forms.TextInput({"placeholder": "shop server"}))

    def apply(self, site: models.Site) -> Done:
        """Make a secret key."""
        return Done("The key was made.", create.secret_key(site, self.cleaned_data["name"]))


class RevokeKeyForm(NumberedForm):
    def apply(self, site: models.Site) -> Done:
        """Revoke a secret key."""
        key = site.secret_keys.filter(pk=self.cleaned_data["number"]).first()
        if key is None:
            raise change.BadChange("There is no such key.")
        change.revoke_key(key, timezone.now())
        return Done(f"The key {key.name} was revoked; within half a minute it opens nothing any more.")


FORMS: dict[str, type[SettingsForm]] = {
    "domain": DomainForm,
    "alias": AliasForm,
    "remove-alias": RemoveAliasForm,
    "privacy": PrivacyForm,
    "addresses": AddressesForm,
    "limits": LimitsForm,
    "new-key": NewKeyForm,
    "revoke-key": RevokeKeyForm,
}
"""Name, as the hidden field `form` sends it, → form."""


def of_site(site: models.Site) -> dict[str, SettingsForm]:
    """Every form, filled with what is set, by name with underscores."""
    initial: dict[str, dict[str, Any]] = {
        "privacy": {"honour_dnt": site.honour_dnt, "honour_gpc": site.honour_gpc},
        "addresses": {"excluded_addresses": "\n".join(site.excluded_addresses)},
        "limits": {"events_per_minute": site.events_per_minute, "events_per_month": site.events_per_month},
    }
    return {name: form(initial=initial.get(name), auto_id=f"{name}-%s") for name, form in FORMS.items()}
