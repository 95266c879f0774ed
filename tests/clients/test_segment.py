"""segment-analytics-python, Segment's client from PyPI, against a running pool."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests.clients import proxy
from tests.clients.segment_library import queued
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

segment = pytest.importorskip("segment.analytics.client")
COLUMNS = "name, path, props, revenue, currency"


@pytest.fixture(autouse=True)
def site(stores: None) -> models.Site:
    found = create.site("example.com").site
    models.Alias.objects.create(site=found, protocol="segment", identifier="wk123")
    return found


def client(host: str, **options: Any) -> AbstractContextManager[Any]:
    return queued(segment.Client, host, **options)


def everything(analytics: Any) -> None:
    """One call of each kind."""
    analytics.identify("u-42", {"tier": "gold", "address": {"city": "Tartu"}}, anonymous_id="anon-1")
    order = {
        "order_id": "o-1",
        "total": 25,
        "currency": "EUR",
        "products": [{"product_id": "p", "price": 12.5, "quantity": 2}],
    }
    analytics.track("u-42", "Order Completed", order)
    page = {"url": "https://example.com/docs?utm_source=x", "title": "Docs"}
    analytics.page("u-42", "Docs", "Home", page, timestamp=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    analytics.screen("u-42", "Buy", "Cart", {"n": 1})
    analytics.group("u-42", "g1", {"name": "Acme"})
    analytics.alias("anon-1", "u-42")


ROWS = [
    ("identify", "", {"tier": "gold", "address.city": "Tartu"}, None, ""),
    (
        "purchase",
        "",
        {"order_id": "o-1", "item_count": "1", "items": '[{"id":"p","price":12.5,"quantity":2}]'},
        Decimal("25.0000"),
        "EUR",
    ),
    ("pageview", "/docs", {"name": "Home", "category": "Docs"}, None, ""),
    ("pageview", "/Cart", {"name": "Cart", "category": "Buy", "n": "1"}, None, ""),
    ("group", "", {"group_id": "g1", "name": "Acme"}, None, ""),
    ("alias", "", {}, None, ""),
]


def test_every_call_is_an_event_plain_packed_and_one_by_one(pool: str) -> None:
    for turn, options in enumerate(({}, {"gzip": True}, {"sync_mode": True}), 1):
        with client(pool, **options) as analytics:
            everything(analytics)
        assert stored(COLUMNS) == ROWS * turn, options
        ages = [age for (age,) in stored("hit.received_at - event.ts")][-len(ROWS) :]
        assert dt.timedelta(minutes=59) < ages[2] < dt.timedelta(minutes=61)
        assert all(dt.timedelta(0) <= age < dt.timedelta(seconds=10) for n, age in enumerate(ages) if n != 2)
    assert len(set(stored("event.event_id"))) == 3 * len(ROWS)
    assert len(set(stored("event.visitor_id"))) == 1
    assert books.balance().holds


def test_what_it_sends_again_counts_once(pool: str) -> None:
    for turn, faults in enumerate(([500, 502], [429], [proxy.LOST], [proxy.LOST, 503, proxy.LOST]), 1):
        with proxy.between(pool, faults) as between, client(between.address, max_retries=5) as analytics:
            everything(analytics)
        assert between.seen == [*faults, 200]
        assert stored(COLUMNS) == ROWS * turn, faults
    assert books.balance().holds


def test_it_waits_as_long_as_it_is_told_to(pool: str) -> None:
    with proxy.between(pool, [429], Retry_After="1") as between, client(between.address) as analytics:
        everything(analytics)
    assert between.seen == [429, 200]
    assert stored(COLUMNS) == ROWS


def test_many_events_come_in_batches(pool: str) -> None:
    with proxy.between(pool, []) as between, client(between.address) as analytics:
        for number in range(250):
            analytics.track("u-42", "Bulk", {"i": number})
    assert set(between.seen) == {200}
    assert len(between.seen) < 10
    assert sorted(int(props["i"]) for (props,) in stored("props")) == list(range(250))
    assert books.balance().holds


def test_an_unknown_write_key_is_final(pool: str, site: models.Site) -> None:
    models.Alias.objects.all().delete()
    errors: list[Any] = []
    with proxy.between(pool, []) as between:
        with client(between.address, on_error=lambda error, _: errors.append(error)) as analytics:
            analytics.track("u-42", "x")
        assert between.seen == [401]
    assert [(error.status, error.code) for error in errors] == [(401, "unknown_site")]
