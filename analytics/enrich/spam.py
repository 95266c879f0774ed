"""Referrers that nobody came from: domains that bots name so that the owners of sites look at them.

`data/spam_referrers.csv` has the hosts; their subdomains count too, but for those that are known sources
(`search.iminent.com` is a search engine).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from analytics.enrich import names, tables

CATEGORY = "spam-referrer"

_HOSTS = frozenset(host for (host,) in tables.rows("spam_referrers"))


@lru_cache(maxsize=1 << 14)
def matches(referrer: str) -> bool:
    """Whether a referrer, host and path as `source.attribute` gives it, is spam."""
    host = referrer.partition("/")[0].partition(":")[0]
    return any(parent in _HOSTS for parent in _parents(host)) and not names.of_host(host).kind


def _parents(host: str) -> Iterator[str]:
    while host:
        yield host
        host = host.partition(".")[2]
