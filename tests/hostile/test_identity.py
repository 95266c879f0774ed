"""H. Who sends, for which site, and what has come before (catalogue 115 to 125)."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from django.utils import timezone

from analytics.events import Limits
from analytics.pipeline import books
from analytics.sites import create, models
from analytics.store import db
from tests.hostile.running import PLAUSIBLE, PROMPT_SECONDS, Pool, Row

pytestmark = pytest.mark.flow


@pytest.mark.parametrize(
    ("site", "code"),
    [
        pytest.param("", "no_site", id="115-none"),
        pytest.param("pk_" + "0" * 24, "unknown_site", id="115-unknown"),
        pytest.param("G-AAAAAAAAAA", "unknown_site", id="115-unknown-measurement-id"),
        pytest.param("00000000-0000-0000-0000-000000000000", "unknown_site", id="115-nil-uuid"),
        pytest.param("pk", "unknown_site", id="115-malformed"),
        pytest.param("x" * 10_240, "unknown_site", id="115-10-kB"),
        pytest.param("www." * 2500, "unknown_site", id="115-10-kB-of-www"),
        pytest.param("*", "unknown_site", id="118-star"),
        pytest.param("%", "unknown_site", id="118-percent"),
        pytest.param("example.co_", "unknown_site", id="118-underscore"),
        pytest.param("example[.]com", "unknown_site", id="118-bracket"),
        pytest.param("a' OR 1=1 --", "unknown_site", id="118-sql"),
        pytest.param("example.com\r\nDEL *", "unknown_site", id="118-redis"),
        pytest.param("example.com\0", "unknown_site", id="118-nul"),
        pytest.param("\ufffd", "unknown_site", id="118-replacement"),
        pytest.param("\uff19", "unknown_site", id="118-full-width-digit"),
        pytest.param("٣", "unknown_site", id="118-arabic-digit"),
    ],
)
def test_what_names_no_site_is_refused(pool: Pool, site: str, code: str) -> None:
    answer = pool.send({"name": "x"}, site=site)
    assert (answer.status, answer.code) == (400, code)
    event = {"n": "x", "u": "/", "d": site}
    assert pool.post(json.dumps(event).encode(), PLAUSIBLE).status in {202, 400}


def test_115_many_unknown_keys_cost_little(pool: Pool) -> None:
    pool.send({"name": "x"}, site="none.example")
    began_at = time.monotonic()
    for n in range(300):
        assert pool.send({"name": "x"}, site=f"none-{n % 10}.example").status == 400
    assert time.monotonic() - began_at < PROMPT_SECONDS


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("sk_unknown", id="115-unknown"),
        pytest.param("x" * 8000, id="115-8-kB"),
        pytest.param("*", id="118-star"),
        pytest.param("' OR 1=1 --", id="118-sql"),
        pytest.param("\xff\xfe", id="118-latin"),
    ],
)
def test_a_secret_key_that_does_not_exist_stops_the_request(pool: Pool, key: str) -> None:
    answer = pool.send({"name": "x"}, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status, answer.code) == (401, "bad_key")


def test_116_a_secret_key_opens_its_own_site_only(pool: Pool) -> None:
    answer = pool.send({"name": "x", "url": "/stolen"}, headers={"Authorization": f"Bearer {pool.other_secret_key}"})
    assert (answer.status, answer.code) == (401, "bad_key")
    assert {hit["refused"] for hit in pool.hits("/stolen")} == {"bad_key"}


def test_117_a_suspended_site_takes_nothing(pool: Pool) -> None:
    site = create.site("suspended.example", organisation="Test").site
    models.Site.objects.filter(pk=site.pk).update(suspended_at=timezone.now())
    mark = uuid.uuid4().hex
    answer = pool.send({"name": "x", "url": f"/{mark}"}, site="suspended.example")
    assert (answer.status, answer.code) == (403, "suspended")
    assert pool.hits(mark) == []


def test_119_one_uuid_in_any_spelling_counts_once(pool: Pool) -> None:
    mark = uuid.uuid4()
    odd = "-".join(mark.hex[at : at + 4] for at in range(0, 32, 4))
    spellings = (str(mark), str(mark).upper(), f"{{{mark}}}", f"{{{str(mark).upper()}}}", mark.hex, odd, mark.urn)
    for spelling in spellings:
        assert pool.send({"name": "x", "event_id": spelling}).json["accepted"] == 1
    assert pool.event(str(mark))["event_id"] == mark


def test_120_the_first_event_with_an_id_counts_and_the_others_are_counted_as_repeats(pool: Pool) -> None:
    # A site of its own: any other test may have sent the nil UUID.
    site = create.site(f"nil-{uuid.uuid4().hex}.example").site
    nil = str(uuid.UUID(int=0))
    for n in range(5):
        pool.send({"name": "x", "event_id": nil, "visitor_id": f"v{n}", "url": f"/nil/{n}"}, site=site.domain)
        # Visitors are in different parts of the buffer, and which of these is written first is chance.
        pool.drain()
    assert [row["path"] for row in pool.rows("event.site_id = $1", [site.pk])] == ["/nil/0"]
    with db.transaction() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n), 0)::int FROM ledger WHERE outcome = 'duplicate' AND site_id = $1", [site.pk]
        )
        assert cursor.fetchall() == [(4,)]


def test_119_other_ids_stay_apart_and_the_same(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    ids = [f"order {mark}", f"order {mark} ", f"ORDER {mark}", f"order-{mark}", f"{mark[:31]}g", "\U0001f600" + mark]
    for _ in range(2):
        assert pool.send(*({"name": "x", "event_id": one, "url": f"/{mark}"} for one in ids)).json["accepted"] == 6
    pool.drain()
    assert len(pool.rows("event.path = $1", [f"/{mark}"])) == 6


@pytest.mark.parametrize(
    "nobody",
    [
        "null", "NULL", "None", "none", "nil", "undefined", "NaN", "nan", "true", "false", "0", "[object Object]",
        "anonymous", "guest", "distinct_id", "distinctid", "id", "not_authenticated", "email", '""', "''", '"null"',
        "'undefined'", "00000000-0000-0000-0000-000000000000", "", "   ", "\u00a0",
    ],
    ids=lambda text: f"69-{text!a}",
)  # fmt: skip
@pytest.mark.parametrize("field", ["visitor_id", "user_id"])
def test_what_programs_write_for_nobody_merges_no_visitors(pool: Pool, field: str, nobody: str) -> None:
    given = {"visitor_id": None, field: nobody}
    first = pool.one({"X-Forwarded-For": "198.51.100.1"}, **given)
    second = pool.one({"X-Forwarded-For": "198.51.100.2"}, **given)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["cookieless"]
    assert first["visitor_id"] != second["visitor_id"]


def test_122_an_id_of_ten_kilobytes_is_cut(pool: Pool) -> None:
    start = uuid.uuid4().hex * 8
    long, same, other = pool.ones(
        [{"visitor_id": start + "x" * 10_000}, {"visitor_id": start}, {"visitor_id": start[1:]}]
    )
    assert isinstance(long, dict)
    assert isinstance(same, dict)
    assert isinstance(other, dict)
    assert long["visitor_id"] == same["visitor_id"] != other["visitor_id"]
    assert pool.one(event_id="x" * 257) == "bad_event_id"


def private(row: Row | str) -> str:
    """All that is stored of an event, as text."""
    assert isinstance(row, dict), row
    return repr(row)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"visitor_id": "maria.tamm@example.com"}, id="122-visitor-id"),
        pytest.param({"user_id": "maria.tamm@example.com"}, id="122-user-id"),
        pytest.param({"url": "/account?email=maria.tamm@example.com"}, id="122-url"),
        pytest.param({"url": "/account?email=maria.tamm%40example.com"}, id="122-url-encoded"),
        pytest.param({"url": "/account?next=%2Fa%3Femail%3Dmaria.tamm%2540example.com"}, id="122-url-encoded-twice"),
        pytest.param({"url": "/users/maria.tamm@example.com/orders"}, id="122-path"),
        pytest.param({"url": "/users/maria.tamm%40example.com"}, id="122-path-encoded"),
        pytest.param({"referrer": "https://m.example/?to=maria.tamm@example.com"}, id="122-referrer"),
        pytest.param({"title": "Inbox of maria.tamm@example.com"}, id="122-title"),
        pytest.param({"props": {"mail": "maria.tamm@example.com"}}, id="122-property"),
        pytest.param({"url": "https://maria.tamm:geheim@example.com/a"}, id="137-credentials"),
        pytest.param({"referrer": "https://maria.tamm:geheim@r.example/a"}, id="137-credentials-of-the-referrer"),
        pytest.param({"url": "https://maria.tamm%3Ageheim%40example.com/a"}, id="137-credentials-encoded"),
        pytest.param({"url": "/login?token=geheim&code=maria.tamm&x=1"}, id="138-token"),
        pytest.param({"url": "/cb#access_token=geheim&id_token=maria.tamm"}, id="138-fragment"),
        pytest.param({"referrer": "https://id.example/?client_secret=geheim&password=maria.tamm"}, id="138-referrer"),
    ],
)
def test_what_is_private_is_not_stored(pool: Pool, event: dict[str, Any]) -> None:
    row = pool.one(**event)
    assert "maria.tamm" not in private(row).replace(str(row["visitor_id"]) if isinstance(row, dict) else "", "")
    assert "geheim" not in private(row)
    assert isinstance(row, dict)
    assert row["flags"] == "scrubbed"


def test_122_the_referer_header_is_scrubbed_too(pool: Pool) -> None:
    row = pool.one({"Referer": "https://example.com/?email=maria.tamm@example.com&token=geheim"}, url="/with-a-referer")
    assert "maria.tamm" not in private(row)
    assert "geheim" not in private(row)


def test_122_what_is_refused_is_scrubbed_before_it_is_kept(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    assert pool.send({"name": "", "url": f"/{mark}?email=maria.tamm@example.com&password=geheim"}).codes == {
        0: "no_name"
    }
    (hit,) = pool.hits(mark)
    assert "maria.tamm" not in repr(hit)
    assert "geheim" not in repr(hit)


def test_137_what_is_refused_is_scrubbed_before_it_is_cut(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    # So long that the cut falls before, at and behind each letter of the credentials.
    events = [
        {
            "name": "",
            "mark": mark,
            "z": "x" * (Limits.REFUSED_PAYLOAD_CHARS - n),
            "url": "https://maria.tamm:geheim@h.example/",
        }
        for n in range(60, 130)
    ]
    assert len(pool.send(*events).codes) == len(events)
    hits = pool.hits(mark)
    assert len(hits) == len(events)
    for hit in hits:
        assert len(hit["payload"]) <= Limits.REFUSED_PAYLOAD_CHARS
        assert "maria.tamm" not in hit["payload"]
        assert "geheim" not in hit["payload"]


def test_123_what_only_a_server_may_say_is_ignored_from_a_page(pool: Pool) -> None:
    said = {"ip": "81.2.69.142", "timestamp": "2020-01-01T00:00:00Z"}
    row = pool.one({"X-Forwarded-For": "198.51.100.7"}, **said)
    assert isinstance(row, dict)
    assert (row["ip_prefix"], row["flags"]) == ("198.51.100.0/24", "clamped,scrubbed")
    trusted = pool.one({"Authorization": f"Bearer {pool.secret_key}"}, **said)
    assert isinstance(trusted, dict)
    assert (trusted["ip_prefix"], trusted["ts"].year, trusted["flags"]) == ("81.2.69.0/24", 2020, "scrubbed")
    assert "81.2.69.142" not in private(trusted)


def test_125_a_request_that_is_sent_a_thousand_times_counts_once(pool: Pool) -> None:
    mark = str(uuid.uuid4())
    body = json.dumps({"site": "example.com", "events": [{"name": "x", "event_id": mark}]}).encode()
    assert {answer.status for answer in pool.many("POST", "/v1/events", [body] * 1000)} == {202}
    assert pool.event(mark)
    for part in pool.writer.parts:
        books.enter_door_counters(part)
    assert books.balance().holds
