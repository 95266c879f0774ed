from __future__ import annotations

import csv
import time

import pytest

from analytics.enrich import address, names, source
from analytics.enrich.source import DIRECT, Source
from tests import shared

PAGE = "https://example.com/pricing"
OWN = ("example.com", "www.example.net")


def attribute(query: str = "", referrer: str = "", **names_of_hosts: str) -> Source:
    return source.attribute(f"{PAGE}?{query}" if query else PAGE, referrer, OWN, names_of_hosts)


def shown(found: Source) -> tuple[str, str]:
    return found.source, found.medium


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [
        ("https://www.google.com/", ("Google", "organic")),
        ("https://google.co.uk/search?q=x", ("Google", "organic")),
        ("https://www.google.com.br/", ("Google", "organic")),
        ("https://www.bing.com/search?q=x", ("Bing", "organic")),
        ("https://cn.bing.com/", ("Bing", "organic")),
        ("https://fr.search.yahoo.com/", ("Yahoo", "organic")),
        ("https://duckduckgo.com/", ("DuckDuckGo", "organic")),
        ("https://yandex.com.tr/", ("Yandex", "organic")),
        ("https://www.baidu.com/link?url=1", ("Baidu", "organic")),
        ("https://www.ecosia.org/", ("Ecosia", "organic")),
        ("https://l.facebook.com/l.php?u=1", ("Facebook", "social")),
        ("https://lm.facebook.com/", ("Facebook", "social")),
        ("https://t.co/abc", ("Twitter", "social")),
        ("https://x.com/", ("Twitter", "social")),
        ("https://old.reddit.com/r/x", ("Reddit", "social")),
        ("https://news.ycombinator.com/item?id=1", ("Hacker News", "social")),
        ("https://www.linkedin.com/feed/", ("LinkedIn", "social")),
        ("https://m.youtube.com/watch?v=1", ("YouTube", "video")),
        ("https://youtu.be/1", ("YouTube", "video")),
        ("https://l.wl.co/l?u=1", ("WhatsApp", "social")),
        ("https://linktr.ee/someone", ("Linktree", "referral")),
        ("https://chatgpt.com/", ("ChatGPT", "ai-assistant")),
        ("https://www.perplexity.ai/", ("Perplexity", "ai-assistant")),
        ("https://claude.ai/chat", ("Claude", "ai-assistant")),
        ("https://gemini.google.com/app", ("Gemini", "ai-assistant")),
        ("https://copilot.microsoft.com/", ("Copilot", "ai-assistant")),
        ("https://mail.google.com/mail/u/0/", ("Gmail", "email")),
        ("https://outlook.live.com/", ("Outlook", "email")),
        ("https://www.amazon.de/dp/1", ("Amazon", "shopping")),
        ("android-app://com.google.android.gm/", ("Gmail", "email")),
        ("android-app://com.google.android.googlequicksearchbox/", ("Google", "organic")),
        ("android-app://com.reddit.frontpage/", ("Reddit", "social")),
        ("android-app://m.facebook.com/", ("Facebook", "social")),
        ("android-app://org.example.app/https/x", ("org.example.app", "referral")),
        ("https://docs.google.com/document/1", ("google.com", "referral")),
        ("https://news.blog.example.co.uk/a", ("example.co.uk", "referral")),
        ("https://someone.github.io/", ("someone.github.io", "referral")),
        ("http://127.0.0.1:8000/", ("127.0.0.1", "referral")),
        ("http://[2001:DB8::1]/", ("[2001:db8::1]", "referral")),
        ("", ("", "")),
    ],
)
def test_names_the_source_of_a_referrer(referrer: str, expected: tuple[str, str]) -> None:
    assert shown(attribute(referrer=referrer)) == expected


@pytest.mark.parametrize(
    "referrer",
    [
        "https://google.evil.example/",
        "https://google.blogspot.com/",
        "https://notfacebook.com/",
        "https://google/",
    ],
)
def test_is_not_deceived_by_a_host_that_looks_like_another(referrer: str) -> None:
    assert attribute(referrer=referrer).source not in {"Google", "Facebook"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("utm_source=google", ("Google", "organic")),
        ("utm_source=google&utm_medium=cpc", ("Google", "cpc")),
        ("utm_source=FACEBOOK.com", ("Facebook", "social")),
        ("utm_source=fb&utm_medium=paid", ("Facebook", "paid")),
        *((f"utm_source={word}", ("Facebook", "social")) for word in ("fb-ads", "fbads", "fcb", "facebook_feed_ad")),
        *((f"utm_source={word}", ("Google", "organic")) for word in ("adwords", "gads", "google+ads")),
        *((f"utm_source={word}", ("TikTok", "social")) for word in ("tiktokads", "tik.tok")),
        ("utm_source=chatgpt.com", ("ChatGPT", "ai-assistant")),
        ("utm_source=My+Letter&utm_medium=email", ("My Letter", "email")),
        ("UTM_SOURCE=One&utm_source=Two", ("One", "referral")),
        ("utm_source=&utm_source=Two", ("Two", "referral")),
        ("utm_source=%00", ("", "")),
        ("utm_medium=flyer", ("", "flyer")),
        ("ref=producthunt", ("producthunt", "referral")),
        ("source=twitter", ("Twitter", "social")),
        ("source=a&ref=b&utm_source=c", ("c", "referral")),
        ("gclid=1", ("Google", "cpc")),
        ("gbraid=1", ("Google", "cpc")),
        ("wbraid=1", ("Google", "cpc")),
        ("msclkid=1", ("Bing", "cpc")),
        ("ttclid=1", ("TikTok", "cpc")),
        ("twclid=1", ("Twitter", "cpc")),
        ("li_fat_id=1", ("LinkedIn", "cpc")),
        ("dclid=1", ("Google", "display")),
        ("fbclid=1", ("Facebook", "social")),
        ("gclid=", ("", "")),
        ("utm_source=letter&fbclid=1", ("letter", "referral")),
        ("page=2&sort=asc", ("", "")),
    ],
)
def test_names_the_source_of_a_campaign(query: str, expected: tuple[str, str]) -> None:
    assert shown(attribute(query)) == expected


def test_keeps_the_campaign_as_it_was_typed() -> None:
    found = attribute("utm_source=google&utm_medium=CPC&utm_campaign=Spring%20Sale&utm_content=A&utm_term=shoes")
    assert (found.utm_source, found.utm_medium, found.utm_campaign) == ("google", "CPC", "Spring Sale")
    assert (found.utm_content, found.utm_term, found.source) == ("A", "shoes", "Google")


def test_clips_what_is_too_long_and_drops_what_no_store_takes() -> None:
    found = attribute("utm_source=" + "a" * 600 + "&utm_campaign=a%00b%1B%5B2J\ud800")
    assert found.utm_source == "a" * 256
    assert found.utm_campaign == "ab[2J"


def test_reads_the_query_only() -> None:
    found = source.attribute(f"{PAGE}#?utm_source=fragment", "", OWN, {})
    assert found == DIRECT


def test_a_campaign_outranks_the_referrer_and_keeps_it() -> None:
    found = attribute("utm_source=letter&utm_medium=email", "https://www.google.com/search?q=secret")
    assert (found.source, found.medium, found.referrer) == ("letter", "email", "google.com/search")


def test_an_unknown_page_of_a_partner_says_less_than_a_click_id_and_a_known_one_more() -> None:
    assert attribute("gclid=1", "https://partner.example/").source == "Google"
    assert attribute("gclid=1", "https://www.youtube.com/").source == "YouTube"
    assert attribute("fbclid=1", "https://l.instagram.com/").source == "Instagram"
    assert attribute("gclid=1", "https://partner.example/").click_id == "gclid"


@pytest.mark.parametrize(
    ("referrer", "stored"),
    [
        ("https://user:pass@News.Example.ORG.:443/a/b/?token=x#y", "news.example.org/a/b"),
        ("http://www.foo.org/", "foo.org"),
        ("http://foo.org:8080/x", "foo.org:8080/x"),
        ("//foo.org/x", "foo.org/x"),
        ("https:\\\\foo.org\\x", "foo.org/x"),
        (" \thttps://fo\no.org/x ", "foo.org/x"),
        ("https://\u0430pple.com/", "xn--pple-43d.com"),
        ("https://foo.org/a\x00b", "foo.org/ab"),
        ("https://foo.org/\ud800", "foo.org"),
    ],
)
def test_stores_host_and_path_of_a_referrer(referrer: str, stored: str) -> None:
    assert attribute(referrer=referrer).referrer == stored


@pytest.mark.parametrize(
    "referrer",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:https://a.b/c", "about:blank",
        "chrome-extension://abc/x", "http://", "http://[", "http://[::1", "http://a:99999", "http://a:b/",
        "http://exa mple.com", "/path", "?q", "foo.org/x", "http://0x7f.1/", "http://256.1.1.1/", "http://1.2.3/",
        "http://2130706433/", "http://" + "a" * 64 + ".com", "http://" + "a." * 150 + "com", "http://a..b/",
        "http://<script>/", "https://%00/", "\x00", "https://user@/", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_what_is_no_address_counts_as_no_referrer(referrer: str) -> None:
    assert attribute(referrer=referrer) == DIRECT


@pytest.mark.parametrize(
    ("referrer", "own"),
    [
        ("https://example.com/a", True),
        ("https://www.example.com/a", True),
        ("https://shop.example.com/a", True),
        ("https://example.net/", True),
        ("https://EXAMPLE.com./", True),
        ("https://notexample.com/", False),
        ("https://example.com.evil.org/", False),
    ],
)
def test_the_sites_own_pages_are_no_source(referrer: str, own: bool) -> None:
    found = attribute(referrer=referrer)
    assert found.own is own
    assert (found.referrer == "") is own
    assert (found.source == "") is own


def test_a_page_is_no_source_of_its_own_host_without_any_setting() -> None:
    assert source.attribute("https://foo.org/a", "https://www.foo.org/b", (), {}) == Source(own=True)
    assert source.attribute("https://foo.org/a", "https://sub.foo.org/b", (), {}).own is False


def test_a_public_suffix_does_not_own_its_neighbours() -> None:
    found = source.attribute("https://github.io/", "https://someone.github.io/", ("github.io",), {})
    assert found.own is False


def test_the_sites_own_names_come_first() -> None:
    ours = {"partner.example": "Partner", "google.com": "Big G", "letter": "Our letter"}
    assert source.attribute(PAGE, "https://blog.partner.example/x", OWN, ours).source == "Partner"
    renamed = source.attribute(PAGE, "https://www.google.com/", OWN, ours)
    assert (renamed.source, renamed.medium) == ("Big G", "organic")
    assert source.attribute(f"{PAGE}?utm_source=Letter", "", OWN, ours).source == "Our letter"


def test_ten_thousand_parameters_cost_no_time() -> None:
    url = f"{PAGE}?" + "&".join(f"p{number}=%41" for number in range(10_000)) + "&utm_source=late"
    started = time.perf_counter()
    assert source.attribute(url, "", OWN, {}) == DIRECT
    assert time.perf_counter() - started < 0.02


def test_never_raises_and_keeps_only_what_can_be_stored() -> None:
    texts = [*shared.read_json("data/naughty_strings/blns.json")]
    for name in ("urltestdata", "ada_extra_urltestdata", "ada_long_urltestdata"):
        cases = shared.read_json(f"data/url_test_data/{name}.json")
        texts += [case["input"] for case in cases if isinstance(case, dict)]
    for name in ("IdnaTestV2", "toascii"):
        cases = [case for case in shared.read_json(f"data/url_test_data/{name}.json") if isinstance(case, dict)]
        texts += [f"https://{case['input']}/x" for case in cases]
    assert len(texts) > 1500
    for text in texts:
        for found in (
            source.attribute(text, text, (text,), {text: text}),
            source.attribute(f"{PAGE}?utm_source={text}&ref={text}&gclid={text}", "", OWN, {}),
        ):
            stored = (found.referrer, found.source, found.medium, found.utm_source)
            assert all("\x00" not in value for value in stored)
            "".join(stored).encode()


def test_agrees_with_the_url_standard_about_hosts() -> None:
    """Stricter only where a host can be no DNS name, and where an IPv4 address is written in disguise."""
    differing = []
    for case in shared.read_json("data/url_test_data/urltestdata.json"):
        if not isinstance(case, dict) or not case["input"].lower().startswith(("http://", "https://")):
            continue
        found = address.parse(case["input"])
        if case.get("failure"):
            assert found is None, case["input"]
        elif found is None or found.host != case["hostname"].removesuffix("."):
            differing.append((case["input"], found and found.host))
    # The standard library's IDNA is of 2003: sharp s is ss there.
    assert [(text, host) for text, host in differing if host] == [("https://faß.ExAmPlE/", "fass.example")]
    assert len(differing) < 25, differing


def test_knows_the_social_networks_of_the_public_list() -> None:
    known = wrong = 0
    for hosts in shared.read_yaml("data/referrer_search_social/Socials.yml").values():
        for host in hosts:
            known += 1
            wrong += names.of_host(address.bare(host)).kind not in {"social", "video"}
    assert known > 200
    assert wrong <= known * 0.01


def test_knows_the_search_engines_of_the_public_list() -> None:
    known, missed = 0, []
    for groups in shared.read_yaml("data/referrer_search_social/SearchEngines.yml").values():
        for host in (str(url) for group in groups for url in group["urls"]):
            # Browsers do not tell the path of another site's page.
            if "/" in host or host.startswith("images.{}"):
                continue
            known += 1
            filled = f"de.{host[3:]}" if host.startswith("{}.") else host.replace("{}", "co.uk")
            if names.of_host(address.bare(filled)).kind == "":
                missed.append(host)
    assert known > 600
    assert len(missed) <= known * 0.01, missed


def test_knows_the_ai_assistants_of_the_public_list() -> None:
    for hosts in shared.read_yaml("data/referrer_search_social/AIAssistants.yml").values():
        for host in hosts:
            if "/" not in host:
                assert names.of_host(address.bare(host)).kind == "ai", host


def test_knows_the_sources_of_ga4() -> None:
    text = shared.path("data/ga4_source_categories/ga4_source_categories.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    differing = []
    for row in rows:
        kind = row["source_category"].removeprefix("SOURCE_CATEGORY_").lower()
        found = names.of_typed(row["source"]).kind
        if found != kind:
            differing.append((row["source"], kind, found))
    # Webmail and chats have their own kinds here.
    assert [entry for entry in differing if entry[2] not in {"email", "ai"}][:5] == []
    assert len(differing) <= len(rows) * 0.01, differing
