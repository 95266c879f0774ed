"""Names of sources: which host or typed word is Google, Facebook, ChatGPT, and what kind of source that is.

Patterns in `data/sources.csv`: `host` is that host, `.host` also its subdomains, `google.{}` that host under
any public suffix; a pattern without a dot is what people type into utm_source. Exact hosts win, then the
longest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from publicsuffixlist import PublicSuffixList

from analytics.enrich import address, tables


class Named(NamedTuple):
    name: str
    kind: str
    """search, social, video, shopping, email, ai, or ''."""


NOBODY = Named("", "")

_SUFFIXES = PublicSuffixList(accept_unknown=False)
# Anybody can have google.blogspot.com, and blogspot.com is on the list: `{}` means ICANN's part of it only.
_ICANN_SUFFIXES = PublicSuffixList(accept_unknown=False, only_icann=True)


def _tables() -> tuple[dict[str, Named], dict[str, Named], dict[str, Named], dict[str, Named]]:
    exact, below, anywhere, typed = {}, {}, {}, {}
    for pattern, name, kind in tables.rows("sources"):
        named = Named(name, kind)
        if pattern.startswith("."):
            below[pattern[1:]] = named
        elif pattern.endswith(".{}"):
            anywhere[pattern.removesuffix(".{}")] = named
        elif "." in pattern:
            exact[pattern] = named
        else:
            typed[pattern] = named
    for named in [*exact.values(), *anywhere.values(), *below.values()]:
        typed.setdefault(named.name.lower(), named)
    return exact, below, anywhere, typed


_EXACT, _BELOW, _ANYWHERE, _TYPED = _tables()


@lru_cache(maxsize=1 << 14)
def of_typed(text: str) -> Named:
    """The known source that a word or host in utm_source means, else the word as it was typed."""
    word = text.strip().lower()
    known = _TYPED.get(word) or (_known(address.bare(word)) if "." in word else None)
    return known or Named(text, "")


@lru_cache(maxsize=1 << 14)
def of_host(host: str) -> Named:
    """The known source behind a canonical host without 'www.', else its registrable domain."""
    return _known(host) or Named(registrable(host) or host, "")


def of_app(package: str) -> Named:
    """The known source behind an Android package, else the package itself."""
    # Some apps give the host of their site: `android-app://m.facebook.com`.
    return _EXACT.get(package) or _below(package) or Named(package, "")


@lru_cache(maxsize=1 << 14)
def registrable(host: str) -> str:
    """The domain one can buy: `example.co.uk` of `a.b.example.co.uk`; '' for addresses and suffixes."""
    return _SUFFIXES.privatesuffix(host) or ""


def _known(host: str) -> Named | None:
    return _EXACT.get(host) or _under_any_suffix(host) or _below(host)


def _below(host: str) -> Named | None:
    while host:
        if host in _BELOW:
            return _BELOW[host]
        host = host.partition(".")[2]
    return None


def _under_any_suffix(host: str) -> Named | None:
    suffix = _ICANN_SUFFIXES.publicsuffix(host)
    return _ANYWHERE.get(host.removesuffix(f".{suffix}")) if suffix and suffix != host else None
