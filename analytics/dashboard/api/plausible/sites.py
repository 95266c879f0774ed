"""Plausible's Sites API: the sites that a key sees, their making and renaming, and their goals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.request import Request

from analytics.reports.query import BadQuery
from analytics.sites import change, create, goals, saved
from analytics.sites.models import ApiKey, Site, bare_domain, named

Given = Mapping[str, Any]
_TIME_ZONE = "Etc/UTC"
_KINDS = {saved.Goal.Kind.EVENT.value: "event_name", saved.Goal.Kind.PAGE.value: "page_path"}
"""Kind of goal → the field that says what reaches it."""


def key(request: Request, scope: str) -> ApiKey:
    """The request's key, if it has the scope. Raises AuthenticationFailed."""
    if not isinstance(request.auth, ApiKey) or scope not in request.auth.scopes:
        raise AuthenticationFailed(f"This API key does not have the scope {scope}.")
    return request.auth


def seen(by: ApiKey) -> QuerySet[Site]:
    """The sites that a key sees, as they are at this moment."""
    stored: QuerySet[Site] = Site.objects.nocache()  # type: ignore[attr-defined]
    return stored.filter(pk=by.site_id) if by.site_id else stored.filter(organisation=by.organisation_id)


def one(by: ApiKey, reference: object) -> Site:
    """The site of that domain or id, if the key sees it. Raises NotFound."""
    is_text = isinstance(reference, str) and "\0" not in reference
    found = seen(by).filter(named(bare_domain(str(reference)))).first() if is_text else None
    if found is None:
        raise NotFound("Site could not be found")
    return found


def site_of(by: ApiKey, given: Given) -> Site:
    """The site that `site_id` names. Raises BadQuery, NotFound."""
    return one(by, text(given, "site_id"))


def text(given: Given, field: str, default: str | None = None) -> str:
    """The text in a field; it may be missing only where there is a default. Raises BadQuery."""
    value = given.get(field, default)
    if not isinstance(value, str) or "\0" in value or (default is None and not value):
        raise BadQuery(field, "is missing" if value is None else "must be a text")
    return value


def add(by: ApiKey, given: Given) -> Site:
    """Make a site. Raises BadQuery, PermissionDenied."""
    if by.site_id:
        raise PermissionDenied("This API key is of one site; sites are made with a key of the whole organisation.")
    domain, zone = text(given, "domain"), text(given, "timezone", _TIME_ZONE) or _TIME_ZONE
    try:
        return create.site(domain, timezone=zone, organisation=by.organisation).site
    except create.BadSite as error:
        raise BadQuery("domain" if zone == _TIME_ZONE else "domain or timezone", str(error)) from error


def rename(site: Site, given: Given) -> Site:
    """Give a site another domain. The old one stays known, so that pages that still send it are counted."""
    before, domain = site.domain, text(given, "domain")
    try:
        with transaction.atomic():
            renamed = change.set_values(site.pk, {"domain": domain})
            if renamed.domain != before:
                change.add_alias(renamed, "domain", before)
    except change.BadChange as error:
        raise BadQuery("domain", str(error)) from error
    return renamed


def put_goal(site: Site, given: Given) -> saved.Goal:
    """The goal of that kind and pattern, made if there is none. Raises BadQuery."""
    kind = text(given, "goal_type")
    if kind not in _KINDS:
        raise BadQuery("goal_type", f"write one of {', '.join(_KINDS)}")
    pattern = text(given, _KINDS[kind])
    more = {"name": text(given, "display_name", ""), "currency": text(given, "currency", "")}
    props = given.get("custom_props") or {}
    try:
        saved.check_props(props)
        known = saved.Goal.objects.filter(site=site, kind=kind, pattern=pattern, props=props).order_by("pk").first()
        return known or goals.add(site, kind, pattern, more | {"props": props})
    except ValidationError as error:
        raise BadQuery("custom_props", error.messages[0]) from error
    except goals.BadGoal as error:
        raise BadQuery("goal", str(error)) from error


def goal(site: Site, number: str) -> saved.Goal:
    """A goal of the site by its number. Raises NotFound."""
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    found = saved.Goal.objects.filter(site=site, pk=int(number)).first() if is_number else None
    if found is None:
        raise NotFound("Goal could not be found")
    return found


def as_json(site: Site) -> dict[str, Any]:
    """A site as Plausible writes it."""
    return {"domain": site.domain, "timezone": site.timezone}


def goal_as_json(goal: saved.Goal) -> dict[str, Any]:
    """A goal as Plausible writes it; one about scrolling is of a page."""
    is_event = goal.kind == saved.Goal.Kind.EVENT
    return {
        "id": str(goal.pk),
        "goal_type": "event" if is_event else "page",
        "display_name": goal.name,
        "event_name": goal.pattern if is_event else None,
        "page_path": None if is_event else goal.pattern,
        "currency": goal.currency or None,
        "custom_props": goal.props,
        **({"scroll_threshold": goal.scroll_percent} if goal.scroll_percent is not None else {}),
    }
