"""Trackers of others in a real browser, as npm has them: on pages of one origin, the pool on another."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from analytics.pipeline import books
from analytics.sites import change, models
from tests.browser import bundles
from tests.browser.visitor import Visitor, named
from tests.clients import proxy

pytestmark = pytest.mark.browser


def test_plausibles_tracker(visitor: Visitor) -> None:
    visitor.pages.documents["/plausible.js"] = bundles.bundle("plausible")
    head = f"<script>window.pool = '{visitor.pool}'</script><script defer src='/plausible.js'></script>"
    body = """
        <a id="out" href="http://elsewhere.test/page">out</a> <a id="file" href="/f.pdf?v=1">file</a>
        <a id="tagged" class="plausible-event-name=Sign+up plausible-event-plan=pro">x</a>
        <form><button>x</button></form>
        <script>
        document.addEventListener("submit", event => event.preventDefault());
        document.addEventListener("click", event => event.target.closest("a") && event.preventDefault());
        </script>"""
    visitor.page("/start", body, title="Start", head=head)
    tab = visitor.open("/start?utm_source=nl&utm_medium=email", referer="https://news.example/")
    visitor.do(tab, "track('Purchase', {props: {sku: 'a', qty: 2}, revenue: {amount: 15.99, currency: 'USD'}})")
    visitor.do(tab, "track('auto', {interactive: false})")
    for selector in ("#out", "#file", "#tagged", "form button"):
        tab.click(selector)
        tab.wait_for_timeout(300)
    visitor.do(tab, "history.pushState({}, '', '/next')")
    # Each is a request of its own, and which of two comes first is chance.
    events = {(event.name, event.path): event for event in visitor.stored(9)}
    author = {"author": "Jüri"}
    assert {key: (event.props, event.revenue, event.interactive) for key, event in events.items()} == {
        ("pageview", "/start"): (author, None, True),
        ("Purchase", "/start"): (author | {"sku": "a", "qty": "2"}, Decimal("15.9900"), True),
        ("auto", "/start"): (author, None, False),
        ("Outbound Link: Click", "/start"): (author | {"url": "http://elsewhere.test/page"}, None, True),
        ("File Download", "/start"): (author | {"url": f"{visitor.origin}/f.pdf"}, None, True),
        ("Sign up", "/start"): (author | {"plan": "pro"}, None, True),
        ("Form: Submission", "/start"): (author, None, True),
        ("engagement", "/start"): (author, None, False),
        ("pageview", "/next"): (author, None, True),
    }
    assert {(event.referrer, event.source, event.category) for event in events.values()} == {("news.example", "nl", "")}
    assert events["engagement", "/start"].engagement_ms > 1000
    assert visitor.errors == []
    assert books.balance().holds


SEGMENT_CALLS = (
    "page('Docs', 'Home', {x: 1})",
    "identify('u-42', {plan: 'pro'})",
    "track('Clicked', {button: 'red', n: 2})",
    "track('Order Completed', {order_id: 'o-1', revenue: 12.5, currency: 'EUR'})",
    "group('g1', {name: 'Acme'})",
)


def segment(visitor: Visitor, site: models.Site, pool: str) -> list[str]:
    """A page calls Segment's tracker; the ids of its messages."""
    visitor.pages.documents["/segment.js"] = bundles.bundle("segment")
    given = f"window.pool = '{pool}'; window.writeKey = '{site.public_key}'"
    visitor.page("/start", title="Tést", head=f"<script>{given}</script><script defer src='/segment.js'></script>")
    tab = visitor.open("/start?utm_source=nl&utm_medium=email", referer="https://news.example/")
    return [visitor.do(tab, f"analytics.{call}.then(context => context.event.messageId)") for call in SEGMENT_CALLS]


def test_segments_tracker(visitor: Visitor, site: models.Site) -> None:
    ids = segment(visitor, site, visitor.pool)
    events = visitor.stored(5)
    assert [(event.name, event.props, event.revenue, event.interactive) for event in events] == [
        ("pageview", {"name": "Home", "category": "Docs", "x": "1"}, None, True),
        ("identify", {"plan": "pro"}, None, False),
        ("Clicked", {"button": "red", "n": "2"}, None, True),
        ("purchase", {"order_id": "o-1"}, Decimal("12.5000"), True),
        ("group", {"group_id": "g1", "name": "Acme"}, None, False),
    ]
    assert {(event.path, event.title, event.source) for event in events} == {("/start", "Tést", "nl")}
    assert len({event.visit_id for event in events}) == 1
    assert [event.payload["messageId"] for event in events] == ids
    assert len({event.event_id for event in events} - {None}) == 5
    assert visitor.errors == []
    assert books.balance().holds


def test_segments_tracker_tries_again(visitor: Visitor, site: models.Site) -> None:
    faults = [500, proxy.LOST, 429]
    with proxy.between(visitor.pool, faults, Access_Control_Allow_Origin=visitor.origin) as between:
        ids = segment(visitor, site, between.address)
        events = visitor.stored(5)
        assert sorted(event.payload["messageId"] for event in events) == sorted(ids)
    assert Counter(fault for fault in between.seen if fault in faults) == Counter(faults)
    assert books.balance().holds


@pytest.mark.parametrize(
    ("script", "protocol", "identifier", "own_event", "props"),
    [
        ("snowplow", "snowplow", "shop", "add", {"category": "cart", "label": "sku-1", "value": "2"}),
        ("posthog", "posthog", "phc_test", "Signup", {"plan": "pro"}),
        ("ga4", "ga4", "G-TEST", "sign_up", {"method": "mail"}),
    ],
)
def test_other_trackers_tell_a_view_and_an_event(
    visitor: Visitor,
    site: models.Site,
    script: str,
    protocol: str,
    identifier: str,
    own_event: str,
    props: dict[str, str],
) -> None:
    change.add_alias(site, protocol, identifier, trusted=False)
    visitor.pages.documents["/tracker.js"] = bundles.bundle(script)
    head = f"<script>window.pool = '{visitor.pool}'</script><script defer src='/tracker.js'></script>"
    visitor.page("/start", title="Tést", head=head)
    visitor.open("/start?utm_source=nl", referer="https://news.example/")
    events = visitor.stored(2)
    (view,), (own,) = named(events, "pageview"), named(events, own_event)
    assert (view.name, view.path, view.title, view.referrer, view.source) == (
        "pageview", "/start", "Tést", "news.example", "nl",
    )  # fmt: skip
    assert (own.path, own.props, own.visit_id) == ("/start", props, view.visit_id)
    assert None not in {view.event_id, own.event_id} or script == "ga4"
    assert visitor.errors == []
    assert books.balance().holds
