"""rudder-sdk-python, RudderStack's client from PyPI, against a running pool."""

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

rudder = pytest.importorskip("rudderstack.analytics.client")
COLUMNS = "name, path, props, revenue, currency"


@pytest.fixture(autouse=True)
def site(stores: None) -> models.Site:
    found = create.site("example.com").site
    models.Alias.objects.create(site=found, protocol="segment", identifier="wk123")
    return found


def client(host: str, **options: Any) -> AbstractContextManager[Any]:
    return queued(rudder.Client, host, **options)


def everything(analytics: Any) -> None:
    """One call of each kind."""
    analytics.identify("u-42", {"tier": "gold"}, anonymous_id="anon-1")
    analytics.track("u-42", "Order Completed", {"revenue": 12.5, "currency": "EUR", "order_id": "o-1"})
    page = {"url": "https://example.com/docs", "title": "Docs"}
    analytics.page("u-42", "Docs", "Home", page, timestamp=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    analytics.screen("u-42", "Buy", "Cart")
    analytics.group("u-42", "g1", {"n": 1})
    analytics.alias("anon-1", "u-42")


ROWS = [
    ("identify", "", {"tier": "gold"}, None, ""),
    ("purchase", "", {"order_id": "o-1"}, Decimal("12.5000"), "EUR"),
    ("pageview", "/docs", {"name": "Home", "category": "Docs"}, None, ""),
    ("pageview", "/Cart", {"name": "Cart", "category": "Buy"}, None, ""),
    ("group", "", {"group_id": "g1", "n": "1"}, None, ""),
    ("alias", "", {}, None, ""),
]


def test_every_call_is_an_event_packed_or_plain(pool: str) -> None:
    for turn, gzip in enumerate((True, False), 1):
        with client(pool, gzip=gzip) as analytics:
            everything(analytics)
        assert stored(COLUMNS) == ROWS * turn, gzip
        ages = [age for (age,) in stored("hit.received_at - event.ts")][-len(ROWS) :]
        assert dt.timedelta(minutes=59) < ages[2] < dt.timedelta(minutes=61)
    assert len(set(stored("event.event_id"))) == 2 * len(ROWS)
    assert set(stored("event.cookieless, browser, ip_prefix, category")) == {(False, "", "", "")}
    assert books.balance().holds


def test_what_it_sends_again_counts_once(pool: str) -> None:
    for turn, faults in enumerate(([500], [429], [proxy.LOST], [proxy.LOST, 503]), 1):
        with proxy.between(pool, faults) as between, client(between.address, max_retries=5) as analytics:
            everything(analytics)
        assert between.seen == [*faults, 200]
        assert stored(COLUMNS) == ROWS * turn, faults
    assert books.balance().holds


def test_a_refusal_is_final_for_it_has_a_code_and_a_message(pool: str) -> None:
    models.Alias.objects.all().delete()
    errors: list[Any] = []
    with proxy.between(pool, []) as between:
        with client(between.address, on_error=lambda error, _: errors.append(error)) as analytics:
            analytics.track("u-42", "x")
        assert between.seen == [401]
    assert [(error.status, error.code) for error in errors] == [(401, "unknown_site")]
