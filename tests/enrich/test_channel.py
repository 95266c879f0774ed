from __future__ import annotations

import pytest

from analytics.enrich import channel, source
from analytics.enrich.source import Source
from analytics.rules import ChannelRule
from tests.processes import ROOT

# METRICS, in its order; AI Assistants stand before the unpaid groups.
ORDER = [
    "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display", "Paid Other",
    "AI Assistants", "Organic Shopping", "Organic Social", "Organic Video", "Organic Search", "Referral",
    "Email", "Affiliates", "SMS", "Mobile Push", "Audio", "Direct",
]  # fmt: skip


def of(query: str = "", referrer: str = "", *rules: ChannelRule) -> str:
    found = source.attribute(f"https://example.com/?{query}", referrer, ("example.com",), {})
    return channel.classify(found, rules)


def test_tries_the_channels_in_the_documented_order() -> None:
    assert [name for name, _ in channel.CHANNELS] == ORDER
    assert ", ".join(ORDER) in " ".join((ROOT / "docs" / "sites.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("utm_source=x1&utm_medium=y&utm_campaign=summer-cross-network", "Cross-network"),
        ("utm_source=alibaba&utm_medium=cpc", "Paid Shopping"),
        ("utm_source=some&utm_medium=retargeting&utm_campaign=shopping", "Paid Shopping"),
        ("utm_source=google&utm_medium=ppc", "Paid Search"),
        ("utm_source=GOOGLE&utm_medium=CPC", "Paid Search"),
        ("gclid=1", "Paid Search"),
        ("msclkid=1", "Paid Search"),
        ("utm_source=facebook&utm_medium=retargeting", "Paid Social"),
        ("utm_source=instagram&utm_medium=paid_social", "Paid Social"),
        ("ttclid=1", "Paid Social"),
        ("li_fat_id=1", "Paid Social"),
        ("utm_source=youtube.com&utm_medium=paid-something", "Paid Video"),
        ("utm_source=youtube.com&utm_medium=display", "Display"),
        ("utm_source=some&utm_medium=banner", "Display"),
        ("dclid=1", "Display"),
        ("utm_source=some&utm_medium=cpc", "Paid Other"),
        ("utm_source=chatgpt.com", "AI Assistants"),
        ("utm_source=some&utm_medium=ai-assistant", "AI Assistants"),
        ("utm_source=Google+Shopping", "Organic Shopping"),
        ("utm_source=some&utm_campaign=some-shopping-campaign", "Organic Shopping"),
        ("utm_source=facebook", "Organic Social"),
        ("utm_source=some&utm_medium=social-network", "Organic Social"),
        ("fbclid=1", "Organic Social"),
        ("utm_source=youtube.com", "Organic Video"),
        ("utm_source=some&utm_medium=video-ad", "Organic Video"),
        ("utm_source=bing", "Organic Search"),
        ("utm_source=some&utm_medium=organic", "Organic Search"),
        ("utm_source=some&utm_medium=referral", "Referral"),
        ("utm_source=some&utm_medium=link", "Referral"),
        ("utm_source=some", "Referral"),
        ("utm_source=email", "Email"),
        ("utm_medium=e+mail", "Email"),
        ("utm_source=letter&utm_medium=Email", "Email"),
        ("utm_source=some&utm_medium=affiliate", "Affiliates"),
        ("utm_source=sms&utm_medium=x", "SMS"),
        ("utm_medium=sms", "SMS"),
        ("utm_source=some&utm_medium=web-push", "Mobile Push"),
        ("utm_source=some&utm_medium=mobile-notification", "Mobile Push"),
        ("utm_source=firebase&utm_medium=x", "Mobile Push"),
        ("utm_source=some&utm_medium=audio", "Audio"),
        ("", "Direct"),
        ("utm_source=(direct)&utm_medium=(none)", "Direct"),
        ("utm_source=some&utm_medium=flyer", "Unassigned"),
        ("utm_campaign=photoshop-course", "Direct"),
        ("utm_campaign=my-shop", "Organic Shopping"),
        ("utm_campaign=eshop", "Organic Shopping"),
    ],
)
def test_groups_campaigns_as_ga4_does(query: str, expected: str) -> None:
    assert of(query) == expected


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        ("https://www.google.de/", "Organic Search"),
        ("https://m.facebook.com/", "Organic Social"),
        ("https://www.youtube.com/", "Organic Video"),
        ("https://www.etsy.com/", "Organic Shopping"),
        ("https://claude.ai/", "AI Assistants"),
        ("https://mail.google.com/", "Email"),
        ("https://docs.google.com/", "Referral"),
        ("https://partner.example/", "Referral"),
        ("https://example.com/", "Direct"),
        ("", "Direct"),
    ],
)
def test_groups_referrers(referrer: str, expected: str) -> None:
    assert of(referrer=referrer) == expected


@pytest.mark.parametrize(
    ("query", "first", "instead_of"),
    [
        ("utm_source=google&utm_medium=cpc&utm_campaign=cross-network-shopping", "Cross-network", "Paid Shopping"),
        ("utm_source=google&utm_medium=cpc&utm_campaign=shopping", "Paid Shopping", "Paid Search"),
        ("utm_source=facebook&utm_medium=cpm", "Paid Social", "Display"),
        ("utm_source=youtube&utm_medium=cpm", "Paid Video", "Display"),
        ("utm_source=some&utm_medium=cpm", "Display", "Paid Other"),
        ("utm_source=etsy.com&utm_medium=social", "Organic Shopping", "Organic Social"),
        ("utm_source=youtube&utm_medium=social", "Organic Social", "Organic Video"),
        ("utm_source=google&utm_medium=video", "Organic Video", "Organic Search"),
        ("utm_source=google&utm_medium=referral", "Organic Search", "Referral"),
        ("utm_source=bing&utm_medium=email", "Organic Search", "Email"),
        ("utm_source=email&utm_medium=link", "Referral", "Email"),
        ("utm_source=email&utm_medium=affiliate", "Email", "Affiliates"),
        ("utm_source=sms&utm_medium=affiliate", "Affiliates", "SMS"),
        ("utm_source=sms&utm_medium=push", "SMS", "Mobile Push"),
        ("utm_source=firebase&utm_medium=audio", "Mobile Push", "Audio"),
    ],
)
def test_of_two_definitions_that_hold_ga4s_first_decides(query: str, first: str, instead_of: str) -> None:
    found = source.attribute(f"https://example.com/?{query}", "", ("example.com",), {})
    traffic = channel.Traffic(found.source.lower(), found.medium.lower(), found.utm_campaign.lower(), found.kind)
    assert [name for name, holds in channel.CHANNELS if name in (first, instead_of) and holds(traffic)] == [
        first,
        instead_of,
    ]
    assert of(query) == first


def test_every_channel_can_be_reached() -> None:
    marks = [
        mark
        for test in (test_groups_campaigns_as_ga4_does, test_groups_referrers)
        for mark in getattr(test, "pytestmark", [])
    ]
    assert {case[1] for mark in marks for case in mark.args[1]} == {*ORDER, "Unassigned"}


def test_the_sites_own_rules_come_first_and_in_order() -> None:
    rules = (
        ChannelRule(channel="Partners", source="*Partner*", medium="REF*"),
        ChannelRule(channel="Letters", campaign="*letter-20??"),
        ChannelRule(channel="Search", source="google"),
    )
    assert of("utm_source=our-partner-7&utm_medium=referral", "", *rules) == "Partners"
    assert of("utm_source=our-partner-7&utm_medium=cpc", "", *rules) == "Paid Other"
    assert of("utm_source=a&utm_medium=email&utm_campaign=letter-20??", "", *rules) == "Letters"
    assert of("", "https://www.google.com/", *rules) == "Search"
    assert of("", "", *rules) == "Direct"


def test_a_rule_of_wildcards_takes_everything() -> None:
    assert channel.classify(Source(), (ChannelRule(channel="All"),)) == "All"
