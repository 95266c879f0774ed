"""snowplow-tracker, Snowplow's Python client from PyPI, against a running ingest pool."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from analytics.pipeline import books
from analytics.sites import create, models
from tests import processes
from tests.clients import proxy
from tests.protocols.replays import stored

pytestmark = pytest.mark.flow

snowplow = pytest.importorskip("snowplow_tracker")
events = pytest.importorskip("snowplow_tracker.events")


@pytest.fixture(autouse=True)
def site(stores: None) -> None:
    made = create.site("example.com").site
    models.Alias.objects.create(site=made, protocol="snowplow", identifier="shop")


class Tracker:
    """A client, and what it says of its sending."""

    def __init__(self, address: str, method: str, **options: Any) -> None:
        place = urlsplit(address)
        self.sent: list[str] = []
        self.failed: list[str] = []
        self.emitter = snowplow.Emitter(
            place.hostname, protocol="http", port=place.port, method=method, max_retry_delay_seconds=1,
            on_success=lambda sent: self.sent.extend(event["eid"] for event in sent),
            on_failure=lambda _, failed: self.failed.extend(event["eid"] for event in failed), **options,
        )  # fmt: skip
        subject = snowplow.Subject().set_platform("web").set_user_id("u-42").set_domain_user_id("d1")
        subject.set_useragent("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0")
        subject.set_lang("et").set_screen_resolution(1920, 1080)
        self.tracker = snowplow.Tracker("py", self.emitter, subject, app_id="shop", encode_base64=method == "get")

    def track(self, *given: Any) -> list[UUID]:
        """Their ids, in this order."""
        return [UUID(self.tracker.track(event)) for event in given]

    def flush(self) -> None:
        self.emitter.sync_flush()

    def stop(self) -> None:
        """It would try again for ever."""
        self.emitter.retry_timer.cancel()


def described(vendor: str, name: str, data: dict[str, Any]) -> Any:
    return events.SelfDescribing(snowplow.SelfDescribingJson(f"iglu:{vendor}/{name}/jsonschema/1-0-0", data))


@pytest.mark.parametrize("method", ["post", "get"])
def test_events_are_found_once_each_with_names_ids_times_and_props(pool: str, method: str) -> None:
    client = Tracker(pool, method)
    page = "https://example.com/p?utm_source=x"
    began = dt.datetime.now(dt.UTC)
    ids = client.track(
        events.PageView(page_url=page, page_title="Hellö", referrer="https://google.com/"),
        events.StructuredEvent("shop", "buy", "l", "p", 2.5),
        described("com.acme", "signup", {"plan": "pro", "mail": "a.b@example.com"}),
        described("com.snowplowanalytics.snowplow", "link_click", {"targetUrl": "https://other.example/"}),
        events.PagePing(page_url=page, page_title="Hellö", min_x=0, max_x=1, min_y=0, max_y=100),
        events.ScreenView(id_="b0e3f2a0-0000-4000-8000-000000000001", name="Main"),
    )
    client.flush()
    assert [UUID(eid) for eid in client.sent] == ids
    assert stored("name, path, title, props, interactive") == [
        ("pageview", "/p", "Hellö", {}, True),
        ("buy", "", "", {"category": "shop", "label": "l", "property": "p", "value": "2.5"}, True),
        ("signup", "", "", {"plan": "pro", "mail": "[email]"}, True),
        ("Outbound Link: Click", "", "", {"url": "https://other.example/"}, True),
        ("engagement", "/p", "Hellö", {}, False),
        ("pageview", "/Main", "", {"id": "b0e3f2a0-0000-4000-8000-000000000001", "name": "Main"}, True),
    ]
    assert [event_id for (event_id,) in stored("event.event_id")] == ids
    times = stored("hit.ts, received_at")
    # It cuts its clock to the second when it sends.
    assert all(
        began - dt.timedelta(milliseconds=1) <= ts <= received + dt.timedelta(seconds=1) for ts, received in times
    )
    assert set(stored("browser, screen, event.language, event.cookieless, utm_source")) == {
        ("Firefox", "1920x1080", "et", False, "x")
    }
    assert len(set(stored("event.visitor_id, visit_id"))) == 1
    assert books.balance().holds


@pytest.mark.parametrize("method", ["post", "get"])
def test_it_tries_again_and_every_event_counts_once(pool: str, method: str) -> None:
    with proxy.between(pool, [500, proxy.LOST, 429]) as between:
        client = Tracker(between.address, method)
        ids = client.track(events.StructuredEvent("shop", "buy"))
        client.flush()
        processes.wait_until(lambda: bool(client.sent), "the client has sent everything")
        client.stop()
        assert between.seen == [500, proxy.LOST, 429, 200]
    assert stored("name, event.event_id") == [("buy", ids[0])]
    assert books.balance().holds


def test_it_does_not_try_again_what_will_never_succeed(pool: str) -> None:
    with proxy.between(pool, []) as between:
        client = Tracker(between.address, "post", batch_size=100)
        client.track(events.StructuredEvent("shop", "x" * 200))
        client.flush()
        # Larger than any body may be.
        client.track(*(described("com.acme", "big", {"text": "x" * 30_000}) for _ in range(40)))
        client.flush()
        assert (between.seen, client.sent, len(client.failed)) == ([400, 400], [], 41)
        assert not client.emitter.retry_timer.is_active()
    assert stored("name") == []
