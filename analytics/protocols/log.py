"""A line of an Apache or nginx access log in the combined format, its address replaced by the network.

Only reading: such hits do not come over HTTP but from `manage.py import-log`.
"""

from __future__ import annotations

import datetime as dt
import functools
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from analytics.events import PAGEVIEW, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean

NAME = "log"
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    rf"(?:(?P<vhost>[\w.-]+(?::\d+)?) )?(?P<address>[0-9a-fA-F.:/]+) \S+ (?P<user>.+?) \[(?P<time>[^\]]{{1,64}})\] "
    rf"{_QUOTED} (?P<status>\d{{3}}) (?:\d+|-)(?: {_QUOTED} {_QUOTED})?\s*"
)
_MONTHS = {
    month: n
    for n, month in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
_ESCAPED = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)|\\(.)")
ASSETS = frozenset(
    [
        "css",
        "js",
        "mjs",
        "map",
        "json",
        "xml",
        "rss",
        "atom",
        "txt",
        "xsl",
        "ico",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "bmp",
        "ttf",
        "otf",
        "woff",
        "woff2",
        "eot",
        "swf",
        "webmanifest",
        "log",
        "conf",
    ]
)
DOWNLOADS = frozenset(
    [
        "pdf",
        "zip",
        "gz",
        "tgz",
        "bz2",
        "xz",
        "7z",
        "rar",
        "tar",
        "jar",
        "war",
        "exe",
        "msi",
        "dmg",
        "pkg",
        "deb",
        "rpm",
        "apk",
        "iso",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "csv",
        "mp3",
        "mp4",
        "avi",
        "mov",
        "wmv",
        "mkv",
        "ogg",
        "wav",
        "epub",
    ]
)


class BadLine(ValueError):
    """The line is not in the combined format."""


@dataclass(frozen=True, slots=True)
class Line:
    """The fields of a line; `address` is whatever stood there, an address or (in a payload) a network."""

    address: str
    ts: dt.datetime
    method: str
    target: str
    status: int
    referrer: str
    user_agent: str
    vhost: str


def parse(line: str) -> Line:
    """Raises BadLine with the reason."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadLine('not in the combined format (address - user [time] "request" status bytes "referrer" "agent")')
    request, referrer, user_agent = (_plain(text) for text in match.group(5, 7, 8))
    method, _, rest = request.partition(" ")
    target = rest.rpartition(" ")[0] if " " in rest else rest
    return Line(
        address=match["address"],
        ts=_time(match["time"]),
        method=method,
        target=target,
        status=int(match["status"]),
        referrer=referrer,
        user_agent=user_agent,
        vhost=(match["vhost"] or "").partition(":")[0],
    )


def _plain(text: str | None) -> str:
    if not text or text == "-":
        return ""
    return _ESCAPED.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        given = bytes.fromhex(match[1].replace("\\x", ""))
        try:
            return given.decode()
        except UnicodeDecodeError:
            return given.decode("latin-1")
    return {"t": "\t", "n": "\n"}.get(match[2], match[2])


@functools.lru_cache(maxsize=4096)
def _time(text: str) -> dt.datetime:
    """`10/Feb/2012:16:42:07 -0500`, read by position: strptime takes five times as long."""
    try:
        sign = -1 if text[21] == "-" else 1
        offset = dt.timedelta(hours=int(text[22:24]), minutes=int(text[24:26]))
        local = dt.datetime(
            int(text[7:11]), _MONTHS[text[3:6]], int(text[:2]), int(text[12:14]), int(text[15:17]), int(text[18:20]),
            tzinfo=dt.UTC,
        )  # fmt: skip
        return local - sign * offset
    except (ValueError, KeyError, IndexError, OverflowError):
        raise BadLine(f"no time that can be read: [{text[:40]}]") from None


def category(line: Line) -> str:
    """Empty for a page a person may have looked at, else why it is none: `error`, `redirect`, `asset`."""
    if line.status >= 400 or line.method not in {"GET", "HEAD", "POST"}:
        return "error"
    if 300 <= line.status < 400 and line.status != 304:
        return "redirect"
    if line.method != "GET" or _extension(line.target) in ASSETS:
        return "asset"
    return ""


def _extension(target: str) -> str:
    return posixpath.splitext(target.partition("?")[0])[1][1:].lower()


def read(payload: str) -> ClientEvent:
    """A page that was served is a `pageview`, a file a `File Download`, all else a `request` left out of reports."""
    try:
        line = parse(payload)
    except BadLine as error:
        raise Refused(Refusal.BAD_FIELD, str(error)) from None
    why_not = category(line)
    download = _extension(line.target) in DOWNLOADS
    return ClientEvent(
        name="request" if why_not else "File Download" if download else PAGEVIEW,
        url=clean.text(_url(line), Limits.URL_CHARS),
        referrer=clean.text(line.referrer, Limits.URL_CHARS),
        timestamp=line.ts,
        # Whoever speaks TLS or nonsense to a server has no method but bytes.
        props=clean.props({"status": str(line.status), "method": line.method}, strict=False),
        interactive=not why_not,
        category=why_not,
    )


def _url(line: Line) -> str:
    if line.target.startswith(("http://", "https://")):
        return line.target
    path = line.target if line.target.startswith("/") else f"/{line.target}"
    return f"http://{line.vhost}{path}" if line.vhost and urlsplit(f"//{line.vhost}").hostname else path
