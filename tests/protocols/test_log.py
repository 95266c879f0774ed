"""Lines of access logs as events."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import log

AGENT = '"https://news.example/" "Mozilla/5.0"'


def line(request: str = "GET /a?b=1 HTTP/1.1", status: int = 200, time: str = "17/May/2015:10:05:03 +0200") -> str:
    return f'83.149.9.0/24 - - [{time}] "{request}" {status} 203023 {AGENT}'


def test_a_page_that_was_served_is_a_pageview() -> None:
    assert log.read(line()) == ClientEvent(
        name="pageview",
        url="/a?b=1",
        referrer="https://news.example/",
        timestamp=dt.datetime(2015, 5, 17, 8, 5, 3, tzinfo=dt.UTC),
        props={"status": "200", "method": "GET"},
    )


@pytest.mark.parametrize(
    ("request_line", "status", "name", "category"),
    [
        ("GET / HTTP/1.1", 304, "pageview", ""),
        ("GET /f.pdf HTTP/1.1", 200, "File Download", ""),
        ("GET /f.PDF?x HTTP/1.1", 206, "File Download", ""),
        ("GET /s.css HTTP/1.1", 200, "request", "asset"),
        ("HEAD / HTTP/1.1", 200, "request", "asset"),
        ("GET /old HTTP/1.1", 301, "request", "redirect"),
        ("GET /none HTTP/1.1", 404, "request", "error"),
        ("PROPFIND / HTTP/1.1", 200, "request", "error"),
        ("-", 400, "request", "error"),
        (r"\x16\x03\x01", 400, "request", "error"),
    ],
)
def test_what_is_no_page_is_classified(request_line: str, status: int, name: str, category: str) -> None:
    event = log.read(line(request_line, status))
    assert (event.name, event.category, event.interactive) == (name, category, not category)


def test_a_virtual_host_is_the_pages_host() -> None:
    assert log.read(f"shop.example:443 {line()}").url == "http://shop.example/a?b=1"


def test_escapes_are_undone() -> None:
    escaped = line(r"GET /\"q\"\\x41\xc3\xa9\t\xc3 HTTP/1.1")
    assert log.read(escaped).url == '/"q"\\x41é\tÃ'


@pytest.mark.parametrize(
    ("sent", "method"), [(r"\x16\x03\x01\x00\xEE", "\x16\x03\x01\ufffdî"), ("a" * 5000, "a" * 1024)]
)
def test_bytes_that_are_no_request_can_be_stored(sent: str, method: str) -> None:
    assert log.read(line(sent, 400)).props == {"status": "400", "method": method}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "83.149.9.0/24 - - [] \"GET / HTTP/1.1\" 200 1",
        line(time="17/Mai/2015:10:05:03 +0200"),
        line(time="31/Feb/2015:10:05:03 +0200"),
        line(time="17/May/2015:24:05:03 +0200"),
        line(time="01/Jan/0001:00:00:00 +1400"),
        line(time="31/Dec/9999:23:59:59 -1400"),
        line(time="infinity"),
        line(status=20),
        line() + "\n" + line(),
    ],
)  # fmt: skip
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        log.read(text)
    assert caught.value.code is Refusal.BAD_FIELD


@pytest.mark.parametrize("piece", [" [", " [[", '" [', "[x] ", '[x] "', "\\x5b "])
def test_a_line_that_is_hard_to_tell_apart_costs_no_time(piece: str) -> None:
    began_at = time.process_time()
    for start in ("1.1.1.1 - ", 'a:1 1.1.1.1 - - [x] "', line()):
        with pytest.raises(Refused):
            log.read(f"{start}{piece * (32_000 // len(piece))}!")
    # What grew with the square of its length took seconds.
    assert time.process_time() - began_at < 0.5
