"""The portal's pages of quarantine: what could not be processed, each hit in full, and giving hits back."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analytics.pipeline import quarantine
from analytics.sites.models import Site
from analytics.store import db
from portal.forms import GiveBackForm, QuarantineForm

PAGE = 100
MOST_AT_ONCE = 20_000
"""What one request gives back; it must not take longer than the server waits for it."""
_MAY = permission_required("reprocess.add_recount", raise_exception=True)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What is in quarantine: by reason, and hit by hit."""
    domains = _domains()
    form = QuarantineForm(request.GET, domains)
    context = _listed(form, domains) if form.is_valid() else {}
    may = request.user.has_perm("reprocess.add_recount")
    return _page(request, "portal/quarantine.html", {"form": form, "may": may, "title": "Quarantine", **context})


def _listed(form: QuarantineForm, domains: dict[int, str]) -> dict[str, Any]:
    """The hits that a form asks for, and how many there are by reason."""
    wanted: quarantine.Wanted = form.cleaned_data["wanted"]
    found = quarantine.page(wanted, PAGE + 1, form.cleaned_data["before"])
    with db.transaction() as cursor:
        reasons, flooded = quarantine.reasons(cursor, wanted.site_id), quarantine.flooded(cursor)
    return {
        "wanted": wanted,
        "rows": [(row, _site(domains, row.site_id)) for row in found[:PAGE]],
        "older": found[PAGE - 1].id if len(found) > PAGE else None,
        "kept": form.kept(),
        "reasons": reasons,
        "flooded": [(_site(domains, site_id), hits) for site_id, hits in flooded.items()],
    }


@require_safe
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One hit, as it was received."""
    row = quarantine.one(number)
    if row is None:
        raise Http404("There is no such hit.")
    hit = row.hit
    fields = {name: value for name, value in _fields(hit).items() if name != "payload" and value not in (None, "")}
    context = {"row": row, "hit": hit, "fields": fields, "site": _site(_domains(), row.site_id)}
    may = request.user.has_perm("reprocess.add_recount") and row.readmitted_at is None
    return _page(request, "portal/quarantined.html", {**context, "may": may, "title": f"Quarantined hit {number}"})


@require_POST
@_MAY
def give_back(request: HttpRequest) -> HttpResponse:
    """Ask whether these hits are meant, and then give them to their parts again."""
    form = GiveBackForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose the hits first.")
        return HttpResponseRedirect(reverse("admin:quarantine"))
    wanted: quarantine.Wanted = form.cleaned_data["wanted"]
    if not form.cleaned_data["confirmed"]:
        return _page(request, "portal/give_back.html", _question(wanted))
    _note(request, wanted, quarantine.give_back(wanted, timezone.now(), MOST_AT_ONCE))
    return HttpResponseRedirect(reverse("admin:quarantine"))


def _question(wanted: quarantine.Wanted) -> dict[str, Any]:
    """Are these hits meant?"""
    site = None if wanted.site_id is None else _site(_domains(), wanted.site_id)
    asked = {"wanted": wanted, "hits": quarantine.count(wanted), "site": site}
    return {"title": "Readmit hits", "most": MOST_AT_ONCE, **asked}


def _note(request: HttpRequest, wanted: quarantine.Wanted, done: quarantine.GivenBack) -> None:
    """Tell who asked, and keep who it was."""
    hits = f"{done.hits} hit{'' if done.hits == 1 else 's'}"
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        action_flag=CHANGE,
        object_id=wanted.reason or "",
        object_repr=f"Quarantine: {_words(wanted)}"[:200],
        change_message=f"Readmitted {hits}.",
    )
    messages.success(request, f"{hits} readmitted. What fails again comes back here, with one more attempt.")
    if done.unreadable:
        numbers = ", ".join(map(str, done.unreadable[:20]))
        messages.warning(request, f"This version cannot read how some are kept, so they stay: {numbers}.")
    if left := quarantine.count(wanted) - len(done.unreadable):
        messages.warning(request, f"{left} such hits are here still or again; look at them before you go on.")


def _words(wanted: quarantine.Wanted) -> str:
    """Which hits are meant."""
    parts = [
        wanted.ids is not None and f"chosen hits {', '.join(map(str, wanted.ids))}",
        wanted.reason is not None and f"reason {wanted.reason}",
        wanted.site_id is not None and f"site {wanted.site_id}",
    ]
    return "; ".join(part for part in parts if part) or "everything"


def _fields(hit: Any) -> dict[str, Any]:
    return msgspec.structs.asdict(hit) if hit is not None else {}


def _domains() -> dict[int, str]:
    return {0: "(no known site)", **dict(Site.objects.values_list("pk", "domain"))}


def _site(domains: dict[int, str], site_id: int) -> str:
    return domains.get(site_id, f"(site {site_id}, which does not exist)")


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})
