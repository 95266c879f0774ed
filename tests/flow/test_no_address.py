"""No whole address is stored or logged anywhere, whichever way it came."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
import redis
from django.conf import settings

from analytics.lake import export
from analytics.pipeline import books
from analytics.sites import create, models
from analytics.store import db
from tests import processes

pytestmark = pytest.mark.flow
V4, V6 = "81.2.69.142", "2a02:d5c0:1234:5678:9abc:def0:1234:5678"
SPELT = {
    "an IPv4 address": V4,
    "its number": str(int(ipaddress.ip_address(V4))),
    "its number in hexadecimal": f"{int(ipaddress.ip_address(V4)):x}",
    "an IPv6 address": V6,
    "it in a query string": quote(V6, safe=""),
    "its last half": "9abc:def0",
    "its number in decimal": str(int(ipaddress.ip_address(V6))),
    "the digits": f"{int(ipaddress.ip_address(V6)):x}",
}
AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"}


def requests(secret: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(path, body, headers): addresses in headers, pages and props, and where each format has a place for one."""
    for address in (V4, V6):
        for forwarded in (
            address,
            f"6.6.6.6, {address}",
            f"[{address}]:4711" if ":" in address else f"::ffff:{address}",
        ):
            headers = {"X-Forwarded-For": forwarded, "X-Real-IP": address, "Forwarded": f"for={address}", **AGENT}
            page = f"https://example.com/{address}?ip={address}&whoami={address}"
            said = {"name": "pageview", "url": page, "referrer": page, "title": address, "props": {"seen": address}}
            bad = {**said, "name": ""}
            body = json.dumps({"site": "example.com", "events": [said, bad, {**said, "ip": address}]})
            yield "/v1/events", body, headers | {"Referer": page}
            yield "/v1/events", body, headers | {"Authorization": f"Bearer {secret}"}
            yield (
                "/api/event",
                json.dumps({"n": "pageview", "u": page, "d": "example.com", "p": {"a": address}}),
                headers,
            )
            url = quote(page, safe="")
            yield f"/matomo.php?idsite=example.com&rec=1&url={url}&cip={address}&uid={address}", "", headers
            yield f"/g/collect?v=2&tid=example.com&cid=1.2&en=page_view&dl={url}&_uip={address}", "", headers
            segment = {"writeKey": "example.com", "anonymousId": "a", "context": {"ip": address, "page": {"url": page}}}
            yield "/v1/page", json.dumps(segment), headers
            yield "/v1/page", json.dumps(segment), AGENT  # from a server, of a visitor
            posthog = {"api_key": "example.com", "event": "$pageview", "distinct_id": address}
            yield "/e/", json.dumps({**posthog, "properties": {"$ip": address, "$current_url": page}}), headers
            yield f"/nothing/{address}", "", headers


def send(ingest: str, path: str, body: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(ingest + path, body.encode() or None, headers), timeout=10
        ) as it:
            return int(it.status)
    except urllib.error.HTTPError as error:
        return error.code


def has_told_how_often(ingest: str) -> bool:
    """Send, and see whether the process has told the others how often the address came this minute."""
    send(ingest, "/pixel.gif?site=example.com", "", {"X-Forwarded-For": V4})
    return any("rate:a:" in text for text in in_valkey(settings.CACHE_URL))


def in_valkey(url: str) -> Iterator[str]:
    with redis.Redis.from_url(url) as server:
        for key in server.scan_iter():
            kind = server.type(key)
            read: dict[bytes, Any] = {b"stream": server.xrange, b"hash": server.hgetall, b"string": server.get}
            yield repr((key, read.get(kind, server.dump)(key)))


def in_timescaledb() -> Iterator[str]:
    with db.transaction() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield from (f"{table}: {row}" for (row,) in cursor.fetchall())


def in_the_lake(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.suffix == ".parquet":
            yield repr(pq.read_table(file).to_pylist())
        elif file.is_file():
            yield repr(file.read_bytes())


def test_no_whole_address_is_stored_or_logged_anywhere(
    site: models.Site, environment: dict[str, str], tmp_path: Path
) -> None:
    watched = environment | {"TRUSTED_PROXIES": "127.0.0.1/32", "REQUESTS_PER_ADDRESS": "1000", "LOG_LEVEL": "DEBUG"}
    found: dict[str, list[str]] = {}
    with (tmp_path / "ingest.log").open("wb") as ingest_log, (tmp_path / "writer.log").open("wb") as writer_log:
        with processes.pool("ingest", watched, ingest_log, INGEST_WORKERS="1") as ingest:
            answers = [send(ingest, *request) for request in requests(create.secret_key(site))]
            processes.wait_until(lambda: has_told_how_often(ingest), "the process tells how often an address came")
            assert answers.count(404) == 6
            assert sum(answer // 100 == 2 for answer in answers) == len(answers) - 6
            found["buffer"] = list(in_valkey(settings.BUFFER_URL))
        with processes.running(["manage.py", "write"], watched, writer_log):
            processes.wait_until(lambda: books.balance().holds and _written() > 50, "all is written")
    export.export("hits")
    export.export("events")
    found["cache"] = list(in_valkey(settings.CACHE_URL))
    found["database"] = list(in_timescaledb())
    found["lake"] = list(in_the_lake(Path(settings.LAKE_URL.removeprefix("file://"))))
    found["logs"] = [(tmp_path / f"{name}.log").read_text(errors="replace") for name in ("ingest", "writer")]
    for where, texts in found.items():
        held = [
            (what, text[max(0, text.find(spelt) - 300) :][:400])
            for text in texts
            for what, spelt in SPELT.items()
            if spelt in text
        ]
        assert held == [], where
    # Their networks are there, so these places were looked at.
    for where in ("buffer", "database", "lake"):
        for kept in ("81.2.69.0/24", "2a02:d5c0:1234::/48"):
            assert any(kept in text for text in found[where]), (where, kept)
    assert any("rate:a:" in text for text in found["cache"])
    assert "INFO" in found["logs"][1]


def _written() -> int:
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*)::int FROM hit")
        return int(cursor.fetchall()[0][0])
