"""posthog, PostHog's Python client from PyPI, against a running pool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

posthog = pytest.importorskip("posthog")
COLUMNS = "name, host, path, props, revenue"


@pytest.fixture(autouse=True)
def site(stores: None) -> models.Site:
    found = create.site("example.com").site
    models.Alias.objects.create(site=found, protocol="posthog", identifier="phc_test")
    return found


@contextmanager
def client(host: str, **options: Any) -> Iterator[Any]:
    """A client whose queue is sent, and whose threads have ended, when the block ends."""
    failures: list[Exception] = []
    options = {"flush_interval": 0.1, "on_error": lambda error, _: failures.append(error)} | options
    made = posthog.Posthog("phc_TEST", host=host, **options)
    try:
        yield made
        made.flush(30)
    finally:
        made.shutdown()
    assert failures == []


def everything(analytics: Any) -> None:
    """One call of each kind."""
    signup = {
        "plan": "pro",
        "nested": {"a": 1},
        "revenue": 9.9,
        "currency": "EUR",
        "$current_url": "https://example.com/signup",
    }
    analytics.capture("signup", distinct_id="u-42", properties=signup)
    page = {"$current_url": "https://example.com/?utm_source=nl", "$referrer": "https://google.com/"}
    an_hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    analytics.capture("$pageview", distinct_id="u-42", properties=page, timestamp=an_hour_ago)
    analytics.set(distinct_id="u-42", properties={"tier": "gold"})
    analytics.group_identify("company", "acme", {"name": "Acme"})
    analytics.alias("anon-1", "u-42")


ROWS = [
    ("signup", "example.com", "/signup", {"plan": "pro", "nested.a": "1"}, Decimal("9.9000")),
    ("pageview", "example.com", "/", {}, None),
    ("$set", "example.com", "", {"tier": "gold"}, None),
    ("$groupidentify", "example.com", "", {"group_type": "company", "group_id": "acme", "name": "Acme"}, None),
    ("$create_alias", "example.com", "", {}, None),
]
WAYS: dict[str, dict[str, Any]] = {
    "v0 plain": {"gzip": False},
    "v0 gzip": {"gzip": True},
    "v1 plain": {"capture_mode": "v1", "capture_compression": "none"},
    "v1 gzip": {"capture_mode": "v1", "capture_compression": "gzip"},
    "v1 deflate": {"capture_mode": "v1", "capture_compression": "deflate"},
}


def test_every_call_is_an_event_in_each_way_of_sending(pool: str) -> None:
    for turn, (way, options) in enumerate(WAYS.items(), 1):
        with client(pool, **options) as analytics:
            everything(analytics)
        assert stored(COLUMNS) == ROWS * turn, way
        assert len(set(stored("event.visitor_id")[-len(ROWS) :][:3])) == 1
        ages = [age for (age,) in stored("hit.received_at - event.ts")][-len(ROWS) :]
        assert dt.timedelta(minutes=59) < ages[1] < dt.timedelta(minutes=61)
    assert len(set(stored("event.event_id"))) == len(WAYS) * len(ROWS)
    assert books.balance().holds


@pytest.mark.parametrize("way", ["v0 plain", "v1 gzip"])
def test_what_it_sends_again_counts_once(pool: str, way: str) -> None:
    for turn, faults in enumerate(([500], [429], [proxy.LOST], [proxy.LOST, 503]), 1):
        with proxy.between(pool, faults) as between, client(between.address, **WAYS[way]) as analytics:
            everything(analytics)
        assert between.seen == [*faults, 200]
        assert stored(COLUMNS) == ROWS * turn, faults
    assert books.balance().holds


def test_it_waits_as_long_as_it_is_told_to(pool: str) -> None:
    began = dt.datetime.now(dt.UTC)
    with proxy.between(pool, [429], Retry_After="2") as between, client(between.address) as analytics:
        analytics.capture("x", distinct_id="u")
    assert between.seen == [429, 200]
    assert dt.datetime.now(dt.UTC) - began >= dt.timedelta(seconds=2)
    assert stored("name") == [("x",)]


def test_many_events_come_in_batches(pool: str) -> None:
    with proxy.between(pool, []) as between, client(between.address, flush_at=100, flush_interval=5) as analytics:
        for number in range(250):
            analytics.capture("bulk", distinct_id="u", properties={"n": number})
    assert between.seen == [200, 200, 200]
    assert sorted(int(props["n"]) for (props,) in stored("props")) == list(range(250))


def test_an_unknown_key_is_final(pool: str) -> None:
    models.Alias.objects.all().delete()
    errors: list[Any] = []
    for way in ("v0 plain", "v1 gzip"):
        with proxy.between(pool, []) as between:
            with client(between.address, on_error=lambda error, _: errors.append(error), **WAYS[way]) as analytics:
                analytics.capture("x", distinct_id="u")
            assert between.seen == [401], way
    assert [(error.status, "phc_TEST" in str(error)) for error in errors] == [(401, True)] * 2


def test_of_an_event_that_is_dropped_the_newer_protocol_tells(pool: str) -> None:
    errors: list[Any] = []
    with client(pool, on_error=lambda error, _: errors.append(error), **WAYS["v1 gzip"]) as analytics:
        analytics.capture("good", distinct_id="u")
        uuid = analytics.capture("n" * 200, distinct_id="u")
    assert [error.drops for error in errors] == [[(uuid, "bad_name")]]
    assert stored("name") == [("good",)]


def test_no_flag_is_on(pool: str) -> None:
    with client(pool) as analytics:
        assert analytics.get_all_flags("u-42") == {}
        assert not analytics.evaluate_flags("u-42").is_enabled("anything")
    # The client tells that it was asked.
    assert stored("name, interactive, props") == [("$feature_flag_called", False, {"locally_evaluated": "false"})]
