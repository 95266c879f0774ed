"""Where a visit came from: campaign parameters of the page's URL first, then the referrer.

Names of sources and their kinds are in `data/sources.csv`, click ids in `data/click_ids.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from analytics.enrich import address, names, tables
from analytics.events import Limits

_CAMPAIGN_CHARS = 256

# What a referrer's kind means as a medium, in the words of GA4 where it has one.
_MEDIUMS = {
    "search": "organic",
    "social": "social",
    "video": "video",
    "shopping": "shopping",
    "email": "email",
    "ai": "ai-assistant",
}


class ClickId(NamedTuple):
    """What a network's parameter tells. `fbclid` also comes with unpaid links: it has no medium."""

    parameter: str
    network: str
    medium: str


_CLICK_IDS = {parameter: ClickId(parameter, *rest) for parameter, *rest in tables.rows("click_ids")}
_WANTED = frozenset(
    {"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "ref", "source", *_CLICK_IDS}
)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Text that is not set is ''."""

    referrer: str = ""
    """Host and path of a foreign referrer: no scheme, credentials, query, fragment or 'www.'."""
    source: str = ""
    """The name to show; '' is direct."""
    medium: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_content: str = ""
    utm_term: str = ""
    click_id: str = ""
    """The parameter's name, such as `gclid`; its value identifies a person's click and is not kept."""
    own: bool = False
    """The referrer was one of the site's own pages."""
    kind: str = ""
    """What the source is: search, social, video, shopping, email, ai; '' for every other."""


class Referrer(NamedTuple):
    """A foreign page, or nothing when `host` is ''."""

    host: str = ""
    """Without 'www.'."""
    stored: str = ""
    named: names.Named | None = None
    candidates: tuple[str, ...] = ()
    """The host and its parent domains, for the site's own names."""


DIRECT = Source()
_NO_REFERRER = Referrer()
_NO_PARAMETERS: dict[str, str] = {}


def attribute(url: str, referrer: str, own_hosts: tuple[str, ...], source_names: Mapping[str, str]) -> Source:
    """`source_names` maps referrer hosts (their subdomains too) and typed sources, lower case, to names.

    Never raises: an address that is none counts as not given.
    """
    parameters = _parameters(_query(url)) if "?" in url else _NO_PARAMETERS
    if not parameters and not referrer:
        return DIRECT
    foreign = _referrer(referrer) if referrer else _NO_REFERRER
    own = bool(foreign.host) and (_is_own(foreign.host, own_hosts) or foreign.host == address.of(url))
    if own:
        foreign = _NO_REFERRER
    if not parameters and not foreign.host:
        return Source(own=own)
    click = _click(parameters)
    found = _source(parameters, foreign, click, source_names)
    return Source(
        referrer=foreign.stored,
        source=found.name,
        medium=_medium(parameters, click, found),
        utm_source=parameters.get("utm_source", ""),
        utm_medium=parameters.get("utm_medium", ""),
        utm_campaign=parameters.get("utm_campaign", ""),
        utm_content=parameters.get("utm_content", ""),
        utm_term=parameters.get("utm_term", ""),
        click_id=click.parameter if click else "",
        own=own,
        kind=found.kind,
    )


def _query(url: str) -> str:
    return url[: Limits.URL_CHARS].partition("#")[0].partition("?")[2]


@lru_cache(maxsize=1 << 13)
def _parameters(query: str) -> dict[str, str]:
    """The wanted parameters that are set, by lower-case name; the first of a name wins. Not to be changed."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        key, _, value = part.partition("=")
        key = _decode(key).lower()
        if key in _WANTED and key not in found and (value := _decode(value)):
            found[key] = value
    return found


def _decode(text: str) -> str:
    if "%" in text or "+" in text:
        text = unquote_plus(text, errors="replace")
    return address.clean(text).strip()[:_CAMPAIGN_CHARS]


@lru_cache(maxsize=1 << 16)
def _referrer(text: str) -> Referrer:
    page = address.parse(text)
    if page is None:
        return _NO_REFERRER
    if page.scheme == "android-app":
        return Referrer(page.host, page.host, names.of_app(page.host), (page.host,))
    host = address.bare(page.host)
    port = f":{page.port}" if page.port else ""
    path = page.path.rstrip("/")
    labels = host.split(".")
    candidates = tuple(".".join(labels[start:]) for start in range(len(labels)))
    return Referrer(host, f"{host}{port}{path}", names.of_host(host), candidates)


def _is_own(host: str, own_hosts: tuple[str, ...]) -> bool:
    exact, suffixes = _own(own_hosts)
    return host in exact or host.endswith(suffixes)


@lru_cache(maxsize=1 << 12)
def _own(own_hosts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    exact = frozenset(address.bare(address.host(host)) for host in own_hosts) - {""}
    # A site that lives on a public suffix (`github.io` itself) does not own its neighbours.
    return exact, tuple(f".{host}" for host in exact if names.registrable(host))


def _click(parameters: Mapping[str, str]) -> ClickId | None:
    return next((click for name, click in _CLICK_IDS.items() if name in parameters), None)


def _source(
    parameters: Mapping[str, str], foreign: Referrer, click: ClickId | None, source_names: Mapping[str, str]
) -> names.Named:
    # The order of Plausible: what the link says outranks where it was clicked.
    typed = parameters.get("utm_source") or parameters.get("source") or parameters.get("ref")
    if typed:
        return _renamed((typed.lower(),), source_names) or names.of_typed(typed)
    renamed = _renamed(foreign.candidates, source_names)
    if renamed:
        return renamed
    # An advertisement also runs on partners' pages: an unknown host says less than the click id.
    if click and not (foreign.named and foreign.named.kind):
        return names.of_typed(click.network)
    return foreign.named or names.NOBODY


def _renamed(candidates: tuple[str, ...], source_names: Mapping[str, str]) -> names.Named | None:
    if not source_names:
        return None
    name = next((source_names[host] for host in candidates if host in source_names), "")
    if not name:
        return None
    kind = names.of_typed(name).kind or names.of_typed(candidates[0]).kind
    return names.Named(name, kind)


def _medium(parameters: Mapping[str, str], click: ClickId | None, found: names.Named) -> str:
    if medium := parameters.get("utm_medium"):
        return medium
    if click and click.medium:
        return click.medium
    return _MEDIUMS.get(found.kind, "referral" if found.name else "")
