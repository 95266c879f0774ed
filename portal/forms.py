"""What staff fill in."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone

from analytics.lake import search
from analytics.pipeline import canary, quarantine
from analytics.reports import parse
from analytics.reports.query import BadQuery
from analytics.sites.models import Site


class HistoryForm(forms.Form):
    """Which hits of the lake to show. Times are UTC."""

    site = forms.ModelChoiceField(Site.objects.order_by("domain"))
    start = forms.DateTimeField(label="From (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}))
    end = forms.DateTimeField(label="To (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}))
    name = forms.CharField(label="Event name", required=False, max_length=128)
    path = forms.CharField(label="Path contains", required=False, max_length=512)
    visitor = forms.CharField(label="Visitor id", required=False, max_length=20)

    def clean(self) -> dict[str, Any]:
        """The search itself, as `search`."""
        given = super().clean() or {}
        if not self.errors:
            try:
                given["search"] = search.Search(
                    site_id=given["site"].pk,
                    start=given["start"],
                    end=given["end"],
                    name=given["name"],
                    path=given["path"],
                    visitor=given["visitor"],
                )
            except search.BadSearch as error:
                raise forms.ValidationError(str(error)) from error
        return given

    @staticmethod
    def today() -> dict[str, Any]:
        """The first customer's site's last 24 hours: what an empty page begins with."""
        now = timezone.now().replace(second=0, microsecond=0)
        shown = "%Y-%m-%dT%H:%M"
        return {
            "site": Site.objects.exclude(domain=canary.DOMAIN).order_by("domain").values_list("pk", flat=True).first(),
            "start": f"{now - dt.timedelta(days=1):{shown}}",
            "end": f"{now + dt.timedelta(minutes=10):{shown}}",
        }


class RecountForm(forms.Form):
    """Which days of which site to recount."""

    site = forms.ModelChoiceField(Site.objects.order_by("domain"))
    first_day = forms.DateField(widget=forms.DateInput({"type": "date"}))
    last_day = forms.DateField(widget=forms.DateInput({"type": "date"}))


class QuarantineForm(forms.Form):
    """Which hits in quarantine to show. Their site may be one that does not exist."""

    site = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    reason = forms.CharField(required=False, max_length=100)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=0, max_value=2**63 - 1)

    def __init__(self, data: Any, sites: dict[int, str]) -> None:
        super().__init__(data)
        asked = data.get("site", "")
        if asked.isascii() and asked.isdigit() and len(asked) < 10:
            sites = {int(asked): f"site {int(asked)}", **sites}
        named = sorted(((str(number), name) for number, name in sites.items()), key=lambda choice: choice[1])
        self.fields["site"].choices = [("", "every site"), *named]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The hits themselves, as `wanted`."""
        given = super().clean() or {}
        given["wanted"] = quarantine.Wanted(site_id=given.get("site"), reason=given.get("reason") or None)
        return given

    def kept(self) -> str:
        """The query string of the same hits."""
        wanted: quarantine.Wanted = self.cleaned_data["wanted"]
        asked = {"site": wanted.site_id, "reason": wanted.reason}
        return urlencode({name: value for name, value in asked.items() if value is not None})


class GiveBackForm(forms.Form):
    """Which hits in quarantine to give back: some by their numbers, or all of a reason, a site, or at all."""

    ids = forms.TypedMultipleChoiceField(required=False, coerce=int)
    site_id = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    reason = forms.CharField(required=False, max_length=100)
    all = forms.BooleanField(required=False)
    confirmed = forms.BooleanField(required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        # Any number may be asked for; those that are not in quarantine are passed over.
        asked = [text for text in data.getlist("ids") if text.isascii() and text.isdigit() and len(text) < 19]
        self.fields["ids"].choices = [(text, text) for text in asked]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The hits themselves, as `wanted`."""
        given = super().clean() or {}
        ids = tuple(given.get("ids") or ())
        wanted = quarantine.Wanted(ids or None, given.get("site_id"), given.get("reason") or None)
        if given.get("all") == bool(ids):
            raise forms.ValidationError("Choose hits, or all of a kind.")
        given["wanted"] = wanted
        return given


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_filters(self) -> Any:
        """Refuse what no question could be asked with."""
        given = self.cleaned_data["filters"]
        try:
            parse.filters(given)
        except BadQuery as error:
            raise forms.ValidationError(error.message) from error
        return given
