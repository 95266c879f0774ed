"""Web addresses as clients send them, made canonical. Nothing here raises: what is no address is None or ''.

Follows the WHATWG URL standard where browsers and hostile clients differ from RFC 3986 (backslashes, tabs,
missing or doubled slashes), and is stricter about hosts: what can be no DNS name and no IP address is
refused.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from analytics.events import Limits

_HOST_CHARS = 253
_DEFAULT_PORTS = {"http": "80", "https": "443", "android-app": ""}
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_NUMERIC = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_IGNORED = {ord(char): None for char in "\t\r\n"}
_SURROUNDING = "".join(map(chr, range(0x21)))
# PostgreSQL refuses NUL, UTF-8 refuses lone surrogates; other controls are terminal escapes and line breaks.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


class Address(NamedTuple):
    scheme: str
    host: str
    """Lower case, punycode, without a trailing dot; IPv6 in brackets."""
    port: str
    """Empty when it is the scheme's own."""
    path: str


def clean(text: str) -> str:
    """The text without control characters and lone surrogates, which no store or terminal should meet."""
    return text if text.isprintable() else _UNSTORABLE.sub("", text)


def parse(text: str) -> Address | None:
    """An absolute http, https or android-app address without credentials, query and fragment; else None."""
    text = text[: Limits.URL_CHARS].strip(_SURROUNDING).translate(_IGNORED)
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if text.startswith(("//", "\\\\")):
        scheme, rest = "https", text
    elif not colon or scheme not in _DEFAULT_PORTS:
        return None
    rest = rest.partition("#")[0].partition("?")[0].replace("\\", "/").lstrip("/")
    authority, slash, path = rest.partition("/")
    name, port = _host_and_port(authority.rpartition("@")[2])
    canonical = host(name)
    if not canonical or port is None:
        return None
    port = "" if port == _DEFAULT_PORTS[scheme] else port
    return Address(scheme, canonical, port, clean(slash + path))


def _host_and_port(authority: str) -> tuple[str, str | None]:
    if authority.startswith("["):
        name, closed, rest = authority.partition("]")
        name, port = name + closed, rest.removeprefix(":")
    else:
        name, _, port = authority.partition(":")
    if port == "":
        return name, ""
    digits = port.lstrip("0") or "0"
    if not (port.isascii() and port.isdigit() and len(digits) <= 5 and int(digits) <= 65535):
        return name, None
    return name, digits


@lru_cache(maxsize=1 << 14)
def host(name: str) -> str:
    """The canonical form of a host name or IP address; '' when it can be neither."""
    if name.startswith("["):
        return _ipv6(name)
    if "%" in name:
        name = unquote(name, errors="replace")
    if len(name) > _HOST_CHARS + 1:
        return ""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    name = name.lower().removesuffix(".")
    if len(name) > _HOST_CHARS or not _HOST.fullmatch(name):
        return ""
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        # Octal, hexadecimal and short forms are how addresses are disguised; browsers send the four numbers.
        return name if _is_ip(name) else ""
    return name


def of(url: str) -> str:
    """The canonical host of a page's URL without 'www.', or ''. Cheap: the path is not looked at."""
    start = url.find("//")
    if start < 0:
        return ""
    authority = url[start + 2 : start + 2 + 2 * _HOST_CHARS]
    for mark in "/?#\\":
        authority = authority.partition(mark)[0]
    return bare(host(_host_and_port(authority.rpartition("@")[2])[0]))


def bare(name: str) -> str:
    """A host without its leading 'www.'; `www.com` stays, for `com` is no host."""
    return name[4:] if name.startswith("www.") and name.count(".") > 1 else name


def _ipv6(name: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(name[1:-1])}]" if name.endswith("]") and "%" not in name else ""
    except ValueError:
        return ""


def _is_ip(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
