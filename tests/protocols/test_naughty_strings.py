"""The Big List of Naughty Strings in every text of an event: stored as it is, or refused with a code."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import pytest

from analytics.events import Limits
from analytics.ingest import accept, hits
from analytics.pipeline import books
from analytics.protocols import recount, wire
from analytics.sites import models
from analytics.store import db
from tests import builders, shared

pytestmark = pytest.mark.database


def send(events: Sequence[Mapping[str, object]]) -> dict[int, str]:
    """Index → code of those refused."""
    refused: dict[int, str] = {}
    for start in range(0, len(events), Limits.EVENTS_PER_REQUEST):
        body = {"site": "example.com", "events": events[start : start + Limits.EVENTS_PER_REQUEST]}
        received = wire.Request("POST", "/v1/events", "", {}, json.dumps(body).encode())
        reply = accept.begin(recount, received, hits.caller({}, None), dt.datetime.now(dt.UTC))()
        assert reply.status == 202
        refused |= {start + one["index"]: one["code"] for one in json.loads(reply.body)["rejected"]}
    return refused


def test_naughty_strings_are_stored_as_they_are_or_refused_with_a_code(site: models.Site) -> None:
    strings: list[str] = shared.read_json("data/naughty_strings/blns.json")
    refused = send(
        [
            {"name": text, "title": text, "url": f"/{text}", "props": {"n": n, "text": text, f"key {text}": 1}}
            for n, text in enumerate(strings)
        ]
    )
    expected = {n: "no_name" for n, text in enumerate(strings) if not text.strip()}
    expected |= {n: "bad_name" for n, text in enumerate(strings) if len(text.strip()) > Limits.NAME_CHARS}
    long_keys = {n for n, text in enumerate(strings) if len(f"key {text}") > Limits.PROP_KEY_CHARS}
    assert refused == {n: "bad_props" for n in long_keys if n not in expected} | expected

    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT (props ->> 'n')::int, name, title, props FROM event")
        found = {n: rest for n, *rest in cursor.fetchall()}
        cursor.execute(
            "SELECT (payload::json -> 'props' ->> 'n')::int, payload::json ->> 'url' FROM hit WHERE refused = ''"
        )
        urls = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM quarantine")
        assert cursor.fetchall() == [(0,)]
    assert set(found) == set(range(len(strings))) - set(refused)
    for n, (name, title, props) in found.items():
        text = strings[n]
        # An empty value says nothing and is left out; the blanks around a name are not part of it.
        values = {"n": str(n), "text": text, f"key {text}": "1"} if text else {"n": str(n), "key ": "1"}
        assert (name, title, props, urls[n]) == (text.strip(), text, values, f"/{text}")
    assert books.balance().holds


def test_naughty_strings_as_ids_addresses_and_campaigns_break_nothing(site: models.Site) -> None:
    strings: list[str] = shared.read_json("data/naughty_strings/blns.json")
    send(
        [
            {"name": "pageview", field: text}
            for field in ("url", "referrer", "event_id", "visitor_id", "timestamp", "screen", "language")
            for text in strings
        ]
        + [
            {"name": "pageview", "url": f"https://example.com/?utm_source={text}&utm_campaign={text}"}
            for text in strings
        ]
    )
    builders.drain()
    with db.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM quarantine")
        assert cursor.fetchall() == [(0,)]
        cursor.execute("SELECT count(*), (SELECT count(*) FROM hit) FROM event")
        ((events, hits),) = cursor.fetchall()
    assert events > 3 * len(strings)
    assert hits > events
    assert books.balance().holds
