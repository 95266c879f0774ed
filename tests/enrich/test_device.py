from __future__ import annotations

import json

import pytest

from analytics.enrich import bots, device
from analytics.enrich.device import Device
from tests import shared

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (f"{WINDOWS} Chrome/120.0.0.0 Safari/537.36", Device("Chrome", "120", "Windows", "10", "Desktop")),
        (
            f"{WINDOWS} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.61",
            Device("Edge", "120", "Windows", "10", "Desktop"),
        ),
        (
            f"{WINDOWS} Chrome/118.0.0.0 Safari/537.36 OPR/104.0.0.0",
            Device("Opera", "104", "Windows", "10", "Desktop"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.1 Safari/605.1.15",
            Device("Safari", "17", "macOS", "10.15", "Desktop"),
        ),
        (
            f"{IPHONE} Version/17.1.2 Mobile/15E148 Safari/604.1",
            Device("Safari", "17", "iOS", "17.1", "Mobile"),
        ),
        (
            f"{IPHONE} CriOS/119.0.6045.169 Mobile/15E148 Safari/604.1",
            Device("Chrome", "119", "iOS", "17.1", "Mobile"),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/16.6 Mobile/15E148 Safari/604.1",
            Device("Safari", "16", "iOS", "16.6", "Tablet"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
            Device("Chrome", "120", "Android", "10", "Mobile"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-X700) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
            Device("Chrome", "120", "Android", "13", "Tablet"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
            Device("Samsung Internet", "23", "Android", "10", "Mobile"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
            Device("Firefox", "121", "GNU/Linux", "", "Desktop"),
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
            Device("Chrome", "120", "Chrome OS", "14541.0", "Desktop"),
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
            Device("Internet Explorer", "11", "Windows", "7", "Desktop"),
        ),
    ],
)
def test_names_browser_system_and_device_as_people_know_them(user_agent: str, expected: Device) -> None:
    assert device.parse(user_agent) == expected


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {WEBKIT} SamsungBrowser/2.2 TV Safari/537.36", "TV"),
        (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/79.0 Safari/537.36", "TV"),
        (f"Mozilla/5.0 (Linux; Android 9; AFTMM) {WEBKIT} Chrome/90.0 Mobile Safari/537.36", "TV"),
        ("Mozilla/5.0 (PlayStation 5/SmartTV) AppleWebKit/605.1.15 Version/16.4 Safari/605.1.15", "Console"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) {WEBKIT} Edge/44.18", "Console"),
        ("Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 NF/6.0", "Console"),
        (f"Mozilla/5.0 (Linux; Android 9; KFMAWI) {WEBKIT} Silk/118.2 Safari/537.36", "Tablet"),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/7.1; U; en) Presto/2.8.119 Version/11.10", "Mobile"),
        ("something nobody knows", "Other"),
    ],
)
def test_tells_the_kind_of_device(user_agent: str, kind: str) -> None:
    assert device.parse(user_agent).device == kind


@pytest.mark.parametrize("user_agent", ["", "-", " "])
def test_knows_nothing_without_a_user_agent(user_agent: str) -> None:
    assert device.parse(user_agent) == Device()


def test_looks_at_no_more_than_the_limit() -> None:
    assert device.parse("x" * 512 + " Firefox/121.0").browser == ""


CORPORA = {
    "test_ua": 1601,
    "firefox_user_agent_strings": 244,
    "opera_mini_user_agent_strings": 203,
    "podcasting_user_agent_strings": 144,
}


def expected(names: dict[str, str], family: str) -> str:
    """The name under which people know a family of uap-core; its `Other` is nothing known."""
    return "" if family == "Other" else names.get(family, family)


@pytest.mark.parametrize(("name", "size"), CORPORA.items())
def test_the_browser_is_the_family_of_the_corpus(name: str, size: int) -> None:
    cases = shared.read_yaml(f"data/uap_core/{name}.yaml")["test_cases"]
    assert len(cases) == size
    for case in cases:
        found = device.parse(case["user_agent_string"])
        assert found.browser == expected(device._BROWSERS, case["family"]), case
        if found.browser:
            assert found.browser_version == (case["major"] or ""), case


@pytest.mark.parametrize(("name", "size"), [("test_os", 483), ("additional_os_tests", 23)])
def test_the_system_is_the_family_of_the_corpus(name: str, size: int) -> None:
    cases = shared.read_yaml(f"data/uap_core/{name}.yaml")["test_cases"]
    assert len(cases) == size
    for case in cases:
        assert device.parse(case["user_agent_string"]).os == expected(device._SYSTEMS, case["family"]), case


# What the list of 2005 calls a browser → what it is called here, with the shells that were built around Explorer.
OLD_BROWSERS = {
    "MSIE": {"Internet Explorer", "MyIE2", "Maxthon", "Avant", "Lunascape", "iRider"},
    "Opera": {"Opera"},
    "Safari": {"Safari"},
    "Konqueror": {"Konqueror"},
    "Galeon": {"Galeon"},
    "Links": {"Links"},
    "Crazy Browser": {"Crazy Browser"},
    "Lynx": {"Lynx"},
    "UP.Browser": {"UP.Browser"},
    "ELinks": {"ELinks"},
}


def test_names_the_browsers_of_an_old_list() -> None:
    text = shared.path("data/uap_core/pgts_browser_list.txt").read_text(encoding="utf-8-sig")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    people = [(family, ua) for family, _, ua in rows if family in OLD_BROWSERS and not bots.classify(ua)]
    assert len(people) > 7000
    agreed = sum(device.parse(ua).browser in OLD_BROWSERS[family] for family, ua in people)
    assert agreed / len(people) >= 0.99


def test_agrees_with_the_recorded_devices_of_real_browsers() -> None:
    lines = shared.path("data/ua_real_weighted/browsers.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    agreed = sum(device.parse(record["useragent"]).device.lower() == record["type"] for record in records)
    assert agreed / len(records) >= 0.99


def test_takes_any_text() -> None:
    for text in shared.read_json("data/naughty_strings/blns.json"):
        found = device.parse(text)
        assert all(value.isprintable() for value in found)
