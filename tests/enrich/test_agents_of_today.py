"""Agents that the corpora lack, as browsers send them: in applications, of those that hide, of TVs and consoles."""

from __future__ import annotations

import pytest

from analytics.enrich import bots, device

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IOS = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) {WEBKIT}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {WEBKIT}"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0"
VIEW = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/125.0.6422.113 Mobile Safari/537.36"
)
MOBILE = f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT}"
INSTAGRAM = "Instagram 334.0.4.32.98 (iPhone13,2; iOS 17_5_1; en_US; en; scale=3.00; 1170x2532; 610419750)"
FACEBOOK = "[FBAN/FBIOS;FBAV/467.0.0.41.103;FBBV/606940604;FBDV/iPhone13,2;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3]"
TIKTOK = "trill_350003 JsSdk/1.0 NetType/WIFI AppName/trill ByteLocale/en Region/GB BytedanceWebview/d8a21c6"


def android(build: str, *, mobile: bool = True) -> str:
    return f"Mozilla/5.0 (Linux; Android 13; {build}) {CHROME} {'Mobile ' if mobile else ''}Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "browser", "system", "kind"),
    [
        # Inside applications.
        (f"{IOS} Mobile/15E148 {INSTAGRAM}", "Instagram", "iOS", "Mobile"),
        (f"{VIEW} Instagram 334.0.0.42.95 Android (34/14; samsung; qcom)", "Instagram", "Android", "Mobile"),
        (f"{IOS} Mobile/15E148 {FACEBOOK}", "Facebook", "iOS", "Mobile"),
        (f"{VIEW} [FB_IAB/FB4A;FBAV/467.0.0.52.83;IABMV/1;]", "Facebook", "Android", "Mobile"),
        (f"{IOS} GSA/318.0.638133391 Mobile/15E148 Safari/604.1", "Google App", "iOS", "Mobile"),
        (f"{VIEW} GSA/15.20.36.28.arm64", "Google App", "Android", "Mobile"),
        (f"{VIEW} {TIKTOK}", "TikTok", "Android", "Mobile"),
        (f"{IOS} Mobile/15E148 Snapchat/12.91.0.37 (like Safari/8618.2.12.10.9, panda)", "Snapchat", "iOS", "Mobile"),
        (f"{IOS} Mobile/15E148 Twitter for iPhone/10.46", "Twitter", "iOS", "Mobile"),
        (f"{IOS} Mobile/15E148 [LinkedInApp]/9.29.7586", "Safari (in-app)", "iOS", "Mobile"),
        (f"{IOS} Mobile/15E148 [Pinterest/iOS]", "Pinterest", "iOS", "Mobile"),
        (f"{IOS} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI", "WeChat", "iOS", "Mobile"),
        (f"{IOS} Mobile/15E148 Safari Line/14.8.0", "LINE", "iOS", "Mobile"),
        (f"{VIEW};KAKAOTALK 2510620", "Android Webview", "Android", "Mobile"),
        (f"{IOS} Mobile/15E148 WhatsApp/2.24.10.78", "WhatsApp", "iOS", "Mobile"),
        (f"{VIEW} Telegram-Android/10.13.1 (Samsung; Android 14; SDK 34)", "Telegram", "Android", "Mobile"),
        (f"{VIEW} Blackboard/3.6.0", "Android Webview", "Android", "Mobile"),
        (f"{VIEW} SogouSearch Android1.0 version3.0 AppVersion/6002", "Android Webview", "Android", "Mobile"),
        (f"{VIEW} SogouMSE,SogouMobileBrowser/5.32.2", "Android Webview", "Android", "Mobile"),
        (
            f"{WINDOWS.replace('Safari', 'Electron/30.0.9 Safari')} Slack_SSB/4.38.125",
            "Slack Desktop Client",
            "Windows",
            "Desktop",
        ),
        # Browsers of telephone makers, and telephones whose names look like a bot's.
        (MOBILE.replace("Chrome/", "SamsungBrowser/25.0 Chrome/"), "Samsung Internet", "Android", "Mobile"),
        (f"{MOBILE} XiaoMi/MiuiBrowser/14.14.0-gn", "Mi Browser", "Android", "Mobile"),
        (f"{MOBILE} HeyTapBrowser/45.10.6.1", "HeyTap Browser", "Android", "Mobile"),
        (android("CUBOT NOTE 20 PRO"), "Chrome", "Android", "Mobile"),
        (android("CUBOT_TAB_10", mobile=False), "Chrome", "Android", "Tablet"),
        # Those that hide who they are.
        (f"{IOS} Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", "DuckDuckGo", "iOS", "Mobile"),
        (f"{MAC} Version/17.5 Safari/605.1.15 Ddg/17.5", "DuckDuckGo", "macOS", "Desktop"),
        (f"{MOBILE} Ddg/15.0", "DuckDuckGo", "Android", "Mobile"),
        (f"{IOS} FxiOS/126.0 Focus/126.0 Mobile/15E148 Safari/605.1.15", "Firefox", "iOS", "Mobile"),
        (f"{IOS} Version/17.5 Mobile/15E148 Safari/604.1 Brave/1.66", "Brave", "iOS", "Mobile"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox", "Windows", "Desktop"),
        (f"{WINDOWS} Edg/125.0.0.0", "Edge", "Windows", "Desktop"),
        (f"{WINDOWS} OPR/110.0.0.0 (Edition GX)", "Opera", "Windows", "Desktop"),
        (f"{WINDOWS} Vivaldi/6.7.3329.31", "Vivaldi", "Windows", "Desktop"),
        # A tablet that asks for pages of desktops: Safari says what a Mac says, the others give themselves away.
        (f"{IPAD} Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "iOS", "Tablet"),
        (f"{MAC} CriOS/125 Version/11.1.1 Safari/605.1.15", "Chrome", "iOS", "Tablet"),
        (f"{MAC} Version/17.5 Safari/605.1.15", "Safari", "macOS", "Desktop"),
        # Televisions, consoles, cars, simple telephones.
        (f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {CHROME} TV Safari/537.36", "Chrome", "Tizen", "TV"),
        (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {CHROME} Safari/537.36 WebAppManager", "Chrome", "webOS", "TV"),
        (VIEW.replace("SM-S918B", "BRAVIA VH21"), "Android Webview", "Android", "TV"),
        (VIEW.replace("SM-S918B", "AFTKA"), "Android Webview", "Android", "TV"),
        (f"Mozilla/5.0 (PlayStation 5/SmartTV) {WEBKIT} Version/16.4 Safari/605.1.15", "Safari", "", "Console"),
        (f"{WINDOWS.replace('x64)', 'x64; Xbox; Xbox One)')} Edg/125.0.0.0", "Edge", "Windows", "Console"),
        (f"Mozilla/5.0 (X11; GNU/Linux) {CHROME} Safari/537.36 Tesla/2024.14.9", "Chrome", "GNU/Linux", "Desktop"),
        (
            "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
            "Firefox",
            "KaiOS",
            "Mobile",
        ),
        (
            f"Mozilla/5.0 (BB10; Touch) {WEBKIT} Version/10.0.9 Mobile Safari/537.10+",
            "BlackBerry",
            "BlackBerry",
            "Mobile",
        ),
    ],
)
def test_people_are_no_bots_whatever_they_browse_with(agent: str, browser: str, system: str, kind: str) -> None:
    found = device.parse(agent)
    assert (bots.classify(agent), found.browser, found.os, found.device) == ("", browser, system, kind)
