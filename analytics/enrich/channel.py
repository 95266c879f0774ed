"""The channel of a visit: GA4's default channel groups in GA4's order, and AI Assistants.

Definitions: GA4 help, answer 9756891. AI Assistants stand first of the unpaid groups, so that a chat's link
is not read as search or referral. What carries campaign parameters that no rule knows is `Unassigned`, as in
GA4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from analytics.enrich import wildcard
from analytics.enrich.source import Source
from analytics.rules import ChannelRule

_PAID = re.compile(r".*cp|(?:ppc|retargeting)$|paid")
_SHOP = re.compile(r"(?:[^a-df-z]|^)shop|shopping")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_REFERRAL = frozenset({"referral", "app", "link"})
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail"})
_NO_SOURCE = frozenset({"", "(direct)", "direct"})
_NO_MEDIUM = frozenset({"", "(none)", "(not set)"})


class Traffic(NamedTuple):
    """Lower case, as the definitions compare."""

    source: str
    medium: str
    campaign: str
    kind: str

    @property
    def paid(self) -> bool:
        return _PAID.match(self.medium) is not None

    @property
    def shopping(self) -> bool:
        return self.kind == "shopping" or _SHOP.search(self.campaign) is not None


CHANNELS: tuple[tuple[str, Callable[[Traffic], bool]], ...] = (
    ("Cross-network", lambda t: "cross-network" in t.campaign),
    ("Paid Shopping", lambda t: t.paid and t.shopping),
    ("Paid Search", lambda t: t.paid and t.kind == "search"),
    ("Paid Social", lambda t: t.paid and t.kind == "social"),
    ("Paid Video", lambda t: t.paid and t.kind == "video"),
    ("Display", lambda t: t.medium in _DISPLAY),
    ("Paid Other", lambda t: t.paid),
    ("AI Assistants", lambda t: t.kind == "ai" or t.medium == "ai-assistant"),
    ("Organic Shopping", lambda t: t.shopping),
    ("Organic Social", lambda t: t.kind == "social" or t.medium in _SOCIAL),
    ("Organic Video", lambda t: t.kind == "video" or "video" in t.medium),
    ("Organic Search", lambda t: t.kind == "search" or t.medium == "organic"),
    ("Referral", lambda t: t.medium in _REFERRAL),
    ("Email", lambda t: t.kind == "email" or t.source in _EMAIL or t.medium in _EMAIL),
    ("Affiliates", lambda t: t.medium == "affiliate"),
    ("SMS", lambda t: "sms" in (t.source, t.medium)),
    ("Mobile Push", lambda t: _is_push(t)),
    ("Audio", lambda t: t.medium == "audio"),
    ("Direct", lambda t: t.source in _NO_SOURCE and t.medium in _NO_MEDIUM),
)
UNASSIGNED = "Unassigned"


def classify(source: Source, rules: tuple[ChannelRule, ...]) -> str:
    """The site's own rules in order, then the defaults. Case does not count in either."""
    return _classify(source.source, source.medium, source.utm_campaign, source.kind, rules)


@lru_cache(maxsize=1 << 14)
def _classify(source: str, medium: str, campaign: str, kind: str, rules: tuple[ChannelRule, ...]) -> str:
    traffic = Traffic(source.lower(), medium.lower(), campaign.lower(), kind)
    for rule in rules:
        if _covers(rule, traffic):
            return rule.channel
    return next((channel for channel, holds in CHANNELS if holds(traffic)), UNASSIGNED)


def _covers(rule: ChannelRule, traffic: Traffic) -> bool:
    return (
        wildcard.matches(traffic.source, rule.source.lower())
        and wildcard.matches(traffic.medium, rule.medium.lower())
        and wildcard.matches(traffic.campaign, rule.campaign.lower())
    )


def _is_push(traffic: Traffic) -> bool:
    medium = traffic.medium
    return medium.endswith("push") or "mobile" in medium or "notification" in medium or traffic.source == "firebase"
