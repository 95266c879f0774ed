"""What Matomo's log importer asks of `/` before it sends: the address of a site, the sites of an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import Refused
from analytics.protocols import flat, wire

NOTHING = wire.Reply(404, b"There is nothing here.\n", "text/plain")


def reply(request: wire.Request, domain_of: Callable[[str], str | None]) -> wire.Reply:
    """Two methods of the module SitesManager; whatever else is asked, there is nothing here."""
    try:
        asked = flat.read(flat.query(wire.text(request).strip(), flat.asked(request)))
    except Refused:
        return NOTHING
    if asked.get("module") != "API":
        return NOTHING
    match asked.get("method"):
        case "SitesManager.getSiteFromId":
            return _json(_site(asked.get("idSite", ""), domain_of))
        case "SitesManager.getSitesIdFromSiteUrl":
            return _json(_sites(asked.get("url", ""), domain_of))
        case "SitesManager.addSite" | "SitesManager.getAllSites":
            return _json(_error("Sites are made and listed in the dashboard; name one with --idsite."))
    return NOTHING


def _site(reference: str, domain_of: Callable[[str], str | None]) -> dict[str, str]:
    """What the importer puts before its lines: the scheme before hosts, all of it before bare paths.

    A bare path is on the site's own domain, and nobody learns whose sites have which numbers.
    """
    domain = domain_of(reference)
    if domain is None:
        return _error(f"No site has the id {reference[:60]!r}.")
    return {"idsite": reference, "name": reference, "main_url": f"https://{domain if domain == reference else ''}"}


def _sites(url: str, domain_of: Callable[[str], str | None]) -> list[dict[str, str]]:
    """The site of a host, or of an address on it, by that host, which is as good an id as any."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return []
    return [] if domain_of(host) is None else [{"idsite": host}]


def _error(message: str) -> dict[str, str]:
    return {"result": "error", "message": message}


def _json(content: Any) -> wire.Reply:
    return wire.Reply(200, msgspec.json.encode(content))
