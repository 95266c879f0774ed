"""Saved filters of a site, as the Stats API writes them."""

from __future__ import annotations

from typing import Any

from analytics.sites import models, saved


class NoSuchSegment(Exception):
    """The site has no such segment, or it is someone else's: the two are not told apart."""


def filters(site: models.Site, number: int, user_id: int | None = None) -> list[Any]:
    """The filters of a segment: one of the whole site, or the user's own. Raises NoSuchSegment."""
    found = saved.Segment.objects.filter(pk=number, site=site).first()
    if found is None or found.owner_id not in (None, user_id):
        raise NoSuchSegment(number)
    return list(found.filters)
