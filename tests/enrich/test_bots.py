from __future__ import annotations

import json
import time

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from analytics.enrich import bots
from tests import shared

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)

# Entries of the package that stand for people, and are left out on purpose.
PEOPLE_IN_THE_PACKAGE = {r"AP3A\.240617\.008", "MetaIAB Facebook", "Fluid"}


@pytest.mark.parametrize(
    ("user_agent", "category"),
    [
        (CHROME, ""),
        ("", "library"),
        ("-", "library"),
        ("   ", "library"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "search-engine"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "search-engine"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)", "ai-crawler"),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
            "ai-crawler",
        ),
        ("Mozilla/5.0 (compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)", "ai-crawler"),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "monitor"),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "monitor"),
        ("kube-probe/1.29", "monitor"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "preview"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "preview"),
        ("WhatsApp/2.23.20.0", "preview"),
        ("curl/8.5.0", "library"),
        ("python-requests/2.31.0", "library"),
        ("Go-http-client/2.0", "library"),
        ("NeverSeenBefore/0.1", "library"),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), "headless"),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "crawler"),
        ("Mozilla/5.0 (compatible; BrandNewSpider/1.0)", "crawler"),
        ("Mozilla/5.0 (compatible; SomethingOdd; +https://odd.example/why)", "crawler"),
        ("Mozilla/5.0 (compatible; SomethingOdd/1.0)", "crawler"),
        ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", ""),
        ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", ""),
        (CHROME + " (compatible; Odd-Verifier/2.0)", "crawler"),
        (CHROME.replace("Gecko)", "Gecko; Odd Console)"), "crawler"),
        (CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 10; Odd/1.0; bot"), "crawler"),
    ],
)
def test_tells_people_from_kinds_of_bots(user_agent: str, category: str) -> None:
    assert bots.classify(user_agent) == category


@pytest.mark.parametrize(
    "device",
    [
        "Linux; Android 10; CUBOT P30",
        "Linux; Android 9; CUBOT_X19",
        "Linux; Android 4.1.1; HTC Butterfly Build/JRO03C",
        "Linux; U; Android 2.2.2; en-us; ViewSonic-ViewPad4 Build/FRG83G",
        "Linux; Android 15; CPH2557 Build/AP3A.240617.008",
        "Linux; Android 7.0; M bot 60 Build/NRD90M; wv",
        "Linux; Android 6.0; IDbot553 Build/MRA58K",
        "Linux; Android 13; Spider 8",
    ],
)
def test_does_not_take_a_telephone_for_a_bot(device: str) -> None:
    webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
    user_agent = f"Mozilla/5.0 ({device}) {webkit} Chrome/120.0.0.0 Mobile Safari/537.36"
    assert bots.classify(user_agent) == ""


def test_does_not_take_a_browser_inside_an_application_for_its_fetcher() -> None:
    in_app = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605 Mobile/15E148 Tumblr/30"
    assert bots.classify(in_app) == ""
    assert bots.classify("Tumblr/14.0.835.186") == "preview"


def test_finds_every_bot_of_the_package_but_those_left_out() -> None:
    instances = [(entry["pattern"], ua) for entry in CRAWLER_USER_AGENTS_DATA for ua in entry["instances"]]
    missed = [(pattern, ua) for pattern, ua in instances if not bots.classify(ua)]
    assert {pattern for pattern, _ in missed} - PEOPLE_IN_THE_PACKAGE <= {r"BW\/"}
    assert len(missed) / len(instances) < 0.005


def test_finds_the_well_known_bots() -> None:
    entries = shared.read_json("data/bots_well_known/well-known-bots.json")
    instances = [ua for entry in entries for ua in entry["instances"]["accepted"]]
    missed = [ua for ua in instances if not bots.classify(ua)]
    assert len(missed) / len(instances) <= 0.02, missed


@pytest.mark.parametrize(
    ("theirs", "ours", "least"),
    [("search-engine", "search-engine", 0.75), ("monitor", "monitor", 0.6), ("preview", "preview", 0.7)],
)
def test_mostly_agrees_on_the_category_of_well_known_bots(theirs: str, ours: str, least: float) -> None:
    entries = shared.read_json("data/bots_well_known/well-known-bots.json")
    instances = [ua for entry in entries if theirs in entry["categories"] for ua in entry["instances"]["accepted"]]
    assert sum(bots.classify(ua) == ours for ua in instances) / len(instances) >= least


def test_finds_every_ai_agent_by_its_name() -> None:
    for name in shared.read_json("data/bots_ai_robots_txt/robots.json"):
        assert bots.classify(f"Mozilla/5.0 (compatible; {name}/1.0)"), name


def test_catches_no_ordinary_browser() -> None:
    lines = shared.path("data/ua_real_weighted/browsers.jsonl").read_text(encoding="utf-8").splitlines()
    people = [json.loads(line)["useragent"] for line in lines]
    for name in ("index", "desktop", "mobile"):
        people += shared.read_json(f"data/ua_top/{name}.json")
    people += [
        case["user_agent_string"]
        for name in ("firefox_user_agent_strings", "opera_mini_user_agent_strings")
        for case in shared.read_yaml(f"data/uap_core/{name}.yaml")["test_cases"]
    ]
    assert [(ua, bots.classify(ua)) for ua in people if bots.classify(ua)] == []


@pytest.mark.parametrize("shape", ["a" * 100_000, "(" * 100_000, "Mozilla/5.0 " * 9_000, "bot" * 40_000])
def test_costs_no_time_however_hostile_the_user_agent(shape: str) -> None:
    started = time.perf_counter()
    bots.classify(shape)
    assert time.perf_counter() - started < 0.02


def test_takes_any_text() -> None:
    for text in shared.read_json("data/naughty_strings/blns.json"):
        assert isinstance(bots.classify(text), str)
