"""The tracker in a real browser, on pages of one origin, with the ingest pool on another: views, reading, settings."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import time

import pytest

from tests.browser.visitor import Visitor, named

pytestmark = pytest.mark.browser


def test_a_view_arrives_once_and_leaves_nothing_in_the_browser(visitor: Visitor) -> None:
    visitor.page("/start", title="The start")
    tab = visitor.open("/start?utm_source=letter#part", referer="https://news.example/today")
    (view,) = visitor.stored(1)
    assert (view.name, view.host, view.path, view.title) == ("pageview", "localhost", "/start", "The start")
    assert (view.props, view.interactive, view.category) == ({}, True, "")
    assert (view.referrer, view.source) == ("news.example/today", "letter")
    assert view.payload["url"] == f"{visitor.origin}/start?utm_source=letter"
    assert abs(view.ts - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=30)
    assert view.payload["screen"] == tab.evaluate("`${screen.width}x${screen.height}`")
    (post,) = visitor.posts
    assert set(post.post_data_json or ()) == {"site", "sent_at", "events"}
    assert post.headers["content-type"].startswith("text/plain")  # a browser asks nobody before it sends text
    assert tab.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert visitor.context.cookies() == []
    assert visitor.errors == []


def test_a_page_of_a_site_without_tls_is_counted(visitor: Visitor) -> None:
    visitor.page("/")
    tab = visitor.context.new_page()
    tab.goto(f"http://example.com:{visitor.pages.port}/")
    assert tab.evaluate("isSecureContext") is False
    (view,) = visitor.stored(1)
    assert (view.host, view.path) == ("example.com", "/")
    assert view.event_id is not None


def test_a_single_page_app_is_followed(visitor: Visitor) -> None:
    visitor.page("/a", title="A")
    tab = visitor.open("/a?x=1", referer="https://news.example/")
    visitor.do(tab, "history.pushState({}, '', '/b'); setTimeout(() => document.title = 'B', 20)")
    visitor.do(tab, "history.replaceState({}, '', '/b?page=2')")  # the same page
    visitor.do(tab, "location.hash = 'part'")  # the same page
    visitor.do(tab, "history.pushState({}, '', '/b?page=3')")
    visitor.do(tab, "history.replaceState({}, '', '/c'); document.title = 'C'")
    visitor.do(tab, "history.back()")
    views = named(visitor.stored(9), "pageview")
    origin = visitor.origin
    assert [(view.path, view.title) for view in views] == [
        ("/a", "A"), ("/b", "B"), ("/b", "B"), ("/c", "C"), ("/b", "C"),
    ]  # fmt: skip
    assert [view.came_from for view in views] == [
        "https://news.example/", f"{origin}/a?x=1", f"{origin}/b?page=2", f"{origin}/b?page=3", f"{origin}/c",
    ]  # fmt: skip
    assert {view.source for view in views} == {"news.example"}
    assert len({view.visit_id for view in views}) == 1


def test_a_site_that_routes_by_the_hash(visitor: Visitor) -> None:
    visitor.page("/", tag="data-hash")
    tab = visitor.open("/#/one")
    visitor.do(tab, "location.hash = '#/two?tab=1'")
    visitor.do(tab, "history.pushState({}, '', '#/three')")
    views = named(visitor.stored(5), "pageview")
    assert [view.path for view in views] == ["/#/one", "/#/two?tab=1", "/#/three"]


def test_what_was_read_belongs_to_the_page_that_was_left(visitor: Visitor) -> None:
    visitor.page("/long", "<p style='height: 3000px'>", title="Long")
    tab = visitor.open("/long")
    visitor.do(tab, "scrollTo(0, 500)")
    far = tab.evaluate("Math.trunc((scrollY + innerHeight) / document.documentElement.scrollHeight * 100)")
    tab.wait_for_timeout(800)
    visitor.do(tab, "history.pushState({}, '', '/next'); document.title = 'Next'")
    first, read, second = visitor.stored(3)
    assert [first.name, read.name, second.name] == ["pageview", "engagement", "pageview"]
    assert (read.path, read.title, read.interactive, read.scroll_percent) == ("/long", "Long", False, far)
    assert 1000 < read.engagement_ms < 10_000
    assert (second.path, second.title) == ("/next", "Next")
    assert len(visitor.posts) == 2  # what happens in one moment goes in one request


def test_time_counts_while_the_page_has_the_focus(visitor: Visitor) -> None:
    visitor.page("/")
    tab = visitor.open("/")
    # Playwright lets every page believe that it has the focus.
    visitor.context.new_cdp_session(tab).send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    tab.wait_for_timeout(1000)
    other = visitor.context.new_page()
    other.bring_to_front()
    assert tab.evaluate("document.hasFocus()") is False
    away_since = time.monotonic()
    other.wait_for_timeout(3000)
    tab.bring_to_front()
    away = time.monotonic() - away_since
    tab.wait_for_timeout(500)
    open_for = tab.evaluate("performance.now()") / 1000
    visitor.leave(tab)
    (read,) = named(visitor.stored(3), "engagement")
    assert 1.4 < read.engagement_ms / 1000 < open_for - away + 0.7


def test_depth_is_measured_on_the_page_as_it_is_in_the_end(visitor: Visitor) -> None:
    visitor.page("/")
    tab = visitor.open("/")  # all of it is seen: it is empty
    tab.evaluate("document.body.append(Object.assign(document.createElement('div'), {style: 'height: 6000px'}))")
    visible = tab.evaluate("Math.trunc(innerHeight / document.documentElement.scrollHeight * 100)")
    visitor.leave(tab)
    (read,) = named(visitor.stored(3), "engagement")
    assert read.scroll_percent == visible < 20


def test_pages_that_are_excluded_send_nothing(visitor: Visitor) -> None:
    for path in ("/admin/users", "/login", "/login/help", "/a+b.c"):
        visitor.page(path, tag='data-exclude="/admin/*, /login, /a+b.*"')
        tab = visitor.open(path)
        visitor.do(tab, "recount('Event')")
        visitor.do(tab, "history.pushState({}, '', '/admin/more')")
        visitor.leave(tab)
    events = visitor.stored(4)
    assert {event.path for event in events} == {"/login/help"}
    assert {event.name for event in events} == {"pageview", "Event", "engagement", "web_vitals"}


def test_a_page_that_tells_its_views_itself(visitor: Visitor) -> None:
    visitor.page("/", tag="data-manual")
    tab = visitor.open("/")
    visitor.do(tab, "history.pushState({}, '', '/moved')")
    assert visitor.posts == []
    visitor.do(tab, "recount('pageview', {url: '/virtual?x=1', title: 'Chosen', props: {kind: 'article'}})")
    tab.wait_for_timeout(1000)
    visitor.do(tab, "recount('pageview')")
    first, read, second = visitor.stored(3)
    assert (first.name, first.path, first.title, first.props) == (
        "pageview", "/virtual", "Chosen", {"kind": "article"},
    )  # fmt: skip
    assert (read.name, read.path) == ("engagement", "/virtual")
    assert (second.name, second.path, second.came_from) == ("pageview", "/moved", "/virtual?x=1")


def test_who_opts_out_is_not_counted_until_opting_in(visitor: Visitor) -> None:
    visitor.page("/")
    tab = visitor.open("/")
    visitor.do(tab, "recount('Not sent'); recount.optOut(); recount('Event')")
    visitor.go(tab, "/")
    visitor.leave(tab)
    visitor.go(tab, "/")
    assert tab.evaluate("({...localStorage})") == {"recount_ignore": "true"}
    assert [event.name for event in visitor.stored(1)] == ["pageview"]
    visitor.do(tab, "recount.optIn(); recount('Event')")
    assert [event.name for event in visitor.stored(2)] == ["pageview", "Event"]
    assert tab.evaluate("localStorage.length") == 0


def test_two_tags_count_once(visitor: Visitor) -> None:
    visitor.page("/", head=visitor.tag() * 2)
    visitor.open("/")
    visitor.stored(1)


def test_the_script_runs_under_a_strict_policy_and_by_its_hash(visitor: Visitor) -> None:
    script = visitor.context.request.get(f"{visitor.pool}/js/recount.js")
    content_hash = script.headers["etag"].strip('W/"')
    integrity = base64.b64encode(hashlib.sha384(script.body()).digest()).decode()
    visitor.pages.headers["Content-Security-Policy"] = f"default-src 'none'; script-src {visitor.pool}; " + (
        f"connect-src {visitor.pool}; style-src 'unsafe-inline'; img-src data:"
    )
    pinned = f'crossorigin integrity="sha384-{integrity}"'
    visitor.page("/", head=visitor.tag(pinned, script=f"recount.{content_hash}.js"))
    loaded = []
    visitor.context.on("response", lambda response: loaded.append(response) if ".js" in response.url else None)
    tab = visitor.open("/")
    visitor.leave(tab)
    visitor.stored(3)
    assert visitor.errors == []
    (answer,) = loaded
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
