"""What a payload must not carry to the disk: whole addresses, credentials, secrets of query strings, e-mail addresses.

It works on the text as it came, JSON or query string, whatever it says, and leaves everything else untouched
(docs/decisions/0007). Linear in the length of the text.
"""

from __future__ import annotations

import ipaddress
import re

# A separator, `=`, `@`, `:` and `/` may stand there plain, percent-encoded (once or more often), or as a JSON escape.
_SEPARATOR = r"(?:[?&;#]|%(?:25)*(?:3[fF]|26|23|3[bB])|\\u0026)"
_EQUALS = r"(?:=|%(?:25)*3[dD]|\\u003[dD])"
_AT = r"(?:@|%(?:25)*40|\\u0040)"
_SLASHES = r"(?::|%(?:25)*3[aA])(?:\\?/|%(?:25)*2[fF]){2}"

_NAMES = (
    "access_?token|refresh_?token|id_?token|auth_?token|oauth_?token|csrf_?token|token|token_auth|code|password|passwd|pwd"
    "|pass|secret|client_?secret|api_?key|apikey|signature|sig|session_?id|phpsessid|jsessionid|jwt|auth|authorization"
    "|otp|e-?mail|phone|mobile|username"
)
_SECRET = re.compile(
    rf"({_SEPARATOR}(?:{_NAMES}){_EQUALS})(?:(?!%(?:25)*(?:26|23|3[bB]))[^&\s\"'#;\\<>])+", re.IGNORECASE
)
_CREDENTIALS = re.compile(rf"({_SLASHES})(?:(?!%(?:25)*(?:2[fF]|3[fF]|23))[^/?#\s\"'<>\\]){{1,256}}{_AT}")
_MAIL = re.compile(
    rf"(?:(?<=%[0-9a-fA-F]{{2}})|(?<![\w.+%-]))[\w.+-]{{1,64}}{_AT}(?:[\w-]{{1,63}}\.){{1,8}}[^\W\d_]{{2,24}}(?![\w-])"
)
_ADDRESS_NAMES = r"(?:\$?ip|_?uip|cip|ip_?override|ip_?address|client_?ip|remote_?addr|remote_?address|user_?ip)"
_ADDRESS = re.compile(
    rf"((?:\"{_ADDRESS_NAMES}\"\s*:\s*\"|(?:^|[?&\n\"]){_ADDRESS_NAMES}=))((?:[0-9a-fA-F:.]|%3[aA]){{3,80}})",
    re.IGNORECASE,
)
# A quick look first, for these are the rare cases: one of these stands in every name above.
_HINTS_OF_ADDRESSES = ('ip"', "ip=", "ride", "addr")
_HINTS_OF_SECRETS = (
    "token", "code", "pass", "pwd", "secret", "api", "sig", "sess", "jwt", "auth", "otp", "mail=", "mail%", "mail\\", "phone", "mobile",
    "username",
)  # fmt: skip


def payload(text: str) -> str:
    """The text without what it must not carry; the same object when there is nothing of the kind."""
    if "@" in text or "%40" in text or "2540" in text or "u0040" in text:
        text = _CREDENTIALS.sub(r"\1", text)
        text = _MAIL.sub("[email]", text)
    lower = text.lower()
    if _hints(_HINTS_OF_ADDRESSES, lower):
        text = _ADDRESS.sub(_shortened, text)
    if _hints(_HINTS_OF_SECRETS, lower):
        text = _SECRET.sub(r"\1", text)
    return text


def _hints(hints: tuple[str, ...], lower: str) -> bool:
    for hint in hints:  # noqa: SIM110  # a generator would cost more than what it looks for
        if hint in lower:
            return True
    return False


def _shortened(match: re.Match[str]) -> str:
    return f"{match[1]}{network(match[2].replace('%3A', ':').replace('%3a', ':'))}"


def network(address: str) -> str:
    """What may be kept of an address, without its length: `203.0.113.0`, `2001:db8:1::`; of what is none nothing."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, bits), strict=False).network_address)
