"""The rules of a site, under which its hits become events."""

from __future__ import annotations

from typing import Annotated

import msgspec

from analytics.events import Limits

# PostgreSQL cannot store NUL and lone surrogates; other control characters are never meant.
_PRINTABLE = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]*\Z"
_Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=_PRINTABLE)]
_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern=_PRINTABLE)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_PRINTABLE)]
_Pattern = Annotated[str, msgspec.Meta(max_length=256, pattern=_PRINTABLE)]

VisitTimeout = Annotated[
    int, msgspec.Meta(ge=60, le=28_500, description="a whole number of seconds from 60 to 28500, which is 7 h 55 min")
]


class Ruleset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one site under which hits become events. Version 1 is the default of every site.

    The bounds hold where rules are converted from JSON; the descriptions are what people are told is allowed.
    """

    version: int = 1
    visit_timeout_seconds: VisitTimeout = 30 * 60
    own_hosts: Annotated[
        tuple[_Host, ...],
        msgspec.Meta(max_length=100, description='a list of up to 100 hosts such as ["shop.example"]'),
    ] = ()
    """Hosts whose referrers are no source: the site's domain and its further domains."""
    excluded_paths: Annotated[
        tuple[_Path, ...],
        msgspec.Meta(max_length=200, description='a list of up to 200 wildcard patterns such as ["/admin/*"]'),
    ] = ()
    """Wildcard patterns (`/admin/*`) of pages that reports leave out."""
    excluded_countries: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")], ...],
        msgspec.Meta(max_length=250, description='a list of up to 250 country codes such as ["AQ"]'),
    ] = ()
    """ISO 3166-1 codes of countries that reports leave out."""
    allowed_hosts: Annotated[
        tuple[_Host, ...],
        msgspec.Meta(max_length=100, description='a list of up to 100 wildcard patterns such as ["*.example.com"]'),
    ] = ()
    """Wildcard patterns of the hosts whose pages count; none: those of every host."""
    kept_parameters: Annotated[
        tuple[_Host, ...],
        msgspec.Meta(max_length=Limits.KEPT_PARAMETERS, description='a list of up to 50 names such as ["product"]'),
    ] = ()
    """Parameters of the query string that tell pages apart: they stay in the path, all others go."""
    source_names: Annotated[
        dict[_Host, _Name],
        msgspec.Meta(max_length=1000, description='up to 1000 names by host such as {"news.example": "The News"}'),
    ] = {}
    """Referrer host → source name, before the built-in list."""
    channel_rules: Annotated[
        tuple[ChannelRule, ...],
        msgspec.Meta(
            max_length=100,
            description=(
                'a list of up to 100 rules such as [{"channel": "Paid", "medium": "cp*"}]; each has a channel and may'
                " have the patterns source, medium and campaign"
            ),
        ),
    ] = ()
    """Tried in order before the default channels."""


class ChannelRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When every pattern given matches (case-insensitive wildcard), the visit belongs to `channel`."""

    channel: _Name
    source: _Pattern = "*"
    medium: _Pattern = "*"
    campaign: _Pattern = "*"
