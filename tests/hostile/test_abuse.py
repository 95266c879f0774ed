"""O. Too much of it (catalogue 199 to 209, as far as the ingest pool is concerned)."""

from __future__ import annotations

import concurrent.futures
import json
import time
import uuid
from typing import Any

import pytest
from django.utils import timezone

from analytics.sites import create, models
from tests.hostile.paths import EVERY
from tests.hostile.running import PLAUSIBLE, PROMPT_SECONDS, Pool, batch

pytestmark = pytest.mark.flow


def limited(domain: str, **limits: Any) -> str:
    """The domain of a new site that has limits."""
    site = create.site(domain, organisation="Test").site
    models.Site.objects.filter(pk=site.pk).update(**limits)
    return domain


def test_199_a_flood_for_one_site_is_cut_off_and_stops_no_other(pool: Pool) -> None:
    domain = limited("flooded.example", events_per_minute=50)
    bodies = [json.dumps({"site": domain, "events": [{"name": "x"}] * 10}).encode()] * 60
    answers = list(pool.many("POST", "/v1/events", bodies))
    taken = sum(answer.status == 202 for answer in answers)
    # Each worker counts for itself for a second, and the minute may turn.
    assert 5 <= taken <= 20
    assert {answer.status for answer in answers} == {202, 429}
    assert {answer.code for answer in answers} == {"", "rate_limited"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status == 429)
    assert pool.send({"name": "x"}).status == 202


def test_199_a_flood_of_connections_is_answered(pool: Pool) -> None:
    began_at = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(30) as senders:
        answers = list(senders.map(lambda n: pool.send({"name": "x", "url": f"/{n}"}).status, range(300)))
    assert answers == [202] * 300
    assert time.monotonic() - began_at < 20


def test_200_what_exceeds_the_quota_is_refused_as_a_whole(pool: Pool) -> None:
    domain = limited("small.example", events_per_month=5)
    mark = uuid.uuid4().hex
    answer = pool.send(*({"name": "x", "url": f"/{mark}/{n}"} for n in range(6)), site=domain)
    assert (answer.status, answer.code) == (429, "over_quota")
    assert int(answer.headers["retry-after"]) > 0
    assert pool.hits(mark) == []
    answer = pool.send(*({"name": "x", "url": f"/{mark}/{n}"} for n in range(5)), site=domain)
    assert answer.json == {"accepted": 5, "rejected": []}
    assert len(pool.hits(mark)) == 5


def test_200_what_one_site_may_not_have_the_other_gets(pool: Pool) -> None:
    limited("stopped.example", suspended_at=timezone.now())
    mark = uuid.uuid4().hex
    event = {"n": "x", "u": f"https://example.com/{mark}", "d": "stopped.example,example.com"}
    answer = pool.post(json.dumps(event).encode(), PLAUSIBLE)
    assert (answer.status, answer.headers["x-recount-dropped"]) == (202, "suspended=1")
    assert [hit["site_id"] for hit in pool.hits(mark)] == [pool.site.pk]


def test_201_pages_of_other_hosts_are_left_out_where_the_site_says_which_are_its_own(pool: Pool) -> None:
    site = create.site("strict.example", organisation="Test").site
    models.Ruleset.objects.create(site=site, version=2, rules={"allowed_hosts": ["strict.example", "*.strict.example"]})
    mark = uuid.uuid4().hex
    urls = [
        f"https://{host}/{mark}"
        for host in ("strict.example", "a.strict.example", "evil.example", "strict.example.evil")
    ]
    headers = {"Origin": "https://evil.example"}
    assert pool.send(*({"name": "x", "url": url} for url in urls), site=site.domain, headers=headers).status == 202
    pool.drain()
    rows = pool.rows("event.path = $1", [f"/{mark}"])
    assert sorted((row["host"], row["category"]) for row in rows) == [
        ("a.strict.example", ""), ("evil.example", "foreign-host"), ("strict.example", ""),
        ("strict.example.evil", "foreign-host"),
    ]  # fmt: skip


def test_204_what_is_refused_fills_no_log(pool: Pool) -> None:
    before = pool.log.stat().st_size
    for path, module in EVERY:
        for _ in range(20):
            pool.request("POST" if "POST" in module.METHODS else "GET", f"/{path}", b"nonsense")
    pool.raw(b"nonsense\r\n\r\n")
    for n in range(50):
        pool.request("GET", f"/{n}/none")
    assert pool.log.stat().st_size == before


def test_206_health_is_told_as_often_as_it_is_asked(pool: Pool) -> None:
    began_at = time.monotonic()
    for path in ("/health/live", "/health/ready"):
        for answer in pool.many("GET", path, [b""] * 300):
            assert (answer.status, answer.body) == (200, b"ok\n")
    assert time.monotonic() - began_at < 10


@pytest.mark.parametrize(
    "known", ['"x", ' * 1500, "W/" * 4000, "," * 8000, '"' * 8000], ids=lambda text: f"208-{text[:4]}"
)
def test_a_huge_list_of_known_tags_is_read_or_refused(pool: Pool, known: str) -> None:
    began_at = time.monotonic()
    assert pool.request("GET", "/js/recount.js", headers={"If-None-Match": known}).status == 200
    assert pool.request("GET", "/js/recount.js", headers={"If-None-Match": known * 5}).status == 431
    assert time.monotonic() - began_at < PROMPT_SECONDS


@pytest.mark.parametrize(
    "span",
    ["bytes=0-0", "bytes=" + "0-0," * 1000, "bytes=-1", "bytes=9999999-", "x=1"],
    ids=lambda text: f"209-{text[:12]}",
)
def test_a_part_of_the_tracker_is_the_tracker(pool: Pool, span: str) -> None:
    whole = pool.request("GET", "/js/recount.js")
    answer = pool.request("GET", "/js/recount.js", headers={"Range": span})
    assert (answer.status, answer.body) == (200, whole.body)


def test_205_events_at_the_turn_of_an_hour_are_counted_once(pool: Pool) -> None:
    mark = uuid.uuid4().hex
    now = int(time.time())
    hour = now - now % 3600
    moments = [hour - 0.000001, hour, hour + 0.000001] * 50
    answer = pool.post(batch([{"name": "x", "url": f"/{mark}", "timestamp": moment} for moment in moments]))
    assert answer.json["accepted"] == 150
    pool.drain()
    assert len(pool.rows("event.path = $1", [f"/{mark}"])) == 150
