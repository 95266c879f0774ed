"""Values as they come → values that every store and page can carry. Each raises Refused that says what to do."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from analytics.events import Limits, Refusal, Refused

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)? ?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?", re.ASCII)
_SCREEN = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}", re.ASCII)
_WIDEST_OFFSET = dt.timedelta(hours=14)
_NOBODY = frozenset({
    "", "null", "none", "nil", "undefined", "nan", "true", "false", "0", "anonymous", "guest", "id", "email",
    "distinct_id", "distinctid", "not_authenticated", "00000000-0000-0000-0000-000000000000", "[object object]",
})  # fmt: skip
"""What programs write when they know nobody, also in quotes: PostHog's list, and the id of devices that tell none."""
_MOST_REVENUE = Decimal(10) ** 14
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def text(value: str | None, most: int) -> str:
    """At most `most` code points; NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", value[:most]) if value else ""


def name(value: str | None) -> str:
    """An event's name."""
    clean = text(value.strip(), Limits.NAME_CHARS + 1) if value else ""
    if not clean:
        raise Refused(Refusal.NO_NAME, "Give the event a name, such as pageview.")
    if len(clean) > Limits.NAME_CHARS:
        raise Refused(Refusal.BAD_NAME, f"An event's name has at most {Limits.NAME_CHARS} characters.")
    return clean


def url(value: str | None) -> str:
    """A page's address: http(s), or a path on the site's own domain. An app's screens (`app://…`) count as pages."""
    clean = text(value.strip(), Limits.URL_CHARS) if value else ""
    if clean and not re.match(r"/|https?://|app://", clean, re.IGNORECASE):
        raise Refused(Refusal.BAD_URL, "url must be an http(s) address or a path that starts with a slash.")
    return f"http{clean[3:]}" if clean[:1] in {"a", "A"} else clean


def event_id(value: str | None) -> uuid.UUID | None:
    """A client's own id in canonical form: a UUID as it is, any other text as the UUID of its hash."""
    if not value:
        return None
    if len(value) > Limits.ID_CHARS:
        raise Refused(Refusal.BAD_EVENT_ID, f"event_id has at most {Limits.ID_CHARS} characters.")
    try:
        return uuid.UUID(value)
    except ValueError:
        digest = blake2b(value.encode(errors="replace"), digest_size=16, person=b"event id").digest()
        return uuid.UUID(bytes=digest, version=5)


def someone(value: str | int | None) -> str:
    """An id that a client keeps for a visitor; what programs write for nobody (`undefined`) is no id."""
    clean = text("" if value is None else str(value).strip(), Limits.ID_CHARS)
    return "" if clean.strip("\"' ").lower() in _NOBODY else clean


def screen(value: str | None) -> str:
    """`1920x1080`; what is no size of a screen is left out."""
    return value if value and _SCREEN.fullmatch(value) else ""


def timestamp(value: str | int | float | None) -> dt.datetime | None:
    """ISO 8601 text (UTC when it names no zone) or a number of seconds, milliseconds, microseconds since 1970.

    Between EARLIEST and LATEST: a number beyond them comes from a clock that is wrong and becomes one of them.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return _epoch(value)
    moment = _iso(value.strip())
    if moment is None or not EARLIEST <= moment <= LATEST:
        raise Refused(
            Refusal.BAD_TIMESTAMP,
            "timestamp must be like 2026-11-23T08:15:30Z, or a number of seconds since 1970.",
        )
    return moment


def _iso(value: str) -> dt.datetime | None:
    if not _ISO.fullmatch(value):
        return None
    try:
        moment = dt.datetime.fromisoformat(value.upper())
        offset = moment.utcoffset()
        if offset is None:
            return moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC) if abs(offset) <= _WIDEST_OFFSET else None
    except (ValueError, OverflowError):
        return None


def _epoch(value: int | float) -> dt.datetime:
    """Seconds reach to the year 2286; what is larger counts milliseconds, and what is larger still microseconds."""
    for unit in (1, 10**3, 10**6):
        if value < 10**10 * unit:
            seconds = min(max(value / unit, EARLIEST.timestamp()), LATEST.timestamp())
            return dt.datetime.fromtimestamp(seconds, dt.UTC)
    return LATEST


def props(given: Mapping[str, Any] | None, *, strict: bool) -> dict[str, str]:
    """Properties as text. Lists and objects are refused when `strict`, else left out, as empty values always are."""
    clean: dict[str, str] = {}
    for key, value in (given or {}).items():
        if value is None or value == "":
            continue
        if isinstance(value, (list, dict)):
            if strict:
                raise Refused(Refusal.BAD_PROPS, f"props.{key[:40]} must be text, a number or true/false.")
            continue
        if not 0 < len(key) <= Limits.PROP_KEY_CHARS:
            raise Refused(Refusal.BAD_PROPS, f"A property's name has 1 to {Limits.PROP_KEY_CHARS} characters.")
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        clean[text(key, Limits.PROP_KEY_CHARS)] = text(shown, Limits.PROP_VALUE_CHARS)
        if len(clean) > Limits.PROPS:
            raise Refused(Refusal.BAD_PROPS, f"An event has at most {Limits.PROPS} properties.")
    return clean


def money(amount: str | int | float, currency: str) -> tuple[Decimal, str]:
    """An amount of four decimals and its ISO 4217 code."""
    if isinstance(amount, str) and not _NUMBER.fullmatch(amount):
        raise Refused(Refusal.BAD_REVENUE, "revenue.amount must be a number such as 19.90.")
    code = currency.strip().upper()
    value = Decimal(amount if isinstance(amount, int) else str(amount))
    if abs(value) >= _MOST_REVENUE or abs(value := value.quantize(Decimal("0.0001"))) >= _MOST_REVENUE:
        raise Refused(Refusal.BAD_REVENUE, "revenue.amount must be a number below 10^14.")
    # Before it is made upper case: that makes ASCII of a dotless i.
    if not (len(code) == 3 and currency.isascii() and code.isalpha()):
        raise Refused(Refusal.BAD_REVENUE, "revenue.currency must be an ISO 4217 code such as EUR.")
    return value, code


def whole(value: float | str | None, most: int) -> int:
    """A whole number between 0 and `most`; what is no number counts as 0."""
    try:
        number = value if isinstance(value, int) else float(value or 0)
    except ValueError:
        return 0
    return int(min(max(number, 0), most)) if number == number else 0
