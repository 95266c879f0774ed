"""What a person browses with, read from the user agent by ua-parser's rules, under the names people know.

`data/browsers.csv` and `data/systems.csv` rename the rules' families (Chrome Mobile iOS is Chrome); a family
that is not listed keeps its name. `data/devices.csv` is an ordered list of patterns, the first that matches
decides; then the operating system's usual device. The rules run in Rust: linear time, whatever the user
agent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import ua_parser
import ua_parser_rs
from ua_parser.regex import Resolver

from analytics.enrich import address, tables
from analytics.events import Limits

_RULES = Resolver(ua_parser.load_lazy_builtins())
_BROWSER_AND_OS = ua_parser.Domain.USER_AGENT | ua_parser.Domain.OS

_BROWSERS = {row[0]: row[1] for row in tables.rows("browsers")}
_SYSTEMS = {family: name for family, name, _ in tables.rows("systems")}
_USUAL_DEVICE = {family: device for family, _, device in tables.rows("systems")}
_DEVICES = ua_parser_rs.UserAgentExtractor(
    (pattern, device, None, None, None, None) for pattern, device in tables.rows("devices")
)

# A version without meaning: the kernel of a desktop Linux is no version of GNU/Linux.
_WITHOUT_VERSION = frozenset({"GNU/Linux"})


class Device(NamedTuple):
    """What is not known is ''."""

    browser: str = ""
    browser_version: str = ""
    """The major number: `120`. Browsers release monthly and freeze the rest."""
    os: str = ""
    os_version: str = ""
    """Major and minor where there is a minor: `10`, `18.5`, `10.15`."""
    device: str = ""
    """Desktop, Mobile, Tablet, TV, Console or Other; '' only without a user agent."""


def parse(user_agent: str) -> Device:
    """The user agent is clipped to `Limits.USER_AGENT_CHARS` first."""
    return _parse(user_agent[: Limits.USER_AGENT_CHARS])


@lru_cache(maxsize=1 << 15)
def _parse(user_agent: str) -> Device:
    if user_agent.strip(" -") == "":
        return Device()
    result = _RULES(user_agent, _BROWSER_AND_OS)
    browser = browser_version = system = system_version = usual = ""
    if result.user_agent:
        browser = _name(_BROWSERS, result.user_agent.family)
        browser_version = address.clean(result.user_agent.major or "") if browser else ""
    if result.os:
        system = _name(_SYSTEMS, result.os.family)
        usual = _USUAL_DEVICE.get(result.os.family, "")
        if system and system not in _WITHOUT_VERSION:
            system_version = _major_minor(result.os.major, result.os.minor)
    match = _DEVICES.extract(user_agent)
    device = match.family if match else usual or "Other"
    return Device(browser, browser_version, system, system_version, device)


def _name(names: dict[str, str], family: str) -> str:
    return address.clean(names.get(family, family))


def _major_minor(major: str | None, minor: str | None) -> str:
    return address.clean(f"{major}.{minor}" if major and minor else major or "")
