from __future__ import annotations

import json

import pytest
import ua_parser

from analytics.enrich import device
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


@pytest.mark.parametrize(
    ("name", "field"),
    [("test_ua", "user_agent"), ("test_os", "os"), ("firefox_user_agent_strings", "user_agent")],
)
def test_the_rules_give_the_families_of_their_own_corpus(name: str, field: str) -> None:
    cases = shared.read_yaml(f"data/uap_core/{name}.yaml")["test_cases"]
    agreed = 0
    for case in cases:
        found = getattr(ua_parser.parse(case["user_agent_string"]), field)
        agreed += (found.family if found else "Other") == case["family"]
    assert agreed / len(cases) >= 0.99


def test_agrees_with_the_recorded_devices_of_real_browsers() -> None:
    lines = shared.path("data/ua_real_weighted/browsers.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    agreed = sum(device.parse(record["useragent"]).device.lower() == record["type"] for record in records)
    assert agreed / len(records) >= 0.99


def test_takes_any_text() -> None:
    for text in shared.read_json("data/naughty_strings/blns.json"):
        found = device.parse(text)
        assert all(value.isprintable() for value in found)
