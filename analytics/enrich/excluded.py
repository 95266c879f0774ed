"""Pages that a site's ruleset leaves out of its reports."""

from __future__ import annotations

from functools import lru_cache

from analytics.enrich import wildcard


@lru_cache(maxsize=1 << 15)
def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern covers the path. `*` crosses slashes, so `/admin/*` is everything below /admin/."""
    return any(wildcard.matches(path, pattern) for pattern in patterns)
