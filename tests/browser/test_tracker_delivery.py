"""What the tracker sends arrives, once, whatever happens on the way; and little is kept for it."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page

from analytics.pipeline import books
from tests.browser.visitor import Visitor, named
from tests.clients import proxy

pytestmark = pytest.mark.browser


def wait_for(tab: Page, condition: str) -> None:
    tab.wait_for_function(condition, timeout=20_000)


NOTHING_KEPT = "() => localStorage.length == 0"
NOTE_PAUSES = """<script>
const original = setTimeout, pauses = [];
window.setTimeout = (act, milliseconds) => (pauses.push(milliseconds), original(act, milliseconds));
</script>"""
ASKS_FOR_PATIENCE = {"Access_Control_Allow_Origin": "*", "Access_Control_Expose_Headers": "Retry-After"}


def through(between: proxy.Proxy) -> str:
    """An attribute of the tag: the events go to a proxy."""
    return f'data-api="{between.address}/v1/events"'


def test_what_failed_is_sent_again_after_a_while(visitor: Visitor) -> None:
    with proxy.between(visitor.pool, [503], Retry_After="1", **ASKS_FOR_PATIENCE) as between:
        visitor.page("/", head=NOTE_PAUSES + visitor.tag(through(between)))
        tab = visitor.context.new_page()
        tab.goto(f"{visitor.origin}/")
        wait_for(tab, "() => localStorage.length == 1")
        assert [event["name"] for event in visitor.kept(tab)] == ["pageview"]
        wait_for(tab, NOTHING_KEPT)
    visitor.stored(1)
    assert between.seen == [503, 202]
    assert 2000 + 1000 <= tab.evaluate("pauses.at(-1)") < 3000 + 1000


def test_a_pool_that_is_away_for_long_is_asked_every_hour(visitor: Visitor) -> None:
    # A browser's timer that is set to more than 24 days runs out at once.
    with proxy.between(visitor.pool, [429], Retry_After=str(30 * 86400), **ASKS_FOR_PATIENCE) as between:
        visitor.page("/", head=NOTE_PAUSES + visitor.tag(through(between)))
        tab = visitor.open("/")
    assert between.seen == [429]
    assert tab.evaluate("pauses.at(-1)") == 3_600_000


def test_what_failed_is_sent_with_the_next_event_and_counts_once(visitor: Visitor) -> None:
    faults = [503, proxy.LOST, 500, 429]
    with proxy.between(visitor.pool, faults, Access_Control_Allow_Origin="*") as between:
        visitor.page("/", tag=through(between))
        tab = visitor.open("/")
        for n in range(4):
            visitor.do(tab, f"recount('Event', {{props: {{n: {n}}}}})")
        wait_for(tab, NOTHING_KEPT)
    events = visitor.stored(5)
    assert [(event.name, event.props) for event in events] == [
        ("pageview", {}),
        *(("Event", {"n": str(n)}) for n in range(4)),
    ]
    assert [fault for fault in between.seen if fault != 202] == faults
    assert books.balance().holds


def test_what_was_refused_is_not_sent_again(visitor: Visitor) -> None:
    faults = [400, 403, 413]
    with proxy.between(visitor.pool, faults, Access_Control_Allow_Origin="*") as between:
        visitor.page("/", tag=through(between))
        tab = visitor.open("/")
        for name in ("Second", "Third", "Fourth"):
            visitor.do(tab, f"recount('{name}')")
            assert tab.evaluate("localStorage.length") == 0
    assert [event.name for event in visitor.stored(1)] == ["Fourth"]
    assert between.seen == [*faults, 202]


def test_what_happened_while_the_pool_was_away_is_told_on_the_next_page(visitor: Visitor) -> None:
    with proxy.between(visitor.pool, []) as gone:
        pass  # Nothing listens there now.
    visitor.page("/first", tag=f'data-api="{gone.address}/v1/events"')
    visitor.page("/second")
    tab = visitor.open("/first")
    happened_at = dt.datetime.now(dt.UTC)
    wait_for(tab, "() => localStorage.length == 1")
    tab.wait_for_timeout(2000)
    assert visitor.stored(0) == []
    visitor.go(tab, "/second")
    first, second = named(visitor.stored(2), "pageview")
    assert (first.path, second.path) == ("/first", "/second")
    assert abs(first.ts - happened_at) < dt.timedelta(seconds=2)
    wait_for(tab, NOTHING_KEPT)


def test_a_visitor_who_is_offline_is_counted_when_online_again(visitor: Visitor) -> None:
    visitor.page("/")
    tab = visitor.open("/")
    visitor.context.set_offline(True)
    for n in range(3):
        visitor.do(tab, f"recount('Offline', {{props: {{n: {n}}}}})")
    assert [event["props"]["n"] for event in visitor.kept(tab)] == [0, 1, 2]
    visitor.context.set_offline(False)
    wait_for(tab, NOTHING_KEPT)
    assert [event.props for event in named(visitor.stored(4), "Offline")] == [{"n": "0"}, {"n": "1"}, {"n": "2"}]


NOTE_BEACONS = """(() => {
    const original = navigator.sendBeacon.bind(navigator);
    navigator.sendBeacon = (...given) => {
        const names = JSON.parse(given[1]).events.map(event => event.name);
        sessionStorage.beacons = (sessionStorage.beacons || "") + names + ";";
        return original(...given);
    };
})()"""


def test_what_is_told_on_leaving_goes_in_one_beacon(visitor: Visitor) -> None:
    visitor.page("/")
    visitor.page("/then", head="<!-- no tracker -->")
    tab = visitor.open("/")
    tab.evaluate(NOTE_BEACONS)
    tab.evaluate("recount('Last'); location.href = '/then'")
    tab.wait_for_url("**/then")
    assert [event.name for event in visitor.stored(4)] == ["pageview", "Last", "engagement", "web_vitals"]
    assert tab.evaluate("sessionStorage.beacons") == "Last,engagement,web_vitals;"


@pytest.mark.parametrize(
    ("hindrance", "told"),
    [
        ("Object.defineProperty(navigator, 'onLine', {value: false})", []),
        ("delete Navigator.prototype.sendBeacon", []),
        # A beacon takes 64 KiB.
        ("for (let n = 0; n < 8; n++) recount('Much', {props: {text: 'x'.repeat(10_000)}})", ["Much"] * 8),
    ],
    ids=["offline", "no beacon", "too much"],
)
def test_what_a_page_could_not_tell_when_it_was_left_is_told_by_the_next(
    visitor: Visitor, hindrance: str, told: list[str]
) -> None:
    visitor.page("/")
    tab = visitor.open("/")
    tab.evaluate(hindrance + "; location.href = 'about:blank'")
    tab.wait_for_url("about:blank")
    visitor.go(tab, "/")
    names = [event.name for event in visitor.stored(4 + len(told))]
    assert names == ["pageview", *told, "engagement", "web_vitals", "pageview"]
    assert tab.evaluate("localStorage.length") == 0


def test_tabs_share_what_could_not_be_sent(visitor: Visitor) -> None:
    visitor.page("/")
    tabs = [visitor.open("/") for _ in range(2)]
    visitor.context.set_offline(True)
    for n, tab in enumerate(tabs):
        visitor.do(tab, f"recount('Offline', {{props: {{n: {n}}}}})")
    assert [event["props"]["n"] for event in visitor.kept(tabs[0])] == [0, 1]
    visitor.context.set_offline(False)  # Both tabs send both.
    wait_for(tabs[0], NOTHING_KEPT)
    assert sorted(event.props["n"] for event in named(visitor.stored(4), "Offline")) == ["0", "1"]
    assert books.balance().holds


def test_few_events_are_kept_and_not_for_long(visitor: Visitor) -> None:
    old = "{name: 'Old', url: '/', event_id: 'old', timestamp: Date.now() - 73 * 36e5}"
    older = "{name: 'Fresh', url: '/', event_id: 'fresh', timestamp: Date.now() - 71 * 36e5}"
    kept = f"<script>localStorage['recount:example.com'] = JSON.stringify([{old}, {older}])</script>"
    visitor.page("/", head=kept + visitor.tag())
    tab = visitor.open("/")
    assert [event.name for event in visitor.stored(2)] == ["Fresh", "pageview"]
    visitor.context.set_offline(True)
    visitor.do(tab, "for (let n = 0; n < 30; n++) recount('Row', {props: {n}})")
    assert [event["props"]["n"] for event in visitor.kept(tab)] == list(range(10, 30))
    visitor.context.set_offline(False)
    wait_for(tab, NOTHING_KEPT)
    assert len(named(visitor.stored(22), "Row")) == 20


NOTE_KEEPALIVE = """<script>
const original = fetch, outlive = [];
window.fetch = (address, options) => (outlive.push(options.keepalive), original(address, options));
</script>"""


def test_more_events_than_a_request_takes_go_in_several(visitor: Visitor) -> None:
    visitor.page("/", head=NOTE_KEEPALIVE + visitor.tag())
    tab = visitor.open("/")
    visitor.do(tab, "for (let n = 0; n < 700; n++) recount('Row', {interactive: false})")
    assert len(visitor.stored(701)) == 701
    # Requests outlive their page, but for those that together are larger than browsers let them be.
    assert tab.evaluate("outlive") == [True] + [False] * 7


def test_junk_in_the_storage_does_no_harm(visitor: Visitor) -> None:
    for number, junk in enumerate(["nonsense", "{}", "null", "[]"], 1):
        visitor.page("/", head=f"<script>localStorage['recount:example.com'] = '{junk}'</script>{visitor.tag()}")
        tab = visitor.open("/")
        visitor.stored(number)
        assert tab.evaluate("localStorage.length") == 0


def test_storage_that_is_forbidden_does_no_harm(visitor: Visitor) -> None:
    visitor.page("/framed")
    visitor.page("/", f"<iframe sandbox='allow-scripts' src='{visitor.origin}/framed'></iframe>", head="<!-- none -->")
    visitor.open("/")
    (view,) = visitor.stored(1)
    assert view.path == "/framed"
    assert visitor.errors == []
