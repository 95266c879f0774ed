"""The portal's own pages: search history, download it, ask for a recount, look at the books."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from analytics.lake import read, search
from analytics.pipeline import books as bookkeeping
from analytics.reprocess import jobs, tasks
from analytics.sites.models import Site
from portal import download as downloading
from portal.forms import HistoryForm, RecountForm


def history(request: HttpRequest) -> HttpResponse:
    """Hits of a site and time as received, each with its event."""
    form = HistoryForm(request.GET or HistoryForm.today())
    page = request.GET.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 0
    context: dict[str, Any] = {"form": form, "page": number, "title": "History"}
    if form.is_valid():
        try:
            context["found"] = search.page(form.cleaned_data["search"], number)
        except read.LakeAway as error:
            messages.error(request, str(error))
    kept = request.GET.copy()
    kept.pop("page", None)
    return _page(request, "portal/history.html", {**context, "kept": kept.urlencode()})


def download(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same search as CSV or Parquet."""
    form = HistoryForm(request.GET)
    if not form.is_valid():
        return HttpResponseRedirect(f"{reverse('admin:history')}?{request.GET.urlencode()}")
    try:
        return downloading.response(form.cleaned_data["search"], request.GET.get("format", "csv"))
    except read.LakeAway as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{reverse('admin:history')}?{request.GET.urlencode()}")


@permission_required("reprocess.add_recount", raise_exception=True)
def ask_recount(request: HttpRequest) -> HttpResponse:
    """Ask for a recount and show it."""
    form = RecountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            job = jobs.ask(given["site"].pk, given["first_day"], given["last_day"], asked_by=request.user)
        except jobs.BadRange as error:
            form.add_error(None, str(error))
        else:
            tasks.run_due.delay()
            return HttpResponseRedirect(reverse("admin:reprocess_recount_change", args=[job.pk]))
    return _page(request, "portal/ask_recount.html", {"form": form, "title": "Recount"})


def books(request: HttpRequest) -> HttpResponse:
    """The balance of everything that came."""
    domains = {0: "(no known site)", **dict(Site.objects.values_list("pk", "domain"))}
    balance = bookkeeping.balance()
    lines = [(domains.get(line.site_id, line.site_id), line) for line in balance.sites]
    return _page(request, "portal/books.html", {"balance": balance, "lines": lines, "title": "Books"})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})
