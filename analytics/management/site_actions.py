"""What `bin/manage site` can do: the arguments of each action, the call it makes, and how its answer is told."""

from __future__ import annotations

import argparse
import datetime as dt
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import CommandError

from analytics.management import sites
from analytics.management.actions import Action, Facts, Options
from analytics.sites import change, create, models

_SWITCHES = ("honour_dnt", "honour_gpc")
_LIMITS = ("events_per_minute", "events_per_month")


# --- how answers are told ---


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


def _each_fact(facts: Facts) -> list[str]:
    return [f"{name.replace('_', ' '):18} {_said(value)}" for name, value in facts.items()]


def _sites(found: list[Facts]) -> list[str]:
    return [f"{facts['id']:>6}  {facts['domain']:30} {facts['measurement_id']}" for facts in found] or [
        "There is no site yet; `bin/manage site create example.com` makes one."
    ]


def _aliases(found: list[Facts]) -> list[str]:
    return [f"{facts['protocol']:10} {facts['id']:40}{' trusted' * facts['trusted']}".rstrip() for facts in found] or [
        "The site has no alias; `bin/manage site alias SITE PROTOCOL ID` adds one."
    ]


def _keys(found: list[Facts]) -> list[str]:
    return [
        f"{facts['id']:>6}  {facts['name']:30} made {facts['created_at']:%Y-%m-%d}"
        + (f", revoked {facts['revoked_at']:%Y-%m-%d %H:%M} UTC" if facts["revoked_at"] else "")
        for facts in found
    ] or ["The site has no secret key; `bin/manage site new-key SITE` makes one."]


# --- facts ---


def _ids(site: models.Site) -> Facts:
    return {
        "id": site.pk,
        "domain": site.domain,
        "timezone": site.timezone,
        "currency": site.currency,
        "uuid": str(site.uuid),
        "measurement_id": site.measurement_id,
        "public_key": site.public_key,
    }


def _values(site: models.Site) -> Facts:
    names = (*_SWITCHES, *_LIMITS, "excluded_addresses")
    return (
        {"domain": site.domain} | {name: getattr(site, name) for name in names} | {"suspended": bool(site.suspended_at)}
    )


def _alias(alias: models.Alias) -> Facts:
    site = alias.site.domain
    return {"site": site, "protocol": alias.protocol, "id": alias.identifier, "trusted": alias.trusted}


def _key(key: models.SecretKey) -> Facts:
    return {"id": key.pk, "name": key.name, "created_at": key.created_at, "revoked_at": key.revoked_at}


# --- making and listing ---


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("domain", help="such as example.com")
    parser.add_argument("--timezone", default="UTC", help="such as Europe/Tallinn; default: UTC")
    parser.add_argument("--currency", default="EUR", help="ISO 4217; default: EUR")
    parser.add_argument("--organisation", default="Default", help="its name; made when there is none")


def _create(options: Options) -> Facts:
    wanted = {name: options[name] for name in ("timezone", "currency", "organisation")}
    made = create.site(options["domain"], **wanted)
    snippet = create.snippet(made.site, settings.INGEST_URL)
    return _ids(made.site) | {"secret_key": made.secret_key, "snippet": snippet}


def _list(_: Options) -> list[Facts]:
    return [_ids(site) for site in models.Site.objects.order_by("domain")]


# --- aliases ---


def _site_argument(parser: ArgumentParser) -> None:
    parser.add_argument("site", help="any id of the site, such as its domain")


def _id_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("protocol", choices=models.PROTOCOLS, help="whose id it is: " + ", ".join(models.PROTOCOLS))
    parser.add_argument("identifier", metavar="ID", help="as that service's clients send it, such as G-ABCDEF1234")


def _alias_arguments(parser: ArgumentParser) -> None:
    _site_argument(parser)
    _id_arguments(parser)
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="only your own servers know this id: past times and the addresses they report are believed",
    )


def _add_alias(options: Options) -> Facts:
    site = sites.named(options["site"])
    return _alias(change.add_alias(site, options["protocol"], options["identifier"], trusted=options["trusted"]))


def _remove_alias(options: Options) -> Facts:
    alias = change.alias_named(options["protocol"], options["identifier"])
    told = _alias(alias)
    alias.delete()
    return told


def _list_aliases(options: Options) -> list[Facts]:
    found = sites.named(options["site"]).aliases.order_by("protocol", "identifier").select_related("site")
    return [_alias(alias) for alias in found]


# --- switches and limits ---


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"write how many events, at least 1, or none; not {text!r}")
    return int(text)


def _set_arguments(parser: ArgumentParser) -> None:
    _site_argument(parser)
    for name, header in zip(_SWITCHES, ("DNT: 1", "Sec-GPC: 1"), strict=True):
        parser.add_argument(
            f"--{name.replace('_', '-')}", choices=["yes", "no"], help=f"count nobody who sends {header}"
        )
    for name, span in zip(_LIMITS, ("a minute", "a UTC month"), strict=True):
        said = f"more than that in {span} are answered 429; none: no limit"
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=_limit, default=argparse.SUPPRESS, metavar="N", help=said
        )
    for name, said in (("exclude", "leave visitors of it out of reports"), ("include", "count them again")):
        parser.add_argument(f"--{name}-address", nargs="+", default=[], metavar="CIDR", help=said)
    closing = parser.add_mutually_exclusive_group()
    closing.add_argument("--suspend", action="store_true", help="accept nothing for the site")
    closing.add_argument("--resume", action="store_true", help="accept events again")


def _set(options: Options) -> Facts:
    site_id = sites.named(options["site"]).pk
    values: Facts = {name: options[name] == "yes" for name in _SWITCHES if options[name]}
    values |= {name: options[name] for name in _LIMITS if name in options}
    if options["suspend"] or options["resume"]:
        values["suspended_at"] = dt.datetime.now(dt.UTC) if options["suspend"] else None
    more, less = options["exclude_address"], options["include_address"]
    if not (values or more or less):
        raise CommandError("Say what to set; `bin/manage site set --help` lists it.")
    return _values(change.set_values(site_id, values, more, less))


# --- secret keys ---


def _new_key_arguments(parser: ArgumentParser) -> None:
    _site_argument(parser)
    parser.add_argument("--name", default="default", help="what the key is called in lists")


def _new_key(options: Options) -> Facts:
    return {"secret_key": create.secret_key(sites.named(options["site"]), options["name"])}


def _list_keys(options: Options) -> list[Facts]:
    return [_key(key) for key in sites.named(options["site"]).secret_keys.order_by("pk")]


def _revoke_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="its number in `site keys`, or the key itself")


def _revoke_key(options: Options) -> Facts:
    key = change.secret_key_named(options["key"])
    change.revoke_key(key, dt.datetime.now(dt.UTC))
    return {"site": key.site.domain} | _key(key)


ACTIONS = {
    "create": Action("make a site; prints its ids, keys and snippet", _create_arguments, _create, _each_fact),
    "list": Action("show every site", lambda _: None, _list, _sites),
    "alias": Action("know a site by another service's id too", _alias_arguments, _add_alias, _each_fact),
    "unalias": Action("take an alias away", _id_arguments, _remove_alias, _each_fact),
    "aliases": Action("show the aliases of a site", _site_argument, _list_aliases, _aliases),
    "set": Action("privacy, limits, excluded addresses; suspend and resume", _set_arguments, _set, _each_fact),
    "keys": Action("show the secret keys of a site, without the keys themselves", _site_argument, _list_keys, _keys),
    "new-key": Action("make a secret key; prints it, once", _new_key_arguments, _new_key, _each_fact),
    "revoke-key": Action("let a secret key open nothing any more", _revoke_arguments, _revoke_key, _each_fact),
}
