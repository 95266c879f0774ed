"""What staff fill in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from analytics.lake import search
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
        """The first site's last 24 hours: what an empty page begins with."""
        now = timezone.now().replace(second=0, microsecond=0)
        shown = "%Y-%m-%dT%H:%M"
        return {
            "site": Site.objects.order_by("domain").values_list("pk", flat=True).first(),
            "start": f"{now - dt.timedelta(days=1):{shown}}",
            "end": f"{now + dt.timedelta(minutes=10):{shown}}",
        }


class RecountForm(forms.Form):
    """Which days of which site to recount."""

    site = forms.ModelChoiceField(Site.objects.order_by("domain"))
    first_day = forms.DateField(widget=forms.DateInput({"type": "date"}))
    last_day = forms.DateField(widget=forms.DateInput({"type": "date"}))
