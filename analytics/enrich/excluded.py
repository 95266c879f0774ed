"""Pages that a site's ruleset leaves out of its reports, by their path and by their host."""

from __future__ import annotations

from functools import lru_cache

from analytics.enrich import wildcard


@lru_cache(maxsize=1 << 15)
def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern covers the path. `*` crosses slashes, so `/admin/*` is everything below /admin/."""
    return any(wildcard.matches(path, pattern) for pattern in patterns)


@lru_cache(maxsize=1 << 13)
def foreign(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether no pattern covers a page's canonical host, with or without `www.`, which it has lost: `*.example.com`
    covers `example.com` too."""
    named = (host, f"www.{host}")
    return not any(wildcard.matches(name, pattern.lower()) for name in named for pattern in allowed)
