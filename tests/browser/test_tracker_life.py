"""What a browser does with a page: loads it ahead, hides it, keeps it for later, measures it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests import builders
from tests.browser import bundles, chromium
from tests.browser.visitor import Visitor, named

pytestmark = pytest.mark.browser

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""
"""Playwright shows every page at all times."""
COUNT_REQUESTS = """<script>
const original = fetch; let requests = 0;
window.fetch = (...given) => (requests++, original(...given));
</script>"""


def test_a_hidden_page_tells_what_was_read_and_goes_on_when_it_is_seen_again(visitor: Visitor) -> None:
    visitor.page("/", head=COUNT_REQUESTS + visitor.tag())
    tab = visitor.open("/")
    tab.wait_for_timeout(1000)
    assert tab.evaluate(f"({HIDE})(true), requests") == 2  # at once: a browser may end what is hidden
    tab.wait_for_timeout(2000)
    tab.evaluate(HIDE, False)
    tab.wait_for_timeout(1200)
    tab.evaluate(HIDE, True)
    visitor.leave(tab)
    events = visitor.stored(4)
    assert len(named(events, "web_vitals")) == 1
    before, after = named(events, "engagement")
    assert before.engagement_ms > 1000
    assert 1200 <= after.engagement_ms < 3000


def test_a_page_opened_in_the_background_counts_when_it_is_seen(visitor: Visitor) -> None:
    visitor.page("/", head=f"<script>({HIDE})(true)</script>{visitor.tag()}")
    tab = visitor.open("/")
    visitor.do(tab, "recount('Early')")
    assert visitor.posts == []
    tab.evaluate(HIDE, False)
    visitor.leave(tab)
    # How fast it was nobody saw.
    assert [event.name for event in visitor.stored(3)] == ["pageview", "Early", "engagement"]


@contextlib.contextmanager
def left_alone(address: str, profile: Path) -> Iterator[None]:
    """A browser at an address, without a debugger, which would keep it from prerendering."""
    command = [str(chromium.program()), "--headless=new", f"--user-data-dir={profile}", *chromium.FLAGS]
    process = subprocess.Popen(
        [*command, f"--user-agent={builders.USER_AGENT}", address], start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_prerendered_page_counts_when_it_is_shown(visitor: Visitor, tmp_path: Path) -> None:
    ahead = '<script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'
    visitor.page("/first", head=f"{ahead}<script>setTimeout(() => location.href = '/next', 4000)</script>")
    early = """<script>
        document.title = `prerendering ${document.prerendering}`;
        recount('Early');
        document.addEventListener('prerenderingchange', () => setTimeout(() => location.href = '/gone', 1000));
    </script>"""
    stub = "<script>window.recount = (...call) => (recount.q = recount.q || []).push(call)</script>"
    visitor.page("/next", early, head=stub + visitor.tag())
    with left_alone(f"{visitor.origin}/first", tmp_path / "profile"):
        events = visitor.stored(4)
    assert sorted(event.name for event in events) == ["Early", "engagement", "pageview", "web_vitals"]
    (view,), (read,), (vitals,) = (named(events, name) for name in ("pageview", "engagement", "web_vitals"))
    assert view.title == "prerendering true"
    assert (view.path, view.came_from) == ("/next", f"{visitor.origin}/first")
    # It was there before it was asked for, and read for a second of the four.
    assert vitals.props["ttfb"] == "0"
    assert read.engagement_ms < 4000


@pytest.fixture
def caching(visitor: Visitor) -> Iterator[Visitor]:
    """The same, with the back/forward cache that Playwright turns off."""
    assert visitor.context.browser
    browser = visitor.context.browser.browser_type.launch(
        executable_path=chromium.program(), args=chromium.FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    context = browser.new_context(user_agent=builders.USER_AGENT)
    yield Visitor(context, visitor.pages, visitor.pool)
    context.set_offline(True)
    browser.close()


def test_a_page_that_comes_back_from_the_cache_is_another_view(caching: Visitor) -> None:
    caching.page("/one", "<script>window.since = performance.timeOrigin</script>", title="One")
    caching.page("/two", title="Two")
    tab = caching.open("/one")
    began = tab.evaluate("performance.timeOrigin")
    tab.wait_for_timeout(1000)
    caching.go(tab, "/two")
    tab.wait_for_timeout(2000)
    caching.do(tab, "setTimeout(() => history.back(), 10)")
    assert tab.evaluate("[location.pathname, performance.timeOrigin]") == ["/one", began]  # it was not loaded again
    caching.leave(tab)
    events = caching.stored(8)
    assert [view.title for view in named(events, "pageview")] == ["One", "Two", "One"]
    assert [vitals.path for vitals in named(events, "web_vitals")] == ["/one", "/two"]
    first, _, last = named(events, "engagement")
    assert first.engagement_ms > 1000
    assert last.engagement_ms < 2000  # without the time it was away


SLOW = """
<h1>A heading</h1><p>and a text</p>
<button>Slow</button>
<script src="/vitals.js"></script>
<script>
let slow = 300;
document.querySelector("button").onclick = () => {
    const since = Date.now(); while (Date.now() - since < slow); slow -= 100;
    banner(400);  // what follows a click is no surprise
};
const banner = height => {
    document.body.prepend(Object.assign(document.createElement("div"), {style: `height: ${height}px`}));
};
setTimeout(banner, 300, 200);
setTimeout(banner, 600, 100);
setTimeout(banner, 2200, 30);
</script>"""


def test_web_vitals_are_what_googles_library_measures(visitor: Visitor) -> None:
    visitor.pages.documents["/vitals.js"] = bundles.bundle("vitals")
    visitor.page("/slow", SLOW)
    visitor.page("/then", head="<!-- no tracker -->")
    tab = visitor.open("/slow")
    tab.wait_for_timeout(2500)
    tab.click("button")
    tab.click("button")
    for _ in range(50):  # so many that the slowest one is left out
        tab.keyboard.press("a")
    visitor.do(tab, "history.pushState({}, '', '/elsewhere')")
    tab.wait_for_timeout(500)
    visitor.go(tab, "/then")
    (vitals,) = named(visitor.stored(5), "web_vitals")
    measured = msgspec.json.decode(tab.evaluate("sessionStorage.measured"))
    assert vitals.path == "/slow"
    assert vitals.interactive is False
    assert set(vitals.props) == set(measured) == {"lcp", "inp", "cls", "fcp", "ttfb"}
    for name in ("lcp", "inp", "fcp", "ttfb"):
        assert abs(float(vitals.props[name]) - measured[name]) <= 0.5, name
    assert abs(float(vitals.props["cls"]) - measured["cls"]) < 0.0001
    assert 200 <= measured["inp"] < 300
    assert measured["cls"] > 0.05
