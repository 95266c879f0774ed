"""What a payload must not carry to the disk: whole addresses, credentials, passwords, secrets of query strings, e-mail.

It works on the text as it came, JSON or query string, whatever it says, and leaves everything else untouched: JSON
stays JSON and a parameter a parameter (docs/decisions/0007). Linear in the length of the text.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

# Every sign may stand there plain, percent-encoded (once or more often), or as a JSON escape (of JSON within JSON too).
# Of an escape always all is taken or nothing.
_PERCENT = r"%(?:25){0,3}+"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HEX = "[0-9a-fA-F]"
_BACKSLASHES = rf"(?:\\{{1,4}}+|{_PERCENT}5[cC])"
_EQUALS = rf"(?:=|{_PERCENT}3[dD]|{_BACKSLASHES}u003[dD])"
_AT = rf"(?:@|{_PERCENT}40|{_BACKSLASHES}u0040)"
_SLASH = rf"(?:{_BACKSLASHES}?(?:/|{_PERCENT}2[fF])|{_BACKSLASHES}u002[fF])"
_ENDS_A_VALUE = rf"{_PERCENT}(?:2[02367]|3[bBcCeE]|5[cC]|0[aAdD])"
"""A space, `"`, `#`, `&`, `'`, `;`, `<`, `>`, a backslash, a line break."""
_BEFORE_A_NAME = rf"(?:\A|[?&;#\"\n]|{_PERCENT}(?:3[fFbB]|2[36]|0[aA])|{_BACKSLASHES}(?:u00(?:3[fFbB]|2[36])|n))"
_LETTER = r"(?:2[bBdDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA]|[89a-fA-F][0-9a-fA-F])"
"""The number of a letter, a digit or one of `+-._`."""
_ESCAPED_LETTER = rf"{_PERCENT}{_LETTER}|{_BACKSLASHES}u(?:00{_LETTER}|(?!00){_HEX}{{4}})"

_ENDING = "token|password|passwd|pwd|secret|api[_-]?key|e-?mail|phone|session_?id|signature|jwt|username"
_WHOLE = "token_auth|code|pass|sig|phpsessid|jsessionid|auth|authorization|otp|mobile"
_NAME = (
    rf"(?:(?:[\w.-]{{0,40}}(?:[_.-]|\[|{_PERCENT}5[bB]))?(?:{_ENDING})|\w{{1,40}}token|{_WHOLE})"
    rf"(?:\]|{_PERCENT}5[dD])?"
)
"""`token`, `reset_token`, `csrftoken`, `user[password]`."""
_SECRET = re.compile(
    rf"({_BEFORE_A_NAME}(?=[\w.-]){_NAME}{_EQUALS})"
    rf"(?:(?!{_ENDS_A_VALUE})[^&\s\"'#;\\<>]"
    rf"|{_BACKSLASHES}(?:/|{_PERCENT}2[fF]|u(?!00(?:2[02367]|3[bBcCeE])){_HEX}{{4}}))+",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"((?P<quote>\\{0,3}\")(?:passw(?:or)?d|pwd|passphrase|client_?secret|card_?number|cvv|cvc)(?P=quote)\s{0,9}:\s{0,9}"
    rf"(?P=quote))(?:[^\"\\]|{_BACKSLASHES}[^\"\\])+",
    re.IGNORECASE,
)
"""JSON alone names passwords in keys."""
_ESCAPED_IN_A_HOST = rf"u(?!00(?:2[0237fF]|3[cCeEfF])){_HEX}{{4}}"
_CREDENTIALS = re.compile(
    rf"((?:[:\"=]|{_BACKSLASHES}u003[aA])(?:{_BACKSLASHES}?/|{_BACKSLASHES}u002[fF]){{2}})"
    rf"(?:(?!&[\w.%-]{{1,60}}=)[^/?#\s\"'<>\\]|\\{{1,4}}+{_ESCAPED_IN_A_HOST}){{1,256}}(?:@|\\{{1,4}}+u0040)"
)
_ENCODED_CREDENTIALS = re.compile(
    rf"((?::|{_PERCENT}3[aA]){_SLASH}{{2}})"
    rf"(?:(?!{_PERCENT}(?:2[0236fF]|3[cCeEfF]|5[cC]|0[aAdD]))[^/?#&+\s\"'<>\\]|{_BACKSLASHES}{_ESCAPED_IN_A_HOST}){{1,256}}"
    rf"{_AT}"
)
"""In a parameter: they end where it ends."""
_BEFORE_MAIL = (
    rf"(?:\A|[^\w.+\-\\%]|(?!{_ESCAPED_LETTER})(?:"
    rf"(?:(?<!\\)\\++|{_PERCENT}5[cC])(?:u{_HEX}{{4}}|[bfnrt]|(?!u{_HEX}{{4}}|[bfnrt]))"
    rf"|{_PERCENT}(?!5[cC])(?:{_HEX}{{2}}|(?!{_HEX}{{2}}))))"
)
_LABEL = rf"(?:[\w-]|{_ESCAPED_LETTER}){{1,63}}(?:\.|{_PERCENT}2[eE]|{_BACKSLASHES}u002[eE])"
_DOMAIN = rf"(?:(?:{_LABEL}){{1,8}}(?:xn--[\w-]{{1,59}}|[^\W\d_]{{2,24}})|[\w.-]{{1,253}}\Z)"
"""Or what is left of it where the text was cut off."""
# `logo@2x.png` is an image.
_MAIL = re.compile(rf"({_BEFORE_MAIL})(?:[\w.+-]|{_ESCAPED_LETTER}){{1,64}}+{_AT}(?!\d(?:\.\d)?x\.){_DOMAIN}")
_ADDRESS_NAMES = r"(?:\$?ip|_?uip|cip|ip_?override|ip_?address|client_?ip|remote_?addr|remote_?address|user_?ip)"
_ADDRESS = re.compile(
    rf"((?:(?P<quote>\\{{0,3}}\"){_ADDRESS_NAMES}(?P=quote)\s{{0,9}}:\s{{0,9}}(?:\[\s{{0,9}})?(?P=quote)"
    rf"|{_BEFORE_A_NAME}{_ADDRESS_NAMES}{_EQUALS})(?:[ +]|{_PERCENT}20){{0,9}}(?:\[|{_PERCENT}5[bB])?)"
    rf"((?:{_HEX}|[:.]|, ?|{_PERCENT}(?:3[aA]|2[eE])){{3,200}})",
    re.IGNORECASE,
)
_NO_HOST = r"(?<!//)(?<!\\/\\/)(?<!%2[fF]%2[fF])"
# A quick look first, for these are the rare cases: with one of these ends every name above.
_HINTS_OF_MAIL = ("@", "%40", "2540", "u0040")
_HINTS_OF_ADDRESSES = ('ip"', "ip=", "ip%", "ip\\", "ride", "addr")
_HINTS_OF_SECRETS = (
    "token=", "code=", "pass=", "password=", "passwd=", "pwd=", "secret=", "key=", "sig=", "signature=", "session_id=",
    "sessionid=", "sessid=", "jwt=", "auth=", "authorization=", "otp=", "mail=", "phone=", "mobile=", "username=", "]=",
    "5d=", "%3d", "253d", "u003d",
)  # fmt: skip
_HINTS_OF_PASSWORDS = ("passw", "passphrase", "pwd", "secret", "card", "cvv", "cvc")


def concerns(text: str) -> bool:
    """A quick look, also at many payloads in one: whether there may be something that must not be carried."""
    return _hints((*_HINTS_OF_MAIL, *_HINTS_OF_ADDRESSES, *_HINTS_OF_SECRETS, *_HINTS_OF_PASSWORDS), text.lower())


def payload(text: str) -> str:
    """The text without what it must not carry; the same object when there is nothing of the kind."""
    lower = text.lower()
    if _hints(_HINTS_OF_MAIL, lower):
        text = _ENCODED_CREDENTIALS.sub(r"\1", _CREDENTIALS.sub(r"\1", text))
        text = _MAIL.sub(r"\1[email]", text)
    if _hints(_HINTS_OF_ADDRESSES, lower):
        text = _ADDRESS.sub(_shortened, text)
    if _hints(_HINTS_OF_SECRETS, lower):
        text = _SECRET.sub(r"\1", text)
    if _hints(_HINTS_OF_PASSWORDS, lower):
        text = _PASSWORD.sub(r"\1", text)
    return text


def own(text: str, address: str) -> str:
    """The text with this address as its network, under whatever name it stands; the same object where it does not.

    As a host it stays (`//203.0.113.9/`): there it is the page's.
    """
    if address.rpartition(":")[2] not in text:
        return text
    written = re.escape(address).replace(":", f"(?::|{_PERCENT}3[aA])")
    return re.sub(rf"{_NO_HOST}{written}(?!{_HEX})", network(address), text)


def _hints(hints: tuple[str, ...], lower: str) -> bool:
    for hint in hints:  # noqa: SIM110  # a generator would cost more than what it looks for
        if hint in lower:
            return True
    return False


def _shortened(match: re.Match[str]) -> str:
    address = match[3]
    while "%" in address:
        address = unquote(address)
    return f"{match[1]}{network(address)}"


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries whole (mapped, 6to4): the /48 of `2002:cb00:7109::` would tell it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or address.sixtofour or address


def network(address: str) -> str:
    """What may be kept of an address, without its length: `203.0.113.0`, `2001:db8:1::`; of what is none nothing."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    found = carried(found)
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, bits), strict=False).network_address)
