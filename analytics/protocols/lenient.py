"""Values of protocols that refuse none of them: what cannot be read costs the value, not the event."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

from analytics.events import Limits, Refusal, Refused
from analytics.protocols import clean, wire

T = TypeVar("T")
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?", re.ASCII)
_APP = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,8}", re.ASCII)
_SERVER_LIBRARY = re.compile(
    r"(?<![a-z])(?:python|node|ruby|php|java|go|rs|rust|net|dotnet|elixir|clojure|server|edge)(?![a-z])"
)
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_NOT_IN_A_PATH = {ord(char): f"%{ord(char):02X}" for char in "?#%"}


def found(said: Mapping[str, Any], paths: Collection[str]) -> Any:
    """The value at the first of several dotted paths (`context.page.url`) that leads to one; None and '' are none."""
    for path in paths:
        value: Any = said
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and value != "":
            return value
    return None


def mapping(value: Any) -> dict[str, Any]:
    """An object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def readable(payload: str) -> dict[str, Any]:
    """What one event of several says; nothing when it cannot be read, which concerns that event alone."""
    return _or({}, lambda: mapping(wire.decode(payload)))


def text(value: Any, most: int) -> str:
    """Text or a number; anything else is ''."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    return clean.text(value.strip(), most) if isinstance(value, str) else ""


def someone(value: Any) -> str:
    """An id that a client keeps for a visitor."""
    return clean.someone(text(value, Limits.ID_CHARS))


def event_id(value: Any) -> uuid.UUID | None:
    """A client's own id in canonical form."""
    return _or(None, lambda: clean.event_id(text(value, Limits.ID_CHARS + 1)))


def moment(value: Any) -> dt.datetime | None:
    """ISO 8601 text or a number of seconds or milliseconds."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return _or(None, lambda: clean.timestamp(value))


def url(value: Any) -> str:
    """A page's address; '' when it is none."""
    return _or("", lambda: clean.url(text(value, Limits.URL_CHARS)))


def whole(value: Any, times: int, most: int) -> int:
    """A number, or the text of one, multiplied; as a whole number between 0 and `most`. Anything else is 0."""
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value.strip()) else 0
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0
    return clean.whole(round(max(min(value, most), 0) * times), most)


def screen(width: Any, height: Any) -> str:
    """`1920x1080`, or ''."""
    return clean.screen(f"{whole(width, 1, 99_999)}x{whole(height, 1, 99_999)}")


def language(value: Any) -> str:
    """The language of a locale such as `en-US`, `en_US.UTF-8`, `en-US@posix`."""
    return text(value, 35).partition("@")[0].partition(".")[0].replace("_", "-")


def money(amount: Any, currency: Any) -> tuple[Decimal | None, str]:
    """Without a currency the amount is in US dollars, as Segment and PostHog have it."""
    nothing: tuple[Decimal | None, str] = (None, "")
    if isinstance(amount, bool) or not isinstance(amount, (str, int, float)) or amount != amount:
        return nothing
    return _or(nothing, lambda: clean.money(amount, text(currency, 10) or "USD"))


def props(given: Mapping[str, Any]) -> dict[str, str]:
    """As `flat_props`, but the scalars of an object are `outer.inner`."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        flat |= {f"{key}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {key: value}
    return flat_props(flat)


def flat_props(given: Mapping[str, Any]) -> dict[str, str]:
    """Scalars as they are; lists, objects and names that are too long are left out, and of too many the last."""
    kept = [(key, value) for key, value in given.items() if 0 < len(key) <= Limits.PROP_KEY_CHARS and _is_scalar(value)]
    return clean.props(dict(kept[: Limits.PROPS]), strict=False)


def _is_scalar(value: Any) -> bool:
    return value not in (None, "") and not isinstance(value, (list, dict))


def tagged(page: str, campaign: Mapping[str, Any]) -> str:
    """The address of a page with the `utm_…` of a campaign, unless it has some; without a page they stand alone."""
    before, mark, fragment = page.partition("#")
    path, _, query = before.partition("?")
    wanted = {name: shown for name in _UTM if (shown := text(campaign.get(name), Limits.PROP_VALUE_CHARS))}
    if not wanted or "utm_" in query.lower():
        return page
    joined = f"{path}?{'&'.join(filter(None, (query, urlencode(wanted))))}{mark}{fragment}"
    return joined if len(joined) <= Limits.URL_CHARS else page


def screen_url(app: Any, name: Any) -> str:
    """The address of an app's screen: `app://com.example.app/Name`; a bare path when the app is not named."""
    host, path = text(app, 253), text(name, Limits.TITLE_CHARS).translate(_NOT_IN_A_PATH)
    if _APP.fullmatch(host):
        return url(f"app://{host}/{path}")
    return url(f"/{path}") if path else ""


def is_server_library(name: Any) -> bool:
    """Whether the name of a library (`analytics-python`, `posthog-node`) says that it runs on servers."""
    return isinstance(name, str) and _SERVER_LIBRARY.search(name.lower()) is not None


def unpacked(packed: str) -> bytes | None:
    """What base64 has packed, the common or the URL-safe; a space was a `+` before a form was read."""
    plain = packed.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def all_refused(outcomes: Sequence[wire.Outcome]) -> Refused | None:
    """Why nothing of a request was taken. None: something was, or the visitors did not want to be counted."""
    reasons = [Refused(o.refused, o.message) for o in outcomes if o.refused not in (None, Refusal.OPTED_OUT)]
    return reasons[0] if reasons and len(reasons) == len(outcomes) else None


def _or(default: T, read: Callable[[], T]) -> T:
    try:
        return read()
    except Refused:
        return default
