"""Changing sites, their aliases and keys: one way for the admin, the command line and the customers' page.

The door follows within half a minute (`lookup.TTL_SECONDS` and the cache's time).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from analytics.sites import keys, models


class BadChange(ValueError):
    """It cannot be changed so; the message says why, in one sentence."""


def add_alias(site: models.Site, protocol: str, identifier: str, *, trusted: bool = False) -> models.Alias:
    """Know a site by another service's id, or by a further domain (protocol `domain`). Raises BadChange."""
    alias = models.Alias(site=site, protocol=protocol, identifier=identifier, trusted=trusted)
    try:
        alias.full_clean(validate_constraints=False)
        with transaction.atomic():
            alias.save()
    except ValidationError as error:
        raise BadChange(error.messages[0]) from error
    except IntegrityError as error:  # someone added it in this moment
        raise BadChange("This alias exists already.") from error
    return alias


def alias_named(protocol: str, identifier: str) -> models.Alias:
    """Raises BadChange when there is none."""
    found = models.Alias.objects.nocache().filter(protocol=protocol, identifier=models.bare_domain(identifier))  # type: ignore[attr-defined]
    alias: models.Alias | None = found.select_related("site").first()
    if alias is None:
        raise BadChange(f"No site has the {protocol} alias {identifier!r}; `bin/manage site aliases SITE` lists them.")
    return alias


def set_values(
    site_id: int, values: Mapping[str, Any], exclude: Iterable[str] = (), include: Iterable[str] = ()
) -> models.Site:
    """Set fields of a site, and leave visitors of addresses and networks out of reports, or others no longer.

    Gives the site as it is now. Raises BadChange, and nothing has changed.
    """
    with transaction.atomic():
        site: models.Site = models.Site.objects.nocache().select_for_update().get(pk=site_id)  # type: ignore[attr-defined]
        excluded = values.get("excluded_addresses", site.excluded_addresses)
        wanted = {**values, "excluded_addresses": _networks(excluded, exclude, include)}
        for name, value in wanted.items():
            setattr(site, name, value)
        try:
            site.full_clean()
        except ValidationError as error:
            raise BadChange(error.messages[0]) from error
        site.save(update_fields=list(wanted))
    return site


def _networks(before: Iterable[str], more: Iterable[str], less: Iterable[str]) -> list[str]:
    found = dict.fromkeys(network(text) for text in (*before, *more))
    for text in less:
        if network(text) not in found:
            raise BadChange(f"{text} is not excluded; excluded are: {', '.join(found) or 'none'}.")
        del found[network(text)]
    return list(found)


def network(text: str) -> str:
    """An address or network as it is kept: without the bits of the host, IPv4 as IPv4. Raises BadChange."""
    try:
        found = ipaddress.ip_network("" if "%" in text else text.strip(), strict=False)
    except ValueError:
        raise BadChange(
            f"{text.strip()[:60]!r} is no address or network; write one such as 203.0.113.7 or 2001:db8::/32."
        ) from None
    if found.num_addresses > 1:
        return str(found)
    address = found.network_address
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def revoke_key(key: models.SecretKey, now: dt.datetime) -> None:
    """Let a secret key open nothing any more; one that was revoked before stays as it is."""
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])


def secret_key_named(text: str) -> models.SecretKey:
    """The secret key with this number, or whose text this is. Raises BadChange."""
    stored = models.SecretKey.objects.nocache().select_related("site")  # type: ignore[attr-defined]
    number = text.isascii() and text.isdigit() and len(text) < 10
    found: models.SecretKey | None = stored.filter(
        **{"pk": int(text)} if number else {"hash": keys.digest(text)}
    ).first()
    if found is None:
        raise BadChange("There is no such secret key; `bin/manage site keys SITE` lists them by number.")
    return found
