"""Access logs become hits: which lines, under which ids, and what is said about the others."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from analytics import buffer
from analytics.events import Hit
from analytics.ingest import access_log, feed
from analytics.pipeline import books
from analytics.pipeline.writer import Writer
from analytics.sites import lookup, models
from analytics.store import db
from tests import builders

ADDRESS = "203.0.113.77"
NOON = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)

SITE = lookup.SiteFacts(1, "example.com", "UTC")


def line(path: str = "/", second: int = 0, address: str = ADDRESS, agent: str = builders.USER_AGENT) -> str:
    return f'{address} - - [01/Mar/2026:12:00:{second:02} +0000] "GET {path} HTTP/1.1" 200 12 "-" "{agent}"'


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[Hit]:
    """The hits that reach the buffer, in their order; nothing is stored."""
    hits: list[Hit] = []

    def push(parts: dict[int, list[Hit]], now: dt.datetime) -> dict[int, str]:
        for some in parts.values():
            hits.extend(some)
        return dict.fromkeys(parts, "1-0")

    monkeypatch.setattr(buffer, "push", push)
    monkeypatch.setattr(buffer, "fullness", lambda: 0.0)
    return hits


def read(*lines: str | bytes) -> tuple[access_log.Summary, list[access_log.Broken]]:
    broken: list[access_log.Broken] = []
    importer = access_log.Importer(SITE, lambda _: None, broken.append)
    content = b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in lines)
    for _ in importer.read(access_log.Source("test", None, io.BytesIO(content), lambda: 0)):
        pass
    return importer.finish(wait=False), broken


def test_keeps_the_time_of_the_line_and_the_network_of_its_address(fed: list[Hit]) -> None:
    read(line("/a"))
    (hit,) = fed
    assert (hit.ts, hit.ip_prefix, hit.protocol) == (NOON, "203.0.113.0/24", "log")
    assert hit.payload == line("/a", address="203.0.113.0/24")
    assert hit.user_agent == builders.USER_AGENT


@pytest.mark.parametrize(
    ("address", "network"),
    [("2001:db8:1:2::3", "2001:db8:1::/48"), ("::ffff:203.0.113.77", "203.0.113.0/24")],
)
def test_masks_addresses_of_every_kind(fed: list[Hit], address: str, network: str) -> None:
    read(line(address=address))
    assert fed[0].payload == line(address=network)


def test_masks_the_address_wherever_it_stands_in_the_line(fed: list[Hit]) -> None:
    read(line(f"/whois?ip={ADDRESS}&n=1{ADDRESS}2"))
    assert fed[0].payload == line(f"/whois?ip=203.0.113.0/24&n=1{ADDRESS}2", address="203.0.113.0/24")


def test_gives_a_line_the_same_id_and_visitor_in_every_import(fed: list[Hit]) -> None:
    read(line("/a"), line("/b"))
    read(line("/a"), line("/b"))
    assert [(hit.event_id, hit.visitor_id) for hit in fed[:2]] == [(hit.event_id, hit.visitor_id) for hit in fed[2:]]
    assert fed[0].event_id != fed[1].event_id


def test_identical_lines_are_events_of_their_own(fed: list[Hit]) -> None:
    read(line("/a"), line("/b"), line("/a"), line("/a"))
    read(line("/a"), line("/b"), line("/a"), line("/a"))
    assert len({hit.event_id for hit in fed[:4]}) == 4
    assert [hit.event_id for hit in fed[:4]] == [hit.event_id for hit in fed[4:]]


def test_remembers_a_bounded_number_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "MOST_REMEMBERED", 100)
    occurrences = access_log.Occurrences()
    for second in range(1000):
        occurrences.event_id(f"line {second}", NOON + dt.timedelta(seconds=second))
    assert len(occurrences._times) == 100


def test_visitors_of_different_days_are_different_but_know_the_day_before(fed: list[Hit]) -> None:
    read(line(), line().replace("01/Mar", "02/Mar"))
    assert fed[0].visitor_id != fed[1].visitor_id
    assert fed[1].previous_visitor_id == fed[0].visitor_id


def test_puts_lines_into_the_order_of_time(fed: list[Hit]) -> None:
    read(*(line("/a", second) for second in (5, 3, 9, 0, 7)))
    assert [hit.ts.second for hit in fed] == [0, 3, 5, 7, 9]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not in the combined format"),
        (line()[:-1], "not in the combined format"),
        (line().replace("01/Mar", "41/Mar"), "no time that can be read"),
        (line(address="1.2.3"), "no address that can be read"),
        (line("/" + "x" * 40_000), "longer than 32768 bytes"),
        ("\x00\x1b[31m", "not in the combined format"),
    ],
)
def test_reports_a_broken_line_with_its_number_and_goes_on(fed: list[Hit], text: str, reason: str) -> None:
    summary, broken = read(line("/a"), text, line("/b"))
    assert (summary.lines, summary.pushed, summary.broken) == (3, 2, 1)
    (found,) = broken
    assert (found.number, len(found.text) <= 80, found.text.isprintable()) == (2, True, True)
    assert found.reason.startswith(reason)


def test_never_prints_an_address(fed: list[Hit]) -> None:
    _, broken = read(line()[:-1], line(address="2001:db8:1:2::3")[:-1], f"{ADDRESS}, 10.0.0.1 - - [x]")
    assert [found.text[:20] for found in broken] == [
        "(address) - - [01/Ma",
        "(address) - - [01/Ma",
        "(address), (address)",
    ]


def test_reads_bytes_that_are_no_utf8(fed: list[Hit]) -> None:
    read(line("/caf").encode().replace(b"/caf", b"/caf\xe9"))
    assert "/caf\ufffd" in fed[0].payload


def test_a_buffer_that_comes_back_is_waited_for(fed: list[Hit], monkeypatch: pytest.MonkeyPatch) -> None:
    push = buffer.push
    said: list[str] = []
    answers: Iterator[Any] = iter([buffer.Away("it is gone"), buffer.Away("it is gone"), push])

    def sometimes(parts: Any, now: dt.datetime) -> dict[int, str]:
        answer = next(answers)
        if isinstance(answer, buffer.Away):
            raise answer
        pushed: dict[int, str] = answer(parts, now)
        return pushed

    monkeypatch.setattr(buffer, "push", sometimes)
    monkeypatch.setattr(feed, "RETRY_SECONDS", 0.0)
    importer = access_log.Importer(SITE, said.append, lambda _: None)
    list(importer.read(access_log.Source("test", None, io.BytesIO(line().encode()), lambda: 0)))
    importer.finish(wait=False)
    assert len(fed) == 1
    assert said == ["Waiting for the buffer: it is gone."] * 2


def test_a_buffer_that_stays_away_ends_the_import(fed: list[Hit], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> dict[int, str]:
        raise buffer.Away("it is gone")

    monkeypatch.setattr(buffer, "push", never)
    monkeypatch.setattr(feed, "PATIENCE_SECONDS", -1.0)
    with pytest.raises(feed.Stalled, match="it is gone"):
        read(line())


# --- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def writing(stores: None) -> Iterator[None]:
    """A writer at work."""
    writer = Writer()

    def work() -> None:
        writer.run()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    writer.stop()
    thread.join()


def imported(*arguments: str) -> str:
    said = io.StringIO()
    call_command("import_log", *arguments, "--site=example.com", stdout=said)
    return said.getvalue()


@pytest.mark.database
def test_says_what_was_imported_and_what_was_known(site: models.Site, writing: None, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("\n".join([line("/a"), "broken", line("/a"), line("/b")]) + "\n")
    reason = 'line 2: not in the combined format (address - user [time] "request" status bytes "referrer" "agent")'
    assert imported(str(log)) == f"3 of 4 lines imported, 1 broken ({reason}).\n"
    assert imported(str(log)) == f"0 of 4 lines imported, 3 known already, 1 broken ({reason}).\n"
    log.write_text(line("/c") + "\n" + line("/b"))
    assert imported(str(log)) == "1 of 2 lines imported, 1 known already.\n"
    with db.transaction() as cursor:
        cursor.execute("SELECT path, count(*) FROM event GROUP BY 1 ORDER BY 1")
        assert cursor.fetchall() == [("/a", 2), ("/b", 1), ("/c", 1)]
    assert books.balance().holds


def data_version() -> int:
    with db.transaction() as cursor:
        cursor.execute("SELECT data_version FROM sites_site")
        ((version,),) = cursor.fetchall()
    return int(version)


@pytest.mark.database
def test_answers_of_before_the_import_are_no_longer_used(site: models.Site, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(line())
    imported(str(log), "--no-wait")
    before = data_version()
    builders.drain()
    written = data_version()
    assert written > before


@pytest.mark.database
def test_reads_gzip_and_standard_input(
    site: models.Site, writing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "access.log.1"
    packed.write_bytes(gzip.compress(line("/a").encode()))
    assert imported(str(packed)) == "1 of 1 lines imported.\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(line("/a").encode()))))
    assert imported("-") == "0 of 1 lines imported, 1 known already.\n"


@pytest.mark.database
def test_a_gzip_file_that_was_cut_off_keeps_what_came_before(site: models.Site, tmp_path: Path) -> None:
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress("\n".join(line(f"/{n}") for n in range(5000)).encode())[:-2000])
    with pytest.raises(CommandError, match=r"cannot be read behind line \d+"):
        imported(str(packed))
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) > 100 FROM event")
        assert cursor.fetchall() == [(True,)]


@pytest.mark.database
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere/access.log", "--site=example.com"], "/nowhere/access.log cannot be read: no such file"),
        (["/dev/null", "--site=other.com"], "There is no site 'other.com'"),
        ([__file__, "--site=example.com"], r"0 of \d+ lines imported, \d+ broken"),
    ],
)
def test_refuses_in_one_sentence(site: models.Site, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_log", *arguments)


@pytest.mark.database
def test_says_so_when_no_writer_writes(site: models.Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PATIENCE_SECONDS", 0.2)
    log = tmp_path / "access.log"
    log.write_text(line())
    with pytest.raises(
        CommandError, match=r"No writer has written .* 1 hits wait .* lines that are stored are not counted twice"
    ):
        imported(str(log))
