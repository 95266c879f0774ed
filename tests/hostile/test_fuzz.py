"""Whatever comes, every format answers as it is described, and nothing that was accepted is lost behind the door.

That nothing is quarantined is seen when the module ends. The recordings of real clients give the bodies a shape.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.ingest import openapi
from analytics.ingest.urls import ASIDES, PROTOCOLS
from analytics.sites import create, models
from tests.hostile.exchange import Answer
from tests.hostile.paths import EVERY
from tests.hostile.running import Pool
from tests.protocols import replays

pytestmark = pytest.mark.flow
DOCUMENT = openapi.document(PROTOCOLS, ASIDES)
IDS = {
    "ga4": "g-test123",
    "matomo": "3",
    "posthog": "phc_test",
    "segment": "wk123",
    "snowplow": "app1",
    "umami": "c0ffee00-0000-4000-8000-000000000001",
}
"""By which the recorded clients name their site."""
RECORDINGS = (
    "browser-matomo_js.json", "browser-minimal_ga4.json", "browser-plausible_new.json", "browser-segment_next.json",
    "browser-umami_js.json", "ga4mp.json", "import-logs-caddy_json.json", "matomo-py.json", "plausible-events-py.json",
    "posthog-py-hist.json", "posthog-py-plain.json", "posthog-py-v1.json", "rudder-py.json", "segment-py-plain.json",
    "segment-py-sync.json", "snowplow-py-get.json", "snowplow-py-post.json", "umami-analytics-py.json",
)  # fmt: skip
ALL_OF_IT = {
    "name": "Signup",
    "url": "https://site.test/a?utm_source=x#f",
    "referrer": "https://r.example/",
    "title": "A",
    "event_id": "e-1",
    "timestamp": "2026-11-20T12:00:00Z",
    "visitor_id": "v",
    "user_id": "u",
    "props": {"a": "b", "n": 1},
    "revenue": {"amount": "19.90", "currency": "EUR"},
    "interactive": True,
    "engagement_ms": 1,
    "scroll": 50,
    "screen": "1920x1080",
    "language": "et",
    "hash": True,
    "user_agent": "Mozilla/5.0",
    "ip": "203.0.113.9",
}
_PACKED = base64.b64encode(b'{"writeKey":"wk123","type":"track","event":"E","properties":{"a":1}}').decode()
_CALL = "writeKey=wk123&event=E&anonymousId=a&properties.a=b&context.page.url=https://site.test/"
_BUY = "v=2&tid=G-TEST123&cid=1.2&en=purchase&dl=https://site.test/&cu=EUR&epn.value=2&pr1=idS~qt2"
_SEEN = {"api_key": "phc_test", "event": "$pageview", "distinct_id": "d", "properties": {"$current_url": "/"}}
_WHO = {"token": "phc_test", "event": "$identify", "properties": {"distinct_id": "d", "$set": {"a": 1}}}
_UMAMI = {"type": "event", "payload": {"website": IDS["umami"], "url": "/", "data": {"a": 1}}}
_MATOMO = '?idsite=3&rec=1&url=/a&ec_id=1&revenue=2&ec_items=[["S","N",1,2,3]]'
OF_OUR_MAKING: dict[str, list[tuple[str, str, Any]]] = {
    "recount": [("POST", "/v1/events", {"site": "site.test", "sent_at": 1790000000, "events": [ALL_OF_IT] * 2})],
    "pixel": [("GET", "/pixel.gif?site=site.test&name=x&url=/a&referrer=https://r.example/&event_id=1&p.a=b", None)],
    "gtag": [("GET", f"/g/collect?{_BUY}", None), ("POST", f"/g/collect?{_BUY}", None)],
    "segment": [("GET", f"/pixel/v1/track?data={_PACKED}", None), ("GET", f"/v1/pixel/track?{_CALL}", None)],
    "posthog": [("POST", "/e", _SEEN), ("POST", "/capture", [_WHO])],
    "umami": [("POST", "/api/batch", [_UMAMI])],
    "matomo": [("GET", f"/matomo.php{_MATOMO}", None), ("POST", "/matomo.php", {"requests": [_MATOMO] * 5})],
}
"""Format → (method, address, body) of what no recording has."""
THE_SITE = {
    "site", "website", "api_key", "writeKey", "token", "d", "tid", "measurement_id", "idsite", "aid", "api_secret",
}  # fmt: skip
DEEP: Any = 1
for _ in range(150):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 1e308, -1e308, 2**31, 2**53 + 1, 2**63, 2**64, 10**40, -(10**40), "", " ",
    "\0", "\ud83d", "\ude00\ud83d", "x" * 300, "x" * 5000, "NaN", "Infinity", "1e999", "-1", "0", "٣", "null",
    "undefined", "[object Object]", "{}", "[]", "{", "javascript:alert(1)", "http://[", "//", "http://a:99999/",
    "https://u:p@h.example/", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z", "infinity", "1700000000", 1700000000,
    1700000000000, "'; DROP TABLE hit; --", "{{7*7}}", "\u202e\u0000\x1b[2J", "maria@example.com",
    "x\nmaria@example.com", "\\", '"', "%00", "%zz", "+", "=", "&", ",", "~", "1~2~3", [], {}, [[]], [None],
    {"": ""}, {"a": {"b": {"c": 1}}}, [1] * 600, {str(n): n for n in range(150)}, DEEP, ["a", 1, None, {"b": []}],
    {"url": {}, "name": [], "id": None}, "$pageview", "page_view", "purchase",
)  # fmt: skip


def fuzzing(most: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=most, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


@cache
def described(path: str) -> dict[str, Any] | None:
    """What the document says of a path, method by method."""
    bare = path.partition("?")[0].rstrip("/") or "/"
    if bare in DOCUMENT["paths"]:
        return dict(DOCUMENT["paths"][bare])
    return dict(DOCUMENT["paths"]["/{vendor}/{version}"]) if "." in bare.split("/")[1] else None


def as_described(answer: Answer, method: str, path: str) -> bool:
    """Whether the document has this answer, or the request came to no format: it was too long for HTTP."""
    if answer.status in {414, 431}:
        return True
    operation = (described(path) or {}).get(method.lower())
    assert operation, (method, path)
    responses = operation["responses"]
    if "default" in responses:
        return True
    found = responses.get(str(answer.status))
    assert found, (method, path, answer)
    kinds = {kind.partition(";")[0] for kind in found.get("content", {})}
    return not answer.body or answer.headers["content-type"].partition(";")[0] in kinds


@pytest.fixture(scope="module")
def known(pool: Pool) -> Pool:
    """The pool knows the site of the recordings."""
    site = create.site("site.test", organisation="Test").site
    for protocol, identifier in IDS.items():
        models.Alias.objects.create(site=site, protocol=protocol, identifier=identifier)
    return pool


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a JSON value something stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in places(one, (*at, key)))]


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """The same JSON value with something else in one place."""
    if not place:
        return new
    key, *rest = place
    if isinstance(value, dict):
        return {k: changed(v, tuple(rest), new) if k == key else v for k, v in value.items()}
    return [changed(v, tuple(rest), new) if k == key else v for k, v in enumerate(value)]


def mutated_json(draw: Callable[..., Any], value: Any) -> Any:
    for _ in range(draw(st.integers(1, 3))):
        # The site stays, for else nothing is read.
        found = [
            place
            for place in places(value)
            if place and not {"website", "api_key", "writeKey", "token", "d"} & {*map(str, place)}
        ]
        if found:
            value = changed(value, draw(st.sampled_from(found)), draw(st.sampled_from(VALUES)))
    return value


def mutated_query(draw: Callable[..., Any], query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(pairs) - 1))
        name, value = pairs[at]
        if name in THE_SITE:
            continue
        shown = draw(st.sampled_from(VALUES))
        text = shown if isinstance(shown, str) else json.dumps(shown)
        pairs[at] = draw(st.sampled_from([(name, text), (name, value + text), (f"{name}[]", text), (text[:40], value)]))
    return urlencode(pairs, errors="replace")


def mutated(draw: Callable[..., Any], body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return mutated_query(draw, body.decode()).encode() if b"=" in body else body
    return json.dumps(mutated_json(draw, value)).encode()


@dataclass(frozen=True)
class Sent:
    """A request of a client as it should be."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def recorded(recording: str) -> list[Sent]:
    """Those of a recording that the document describes."""
    hidden = {*replays.HOP_BY_HOP, "content-encoding", "accept-encoding", "transfer-encoding"}
    return [
        Sent(
            one["method"],
            one["path"],
            {name: value for name, value in one["headers"] if name.lower() not in hidden},
            replays.body(one | {"body_was_gzip": False}),
        )
        for one in replays.requests(recording)
        if one["method"] != "OPTIONS" and described(one["path"])
    ]


def made(name: str) -> list[Sent]:
    return [
        Sent(method, path, {}, b"" if body is None else json.dumps(body).encode())
        for method, path, body in OF_OUR_MAKING[name]
    ]


@pytest.mark.parametrize(
    "given_requests",
    [
        *(pytest.param(lambda name=name: recorded(name), id=name) for name in RECORDINGS),
        *(pytest.param(lambda name=name: made(name), id=name) for name in OF_OUR_MAKING),
    ],
)
def test_a_request_with_hostile_values_is_answered_as_described(
    known: Pool, given_requests: Callable[[], list[Sent]]
) -> None:
    requests = given_requests()
    statuses = []

    @given(st.data())
    @fuzzing(70)
    def send(data: Any) -> None:
        request = data.draw(st.sampled_from(requests))
        path, mark, query = request.path.partition("?")
        body = request.body
        if query and (not body or data.draw(st.booleans())):
            query = mutated_query(data.draw, query)
        elif body:
            body = mutated(data.draw, body)
        answer = known.request(request.method, f"{path}{mark}{query}", body, request.headers)
        assert as_described(answer, request.method, path)
        statuses.append(answer.status)

    send()
    assert sum(status < 300 for status in statuses) > len(statuses) // 4


@pytest.mark.parametrize(("path", "module"), EVERY, ids=[path for path, _ in EVERY])
def test_any_bytes_are_answered_as_described(pool: Pool, path: str, module: ModuleType) -> None:
    bodies = st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.sampled_from([value for value in VALUES if not isinstance(value, (list, dict))]),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    )

    @given(bodies, st.text(max_size=60), st.sampled_from(module.METHODS))
    @fuzzing(40)
    def send(body: bytes, query: str, method: str) -> None:
        asked = f"/{path}?{quote(query, safe='=&', errors='replace')}"
        assert as_described(pool.request(method, asked, body), method, f"/{path}")

    send()


HEADERS = (
    "User-Agent", "Referer", "Accept-Language", "Sec-CH-UA", "X-Forwarded-For", "Origin", "Cookie",
    "Authorization", "DNT", "Content-Type", "Content-Encoding", "Accept", "Access-Control-Request-Headers",
    "Sec-Purpose", "X-Umami-Cache", "PostHog-Request-Id", "SP-Anonymous", "If-None-Match", "Range",
    "X-HTTP-Method-Override", "Forwarded", "Via", "SCRIPT_NAME", "PATH_INFO", "X-Forwarded-Proto", "X-Forwarded-Ssl",
)  # fmt: skip
HEADER_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=80)


@pytest.mark.parametrize(("path", "module"), EVERY, ids=[path for path, _ in EVERY])
def test_any_headers_are_answered_as_described(pool: Pool, path: str, module: ModuleType) -> None:
    @given(st.dictionaries(st.sampled_from(HEADERS), HEADER_VALUES, max_size=6), st.sampled_from(module.METHODS))
    @fuzzing(25)
    def send(headers: dict[str, str], method: str) -> None:
        given_headers = {name: value.strip() for name, value in headers.items()}
        assert as_described(pool.request(method, f"/{path}", b'{"a":1}', given_headers), method, f"/{path}")

    send()


def test_any_path_is_answered(pool: Pool) -> None:
    words = st.sampled_from(
        ["v1", "events", "api", "event", "..", ".", "", "%00", "%2e", "i", "js", "a.b", "\u00e9", "admin"]
    )

    @given(
        st.lists(st.one_of(words, st.text(max_size=10)), max_size=5), st.sampled_from(["GET", "POST", "PUT", "HEAD"])
    )
    @fuzzing(150)
    def ask(parts: list[str], method: str) -> None:
        answer = pool.request(method, "/" + quote("/".join(parts), safe="/%.", errors="replace"), b"{}")
        assert answer.status in {200, 202, 204, 400, 401, 404, 405, 414}

    ask()
