"""plausible-events, a Python client of Plausible's Events API, against a running ingest pool."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.pipeline import books
from analytics.sites import create
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

plausible_events = pytest.importorskip("plausible_events")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture(autouse=True)
def _site(stores: None) -> None:
    create.site("example.com")


@contextlib.contextmanager
def client(address: str, domain: str = "example.com") -> Iterator[Any]:
    """The client, as its users point it at another host than Plausible's; the block ends when all is delivered."""
    made = plausible_events.PlausibleEvents(domain, {"User-Agent": FIREFOX}, timeout=0.1, api=f"{address}/api/event")
    # It would ask the world for its own address, and its thread never ends.
    made._get_ip = lambda: "203.0.113.9"
    made.worker.daemon = True
    yield made
    delivered = threading.Event()
    made._enqueue_task(delivered.set)
    assert delivered.wait(30)


def test_events_are_found_once_each_with_names_and_props(pool: str) -> None:
    with client(pool) as made:
        made.pageview("/login/user", utm={"source": "newsletter", "campaign": "été"})
        made.event("my event", {"os": "mac", "n": 3, "flag": True}, "buy")
    assert stored("name, host, path, props, event.utm_source, event.utm_campaign") == [
        ("pageview", "localhost", "/login/user", {}, "newsletter", "été"),
        ("my event", "localhost", "/buy", {"os": "mac", "n": "3", "flag": "True"}, "newsletter", "été"),
    ]
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert set(stored("browser, event.cookieless, category")) == {("Firefox", True, "")}
    assert books.balance().holds


def test_what_was_answered_with_an_error_comes_again_before_anything_else_and_counts_once(pool: str) -> None:
    with proxy.between(pool, [500, 429, 503]) as between:
        with client(between.address) as made:
            made.event("first")
            made.event("second")
        assert between.seen == [500, 429, 503, 202, 202]
    assert stored("name") == [("first",), ("second",)]


def test_it_names_no_ids_so_what_comes_again_after_a_lost_answer_counts_again(pool: str) -> None:
    with proxy.between(pool, [proxy.LOST]) as between:
        with client(between.address) as made:
            made.event("first")
        assert between.seen == [proxy.LOST, 202]
    assert stored("name") == [("first",), ("first",)]


def test_what_is_for_a_site_that_does_not_exist_holds_nothing_up(pool: str) -> None:
    with proxy.between(pool, []) as between:
        for domain in ("none.example", "none.example,example.com"):
            with client(between.address, domain) as made:
                made.event("first")
                made.event("second")
        assert between.seen == [202] * 4
    assert stored("name") == [("first",), ("second",)]
