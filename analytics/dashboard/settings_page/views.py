"""One address: GET shows the page, POST changes the one thing that its hidden field `form` names."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from analytics.dashboard.settings_page import forms
from analytics.sites import access, change, create, models


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@cache_control(private=True, no_store=True)
def page(request: HttpRequest, domain: str) -> HttpResponse:
    """For owners and admins; to everybody else there is no such page."""
    try:
        site = access.site_to_change(request.user, domain)
    except access.NoSuchSite as error:
        raise Http404("There is no such site.") from error
    return _changed(request, site) if request.method == "POST" else _shown(request, site)


def _changed(request: HttpRequest, site: models.Site) -> HttpResponse:
    name = request.POST.get("form", "")
    kind = forms.FORMS.get(name)
    if kind is None or (kind.staff_only and not request.user.is_staff):
        raise Http404("There is no such form.")
    form = kind(request.POST, auto_id=f"{name}-%s")
    if form.is_valid():
        try:
            done = form.apply(site)
        except (change.BadChange, create.BadSite) as error:
            form.add_error(None, str(error))
        else:
            if done.secret_key:  # shown in this answer alone: a redirect would have to keep it somewhere
                return _shown(request, site, secret_key=done.secret_key)
            section = done.section or _section(name)
            messages.success(request, done.sentence, extra_tags=section)
            return redirect(f"{reverse('dashboard:settings', args=[site.domain])}#{section}")
    return _shown(request, site, {name: form})


def _section(form_name: str) -> str:
    """Where on the page a form is."""
    return {"new-key": "keys", "revoke-key": "keys"}.get(form_name, form_name)


def _shown(
    request: HttpRequest, site: models.Site, filled: dict[str, forms.SettingsForm] | None = None, secret_key: str = ""
) -> HttpResponse:
    by_name = forms.of_site(site) | (filled or {})
    aliases = list(site.aliases.nocache().order_by("protocol", "identifier"))  # type: ignore[attr-defined]
    still_good = F("revoked_at").desc(nulls_first=True)
    context: dict[str, Any] = {
        "site": site,
        "forms": {name.replace("-", "_"): form for name, form in by_name.items()},
        "ids": [
            ("Domain", site.domain),
            ("Integer id", site.pk),
            ("UUID", site.uuid),
            ("Measurement id", site.measurement_id),
            ("Public key", site.public_key),
        ],
        "snippet": create.snippet(site, settings.INGEST_URL),
        "domains": [alias for alias in aliases if alias.protocol == "domain"],
        "aliases": [(alias, forms.SERVICES[alias.protocol][0]) for alias in aliases if alias.protocol != "domain"],
        "keys": site.secret_keys.nocache().order_by(still_good, "pk"),  # type: ignore[attr-defined]
        "secret_key": secret_key,
    }
    return render(request, "dashboard/settings.html", context)
