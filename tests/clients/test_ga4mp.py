"""ga4mp, a Python client of Google's Measurement Protocol, against a running ingest pool."""

from __future__ import annotations

import datetime as dt
import http.client
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

ga4mp = pytest.importorskip("ga4mp")
CLIENT = "1234567890.1700000000"


@pytest.fixture
def shop(stores: None) -> create.Created:
    return create.site("example.com")


def client(shop: create.Created, address: str) -> Any:
    """The client, as its users point it at another host than Google's."""
    made = ga4mp.GtagMP(shop.secret_key, shop.site.measurement_id, CLIENT)
    made._base_domain = f"{address}/mp/collect"
    made._validation_domain = f"{address}/debug/mp/collect"
    return made


def page(made: Any) -> Any:
    event = made.create_new_event(name="page_view")
    event.set_event_param("page_location", "https://example.com/ä?utm_source=nl")
    event.set_event_param("page_title", "Hellö")
    return event


def order(made: Any, number: str = "T1") -> Any:
    event = made.create_new_event(name="purchase")
    event.set_event_param("currency", "EUR")
    event.set_event_param("value", 12.5)
    event.set_event_param("transaction_id", number)
    item = event.create_new_item(item_id="SKU", item_name="Näme")
    item.set_parameter("price", 12.5)
    item.set_parameter("quantity", 1)
    event.add_item_to_event(item)
    return event


def test_events_are_found_once_each_with_names_ids_and_props(pool: str, shop: create.Created) -> None:
    made = client(shop, pool)
    made.store.set_user_property("user_id", "u42")
    made.store.set_user_property("plan", "pro")
    numbered = [{"name": f"e{n}", "params": {"n": n}} for n in range(30)]
    # Two requests: the client sends 25 at a time.
    made.send([page(made), order(made), *numbered])
    rows = stored("name, path, title, revenue, currency, props, utm_source")
    pro, visit = {"plan": "pro"}, "nl"
    items = '[{"id":"SKU","name":"Näme","price":12.5,"quantity":1}]'
    bought = pro | {"order_id": "T1", "item_count": "1", "items": items}
    assert rows[:2] == [
        ("pageview", "/ä", "Hellö", None, "", pro, visit),
        ("purchase", "", "", Decimal("12.5000"), "EUR", bought, visit),
    ]
    assert rows[2:] == [(f"e{n}", "", "", None, "", pro | {"n": str(n)}, visit) for n in range(30)]
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert set(stored("event.cookieless, browser, ip_prefix, category")) == {(False, "", "", "")}
    assert books.balance().holds


def test_what_was_put_off_or_dated_back_has_its_own_moment(pool: str, shop: create.Created) -> None:
    made = client(shop, pool)
    made.send([{"name": "late", "params": {}}], postpone=True)
    made.send([{"name": "later", "params": {}}], postpone=True)
    put_off_at = [event["_timestamp_micros"] for event in made._event_list]
    made.postponed_send()
    # Farther back than anybody may report without a secret.
    back = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=10)
    made.send([page(made)], date=back.astimezone().replace(tzinfo=None))
    rows = stored("name, hit.ts, flags")
    micros = [(name, round(ts.timestamp() * 10**6), flags) for name, ts, flags in rows]
    assert micros == [
        ("late", put_off_at[0], ""),
        ("later", put_off_at[1], ""),
        ("pageview", int(back.timestamp()) * 10**6, ""),
    ]


def test_an_app_is_known_by_googles_id(pool: str, shop: create.Created) -> None:
    models.Alias.objects.create(site=shop.site, protocol="ga4", identifier="1:2:android:3")
    made = ga4mp.FirebaseMP("googles-secret", "1:2:android:3", "A" * 32)
    made._base_domain = f"{pool}/mp/collect"
    made.send([{"name": "level_up", "params": {"level": 3}}])
    assert stored("name, props, event.cookieless") == [("level_up", {"level": "3"}, False)]


def test_its_validation_stores_nothing(pool: str, shop: create.Created) -> None:
    with proxy.between(pool, []) as between:
        made = client(shop, between.address)
        made.send([page(made), order(made)], validation_hit=True)
        assert between.seen == [200]
    assert stored("name") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_it_raises_an_error_and_what_the_program_sends_again_counts_once(
    pool: str, shop: create.Created, status: int
) -> None:
    with proxy.between(pool, [status]) as between:
        made = client(shop, between.address)
        with pytest.raises(HTTPError, match=str(status)):
            made.send([page(made)])
        made.send([page(made)])
        assert between.seen == [status, 204]
    assert stored("name") == [("pageview",)]


def test_after_a_lost_answer_an_order_that_is_sent_again_counts_once(pool: str, shop: create.Created) -> None:
    with proxy.between(pool, [proxy.LOST]) as between:
        made = client(shop, between.address)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            made.send([page(made), order(made)])
        made.send([page(made), order(made)])
        assert between.seen == [proxy.LOST, 204]
    # The page has no id in this protocol: only the order can be known again.
    assert sorted(stored("name")) == [("pageview",), ("pageview",), ("purchase",)]
    assert books.balance().holds


def test_a_program_that_sends_too_much_is_told(pool: str, shop: create.Created) -> None:
    models.Site.objects.update(events_per_minute=1)
    with pytest.raises(HTTPError, match="429") as caught:
        client(shop, pool).send([{"name": "first", "params": {}}, {"name": "second", "params": {}}])
    assert caught.value.headers["Retry-After"] == "30"
    assert stored("name") == []
