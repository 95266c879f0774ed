"""Users and websites in Umami's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analytics.dashboard.api.umami import question
from analytics.dashboard.api.umami.access import Caller, SignedIn
from analytics.reports.query import BadQuery
from analytics.sites.models import Site

PAGE_SIZE = 20
MOST_ON_A_PAGE = 200


def user(caller: Caller) -> dict[str, Any]:
    """Who asks; a key looks like a user who only reads."""
    if not isinstance(caller, SignedIn):
        return {
            "id": f"key-{caller.pk}",
            "username": caller.key.name,
            "role": "view-only",
            "createdAt": caller.key.created_at.isoformat(),
            "isAdmin": False,
            "teams": [],
        }
    who = caller.user
    return {
        "id": str(who.pk),
        "username": who.get_username(),
        "role": "admin" if who.is_superuser else "user",
        "createdAt": who.date_joined.isoformat(),
        "isAdmin": who.is_superuser,
        "teams": [],
    }


def me(caller: Caller) -> dict[str, Any]:
    """Who asks, and whether by a login or by a key."""
    if isinstance(caller, SignedIn):
        return {"authType": "session", "user": user(caller)}
    return {
        "authType": "api-key",
        "apiKey": {"id": str(caller.pk), "name": caller.key.name},
        "user": user(caller),
    }


def website(site: Site, caller: Caller) -> dict[str, Any]:
    """A site, as Umami describes a website."""
    who = user(caller)
    made = site.created_at.isoformat()
    return {
        "id": str(site.uuid),
        "name": site.domain,
        "domain": site.domain,
        "shareId": None,
        "resetAt": None,
        "userId": who["id"],
        "teamId": None,
        "createdBy": who["id"],
        "createdAt": made,
        "updatedAt": made,
        "deletedAt": None,
        "recorderEnabled": False,
        "replayConfig": None,
        "user": {"id": who["id"], "username": who["username"]},
    }


def page(caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """A page of the caller's websites, by domain. Raises BadQuery."""
    number = max(question.number(given, "page", 1, 100_000), 1)
    size = max(question.number(given, "pageSize", PAGE_SIZE, MOST_ON_A_PAGE), 1)
    found = caller.sites()
    if text := given.get("search", ""):
        if "\0" in text:
            raise BadQuery("search", "is no text")
        found = found.filter(domain__icontains=text[:253])
    chosen = found[(number - 1) * size : number * size]
    return {
        "data": [website(site, caller) for site in chosen],
        "count": found.count(),
        "page": number,
        "pageSize": size,
    }
