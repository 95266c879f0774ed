"""D. Texts (catalogue 53 to 75), and the whole Big List of Naughty Strings in every field."""

from __future__ import annotations

import json
import time
import unicodedata
import uuid
from typing import Any

import pytest

from analytics.events import Limits
from tests import shared
from tests.hostile.running import PLAUSIBLE, PROMPT_SECONDS, Pool

pytestmark = pytest.mark.flow
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def as_written(pool: Pool, text: str) -> dict[str, Any]:
    """The row of an event whose texts are JSON strings exactly as given, escapes and all."""
    mark = str(uuid.uuid4())
    event = (
        f'{{"event_id":"{mark}","name":"n {text}","title":"{text}","url":"/u{text}","referrer":"https://r.example/{text}",'
        f'"visitor_id":"{text}","user_id":"u{text}","props":{{"k{text}":"{text}"}}}}'
    )
    answer = pool.post(f'{{"site":"example.com","events":[{event}]}}'.encode())
    assert (answer.status, answer.json) == (202, {"accepted": 1, "rejected": []})
    return pool.event(mark)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        pytest.param(r"\u0000", "\ufffd", id="53-nul"),
        pytest.param(r"a\\u0000", r"a\u0000", id="53-no-nul-but-its-escape"),
        pytest.param(r"\ud83d", "\ufffd", id="55-high-surrogate"),
        pytest.param(r"\ude00", "\ufffd", id="55-low-surrogate"),
        pytest.param(r"\ud83d\ude00", "\U0001f600", id="55-whole-pair"),
        pytest.param(r"a\ud83db", "a\ufffdb", id="55-half-an-emoji"),
        pytest.param(r"\ude00\ud83d", "\ufffd\ufffd", id="56-reversed-pair"),
        pytest.param(r"\uffff\ufffe", "\uffff\ufffe", id="59-noncharacters"),
        pytest.param("\u202eabc\u200b\u2066\ufeff", "\u202eabc\u200b\u2066\ufeff", id="60-direction-and-zero-width"),
        pytest.param("caf\u00e9", "caf\u00e9", id="61-composed"),
        pytest.param("cafe\u0301", "cafe\u0301", id="61-decomposed"),
        pytest.param("Z" + "\u0301" * 100, "Z" + "\u0301" * 100, id="62-zalgo"),
        pytest.param("\u0130\u0131\u00df\u1e9e", "\u0130\u0131\u00df\u1e9e", id="64-turkish-and-german"),
        pytest.param(FAMILY, FAMILY, id="65-family"),
        pytest.param(r"\\.\t\\N", "\\.\t\\N", id="71-copy"),
        pytest.param(r"\u0001\u001b[2J\u007f\u0085!", "\u0001\u001b[2J\u007f\u0085!", id="71-controls"),
        pytest.param("'\\\"$$;--", "'\"$$;--", id="71-quotes"),
    ],
)
def test_a_text_is_stored_as_it_is_but_for_what_no_store_takes(pool: Pool, written: str, stored: str) -> None:
    row = as_written(pool, written)
    assert (row["name"], row["title"], row["props"]) == (f"n {stored}", stored, {f"k{stored}": stored})
    # Paths are shown in terminals and links: no control characters there.
    assert row["path"] == "".join(char for char in f"/u{stored}" if unicodedata.category(char) not in {"Cc", "Cs"})
    assert json.loads(row["payload"])["event_id"] == str(row["event_id"])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\0", id="54-nul"),
        pytest.param(b"\xff", id="57-no-utf-8"),
        pytest.param(b"\xc0\xaf", id="57-overlong"),
        pytest.param(b"\xe0\x80\xaf", id="57-overlong-of-three"),
        pytest.param(b"\xed\xa0\x80", id="57-surrogate-in-utf-8"),
        pytest.param(b"\xf4\x90\x80\x80", id="57-beyond-unicode"),
        pytest.param(b"\xf0\x9f\x98", id="57-cut-off"),
        pytest.param(b"caf\xe9", id="57-latin-1"),
    ],
)
def test_bytes_that_are_no_text_are_refused(pool: Pool, raw: bytes) -> None:
    answer = pool.post(b'{"site":"example.com","events":[{"name":"x' + raw + b'"}]}')
    assert (answer.status, answer.code) == (400, "bad_json")
    assert (
        pool.post(b'{"n":"x","u":"https://example.com/","d":"example.com","z":"' + raw + b'"}', PLAUSIBLE).status == 400
    )


@pytest.mark.parametrize("letter", ["a", "é", "漢", "\U0001f600", "Z\u0301"], ids=lambda letter: f"58-{letter!a}")
def test_a_text_is_cut_between_characters(pool: Pool, letter: str) -> None:
    row = pool.one(title=letter * 600, props={"a": letter * 1100}, url="/" + letter * 2000, name=letter * 60)
    assert isinstance(row, dict)
    assert row["title"] == (letter * 600)[: Limits.TITLE_CHARS]
    assert row["props"] == {"a": (letter * 1100)[: Limits.PROP_VALUE_CHARS]}
    assert ("/" + letter * 2000).startswith(row["path"])


@pytest.mark.parametrize(
    ("event", "found"),
    [
        pytest.param({"name": "\ufdfa" * 128}, "\ufdfa" * 128, id="63-letters-that-grow-when-normalised"),
        pytest.param({"name": "\ufdfa" * 1000}, "bad_name", id="63-too-many-of-them"),
        pytest.param({"name": "x", "z": "a" * (1 << 16)}, "too_large", id="66-64-kB"),
        pytest.param({"name": ""}, "no_name", id="67-empty"),
        pytest.param({"name": " \t\u2003\u00a0"}, "no_name", id="67-blanks"),
        pytest.param({"name": "a" * 128}, "a" * 128, id="68-128-characters"),
        pytest.param({"name": "a" * 129}, "bad_name", id="68-129-characters"),
        pytest.param({"name": "null"}, "null", id="69-a-name-that-says-null"),
    ],
)
def test_a_name_is_kept_or_refused(pool: Pool, event: dict[str, Any], found: str) -> None:
    row = pool.one(**event)
    assert (row["name"] if isinstance(row, dict) else row) == found


def test_66_a_text_of_a_megabyte_costs_its_own_event_alone(pool: Pool) -> None:
    answer = pool.send({"name": "x"}, {"name": "x", "title": "a" * 900_000}, {"name": "y"})
    assert answer.codes == {1: "too_large"}


@pytest.mark.parametrize(
    "path", ["/caf%E9", "/%252e%252e", "/%zz", "/100%", "/a%00b", "/a%2fb%0a", "/%u0041", "/a+b%20c"]
)
def test_73_to_75_a_path_keeps_its_percent_signs(pool: Pool, path: str) -> None:
    row = pool.one(url=f"https://example.com{path}?q={path}")
    assert isinstance(row, dict)
    assert row["path"] == path


def test_72_a_long_path_that_cannot_be_packed_is_stored(pool: Pool) -> None:
    path = "/" + "".join(uuid.uuid4().hex for _ in range(63))
    row = pool.one(url=path, title=path, name=path[:100], referrer=f"https://r.example{path}")
    assert isinstance(row, dict)
    assert row["path"] == path


NAUGHTY_FIELDS = (
    "name", "title", "url", "referrer", "visitor_id", "user_id", "event_id", "screen", "language", "timestamp",
    "user_agent", "ip", "utm", "prop", "prop name",
)  # fmt: skip


def with_text(field: str, text: str) -> dict[str, Any]:
    match field:
        case "url":
            return {"url": f"/{text}"}
        case "utm":
            return {"url": f"/?utm_source={text}&utm_campaign={text}"}
        case "prop":
            return {"props": {"a": text}}
        case "prop name":
            return {"props": {text: "a"}}
    return {field: text}


@pytest.mark.parametrize("field", NAUGHTY_FIELDS, ids=lambda field: f"70-{field}")
def test_naughty_strings_are_stored_as_they_are_or_refused(pool: Pool, field: str) -> None:
    strings: list[str] = shared.read_json("data/naughty_strings/blns.json")
    assert len(strings) == 515
    marked = "event_id" if field != "event_id" else "title"
    for text, row in (
        zip(strings, pool.ones([with_text(field, text) for text in strings]), strict=True)
        if marked == "event_id"
        else ()
    ):
        if isinstance(row, str):
            assert row in {"no_name", "bad_name", "bad_timestamp", "bad_props", "bad_url"}, (text, row)
            continue
        match field:
            case "name":
                assert row["name"] == text.strip()
            case "title":
                assert row["title"] == text
            case "prop":
                assert row["props"] == ({"a": text} if text else {})
            case "prop name":
                assert row["props"] == {text: "a"}
    if marked != "event_id":
        answer = pool.send(*({"name": "x", field: text} for text in strings[:500]))
        assert answer.status == 202
        assert set(answer.codes.values()) <= {"bad_event_id"}


def test_70_naughty_strings_in_the_headers(pool: Pool) -> None:
    strings: list[str] = shared.read_json("data/naughty_strings/blns.json")
    names = ("User-Agent", "Referer", "Accept-Language", "Sec-CH-UA", "X-Forwarded-For", "Origin", "Cookie")
    for text in strings:
        value = text.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"").decode("latin-1")
        headers = dict.fromkeys(names, "".join(char for char in value if char >= " " and char != "\x7f"))
        assert pool.send({"name": "x"}, headers=headers).status == 202


def test_70_naughty_strings_as_plausible_events(pool: Pool) -> None:
    strings: list[str] = shared.read_json("data/naughty_strings/blns.json")
    bodies = [
        json.dumps({"n": text, "u": f"https://example.com/{text}", "d": "example.com", "p": {text: text}, "r": text})
        for text in strings
    ]
    answers = [answer.status for answer in pool.many("POST", PLAUSIBLE, (body.encode() for body in bodies))]
    assert set(answers) <= {202, 400}
    assert answers.count(202) > 450


def test_63_and_64_a_name_that_grows_when_it_is_lowered_costs_no_time(pool: Pool) -> None:
    began_at = time.monotonic()
    text = "\u0130\ufdfa" * 2000
    pool.send(
        *[{"name": text, "title": text, "url": f"/{text}", "referrer": f"https://{text}/", "visitor_id": text}] * 20
    )
    pool.drain()
    assert time.monotonic() - began_at < PROMPT_SECONDS
