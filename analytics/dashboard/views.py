"""The pages and their fragments. Who may see what is decided here, once, before anything is read."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from analytics.dashboard import breakdown, cards, site_page, state, top
from analytics.dashboard.reader import Reader
from analytics.reports import run
from analytics.reports.query import BadQuery
from analytics.sites import access

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """Only for who is signed in; what is read stays with the reader and is asked for again the next time."""

    @functools.wraps(view)
    @require_safe
    def guarded(request: HttpRequest, **parts: str) -> HttpResponseBase:
        if request.user.is_anonymous:
            return _sign_in(request)
        try:
            response = view(request, **parts)
        except BadQuery as error:
            response = render(request, "dashboard/bad_query.html", {"error": error}, status=400)
        except (run.Unavailable, run.TooMuch) as error:
            response = _not_now(request, str(error))
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return guarded


def _sign_in(request: HttpRequest) -> HttpResponse:
    if "HX-Request" in request.headers:  # a fragment has no room for the form: load the page anew
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


def _not_now(request: HttpRequest, reason: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(reason, status=503, content_type="text/plain; charset=utf-8")
    return render(request, "dashboard/not_now.html", {"reason": reason}, status=503)


def _reader(request: HttpRequest, domain: str) -> Reader:
    try:
        site = access.site_for(request.user, domain)
    except access.NoSuchSite as error:
        raise Http404("There is no such site.") from error
    return Reader(site, state.read(site, request.GET), timezone.now())


def _changeable(request: HttpRequest, reader: Reader) -> dict[str, bool]:
    """Whether the page leads to the settings of its site."""
    return {"changeable": access.may_change(request.user, reader.site)}


def _card(name: str) -> cards.Card:
    if name not in cards.CARDS:
        raise Http404("There is no such card.")
    return cards.CARDS[name]


def _tab(which: cards.Card, name: str) -> cards.Tab:
    try:
        return which.tab(name)
    except LookupError as error:
        raise Http404("There is no such table.") from error


@signed_in
def sites(request: HttpRequest) -> HttpResponse:
    mine = access.sites_of(request.user)
    whole = request.GET.get("whole") == "1"
    now, door = timezone.now(), settings.INGEST_URL
    bodies = [(site, site_page.site_card(site, now, door) if whole else None) for site in mine]
    context = {"sites": bodies, "whole": whole, "example_snippet": site_page.example_snippet(door)}
    return render(request, "dashboard/sites.html", context)


@signed_in
def site_card(request: HttpRequest, domain: str) -> HttpResponse:
    body = site_page.site_card(_reader(request, domain).site, timezone.now(), settings.INGEST_URL)
    return render(request, "dashboard/parts/site_card.html", {"body": body})


@signed_in
def site(request: HttpRequest, domain: str) -> HttpResponse:
    reader = _reader(request, domain)
    context = site_page.context(reader, access.sites_of(request.user)) | _changeable(request, reader)
    return render(request, "dashboard/site.html", context)


@signed_in
def top_card(request: HttpRequest, domain: str) -> HttpResponse:
    reader = _reader(request, domain)
    return render(request, "dashboard/parts/top.html", {"top": top.context(reader)})


@signed_in
def card(request: HttpRequest, domain: str, name: str) -> HttpResponse:
    body = breakdown.card(_reader(request, domain), _card(name))
    return render(request, "dashboard/parts/card.html", {"body": body})


@signed_in
def now(request: HttpRequest, domain: str) -> HttpResponse:
    current = site_page.current(_reader(request, domain))
    return render(request, "dashboard/parts/now.html", {"current": current})


@signed_in
def table(request: HttpRequest, domain: str, name: str, tab: str) -> HttpResponse:
    reader, which, page = _reader(request, domain), _card(name), breakdown.page_number(request.GET.get("page", ""))
    context = breakdown.table(reader, which, _tab(which, tab), page) | {"sheet": "HX-Request" in request.headers}
    frame = site_page.frame(reader, access.sites_of(request.user)) | _changeable(request, reader)
    return render(request, "dashboard/table.html", frame | context)
