"""C. The syntax of JSON (catalogue 37 to 52), and the whole of Nicolas Seriot's JSONTestSuite against every format."""

from __future__ import annotations

import gzip
import json
import time
from concurrent import futures
from types import ModuleType

import pytest

from tests import shared
from tests.hostile import exchange
from tests.hostile.paths import EVERY
from tests.hostile.running import PLAUSIBLE, PROMPT_SECONDS, Pool, batch
from tests.protocols.test_json_suite import READ

pytestmark = pytest.mark.flow
GOOD = '{"name":"x"}'


def whole(events: str, more: str = "") -> bytes:
    return f'{{"site":"example.com","events":[{events}]{more}}}'.encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{}", "no_events", id="37-empty-object"),
        pytest.param(b"[]", "bad_field", id="38-empty-list"),
        pytest.param(b"null", "bad_field", id="39-null"),
        pytest.param(b"1", "bad_field", id="39-number"),
        pytest.param(b'"x"', "bad_field", id="39-text"),
        pytest.param(b"true", "bad_field", id="39-true"),
        pytest.param(whole(GOOD + ","), "bad_json", id="40-trailing-comma"),
        pytest.param(whole(GOOD, ","), "bad_json", id="40-trailing-comma-of-the-object"),
        pytest.param(b"/* a */" + whole(GOOD), "bad_json", id="40-comment"),
        pytest.param(whole(GOOD).replace(b'"', b"'"), "bad_json", id="40-single-quotes"),
        pytest.param(b"{site: 1}", "bad_json", id="40-no-quotes"),
        pytest.param(whole(GOOD) * 2, "bad_json", id="41-two-documents"),
        pytest.param(whole(GOOD) + b"x", "bad_json", id="41-text-behind-it"),
        pytest.param(whole(GOOD) + b"\n" + whole(GOOD) + b"\n", "bad_json", id="42-lines-of-json"),
        pytest.param(whole('{"name":"x","z":NaN}'), "bad_json", id="45-nan"),
        pytest.param(whole('{"name":"x","z":Infinity}'), "bad_json", id="45-infinity"),
        pytest.param(whole('{"name":"x","z":-Infinity}'), "bad_json", id="45-negative-infinity"),
        pytest.param(whole('{"z":' + "[" * 1100 + "]" * 1100 + "}"), "bad_json", id="47-1100-deep"),
        pytest.param(b"[" * 100_000, "bad_field", id="47-100000-deep-without-end"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "bad_field", id="47-100000-deep"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "bad_json", id="47-100000-objects-deep"),
        pytest.param(whole(GOOD).decode().encode("utf-16"), "bad_json", id="49-utf-16"),
        pytest.param(whole(GOOD).decode().encode("utf-16-be"), "bad_json", id="49-utf-16-without-bom"),
        pytest.param(whole(GOOD).decode().encode("utf-32"), "bad_json", id="49-utf-32"),
        pytest.param(whole('{"name":"a\nb"}'), "bad_json", id="51-control-character"),
        pytest.param(whole('{"name":"a\tb"}'), "bad_json", id="51-tab"),
        pytest.param(whole('{"name":"\\"}'), "bad_json", id="52-lone-backslash"),
        pytest.param(whole('{"name":"\\x41"}'), "bad_json", id="52-backslash-x"),
        pytest.param(whole('{"name":"\\u12"}'), "bad_json", id="52-short-escape"),
        pytest.param(whole('{"name":"\\ud83d\\u12"}'), "bad_json", id="52-short-escape-behind-half-an-emoji"),
        pytest.param(b'\xef\xbb\xbf\xef\xbb\xbf' + whole(GOOD), "bad_json", id="48-two-byte-order-marks"),
        pytest.param(b" \xef\xbb\xbf" + whole(GOOD), "bad_json", id="48-byte-order-mark-behind-a-blank"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_a_reason(pool: Pool, body: bytes, code: str) -> None:
    answer = pool.post(body)
    assert (answer.status, answer.code) == (400, code)
    assert pool.post(body, PLAUSIBLE).status == 400


@pytest.mark.parametrize(
    ("event", "code"),
    [
        pytest.param('{"name":"x","z":1e999}', "", id="46-1e999-where-nobody-looks"),
        pytest.param('{"name":"x","engagement_ms":1e999}', "bad_field", id="46-1e999"),
        pytest.param('{"name":"x","timestamp":-1e999}', "bad_field", id="46-negative"),
        pytest.param('{"name":"x","props":{"a":' + "[" * 5 + "]" * 5 + "}}", "bad_props", id="47-six-deep"),
        pytest.param('{"name":"x","timestamp":' + "9" * 5000 + "}", "bad_field", id="50-5000-digits-of-time"),
        pytest.param('{"name":"x","props":{"a":' + "9" * 5000 + "}}", "bad_field", id="50-5000-digits-of-a-property"),
        pytest.param('{"name":"x","name":"y"}', "", id="43-a-key-twice"),
        pytest.param('{"name":"x","__proto__":{"a":1},"constructor":"c"}', "", id="44-proto"),
        pytest.param('{"name":"x","props":{"__proto__":"p","constructor":"c"}}', "", id="44-proto-as-property"),
    ],
)
def test_an_event_that_is_wrong_costs_no_other(pool: Pool, event: str, code: str) -> None:
    answer = pool.post(whole(f"{GOOD},{event},{GOOD}"))
    assert answer.status == 202
    assert answer.codes == ({1: code} if code else {})
    assert answer.json["accepted"] == (2 if code else 3)


def test_43_of_two_sites_the_last_counts_for_everything(pool: Pool) -> None:
    body = b'{"site":"other.example","site":"example.com","events":[{"name":"x","url":"/last-site"}]}'
    assert pool.post(body).status == 202
    (hit,) = pool.hits("/last-site")
    assert hit["site_id"] == pool.site.pk


def test_43_of_two_names_the_last_counts(pool: Pool) -> None:
    assert pool.post(whole('{"name":"first","name":"last","url":"/first-name","url":"/last-name"}')).status == 202
    assert len(pool.hits("/last-name")) == 1
    (row,) = pool.rows("event.path = $1", ["/last-name"])
    assert row["name"] == "last"


def test_44_keys_that_javascript_fears_are_plain_data(pool: Pool) -> None:
    row = pool.one(props={"__proto__": "a", "constructor": "b", "toString": "c"})
    assert isinstance(row, dict)
    assert row["props"] == {"__proto__": "a", "constructor": "b", "toString": "c"}


def test_48_a_byte_order_mark_is_dropped(pool: Pool) -> None:
    assert pool.post(b"\xef\xbb\xbf" + batch([{"name": "x"}])).status == 202
    event = json.dumps({"n": "x", "u": "https://example.com/", "d": "example.com"}).encode()
    assert pool.post(b"\xef\xbb\xbf" + event, PLAUSIBLE).status == 202


def test_47_depth_costs_no_time(pool: Pool) -> None:
    began_at = time.monotonic()
    for opened in (b"[", b'{"a":', b'[{"a":'):
        packed = gzip.compress(opened * 500_000)
        assert pool.post(packed, headers={"Content-Encoding": "gzip"}).status == 400
    assert time.monotonic() - began_at < PROMPT_SECONDS


def test_47_what_is_not_too_deep_for_the_door_is_not_too_deep_for_the_writer(pool: Pool) -> None:
    taken = 0
    for depth in range(1000, 850, -10):
        event = f'{{"name":"deep","z":{"[" * depth + "]" * depth}}}'
        taken += pool.post(whole(event)).status == 202
    assert taken
    # The interpreter counts the frames of a thread, and those of the tests are more than a writer's.
    with futures.ThreadPoolExecutor(1) as thread:
        thread.submit(pool.drain).result()
    assert len(pool.rows("event.name = $1", ["deep"])) == taken


def suite(prefix: str) -> dict[str, bytes]:
    folder = shared.path("data/json_test_suite/test_parsing")
    return {file.name: file.read_bytes() for file in sorted(folder.glob(f"{prefix}_*.json"))}


@pytest.mark.parametrize(("path", "module"), EVERY, ids=[f"45-json-test-suite-{path}" for path, _ in EVERY])
def test_no_file_of_the_json_test_suite_breaks_a_format(pool: Pool, path: str, module: ModuleType) -> None:
    bodies = suite("[yni]")
    assert len(bodies) == 318
    method = "POST" if "POST" in module.METHODS else "GET"
    for answer in pool.many(method, path, bodies.values()):
        exchange.decent(answer)


def test_the_json_test_suite_within_an_event(pool: Pool) -> None:
    """y_ is JSON, n_ is none, and of i_ the same is read as in the tests of the format."""
    bodies = suite("[ynit]")
    within = [
        b'{"site":"example.com","events":[{"name":"x","props":{"k":%s}},{"name":"y"}]}' % body
        for body in bodies.values()
    ]
    for name, body, answer in zip(bodies, bodies.values(), pool.many("POST", "/v1/events", within), strict=True):
        if answer.status == 202:
            nested = body.strip()[:1] in {b"[", b"{"}
            assert name[0] == "y" or name in READ or answer.codes == {0: "bad_field"}, name
            assert answer.codes == ({0: "bad_props"} if nested else {}) or name[0] == "i", name
        else:
            assert (answer.status, answer.code) == (400, "bad_json"), name
            assert name[0] == "n" or (name[0] == "i" and (name not in READ or b"\xef\xbb\xbf" in body)), name
