"""The page of a site, as it behaves in a browser.

On 2 November 2026 Ann read / and five minutes later /docs, Bob read /; a week before one visitor read /.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

SITE = "/example.com?period=custom&from=2026-11-02&to=2026-11-02"
POLICY = "default-src 'self'"


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=dt.UTC)


HISTORY = [
    {"at": at(26, 10, month=10), "ip": "198.51.100.4", "url": "/"},
    {"at": at(2, 10), "ip": "81.2.69.1", "url": "/"},
    {"at": at(2, 10, 5), "ip": "81.2.69.1", "url": "/docs"},
    {"at": at(2, 11), "ip": "203.0.113.2", "url": "/"},
]


@pytest.fixture(autouse=True)
def history(record: Callable[..., Any]) -> None:
    record(HISTORY)


def visitors(page: Page) -> Any:
    return page.locator("#tile-visitors .figure")


def row(page: Page, card: str, name: str) -> Any:
    return page.locator(f"#{card}").get_by_role("link", name=name, exact=True)


def strict(route: Route) -> None:
    """The answer, under the policy that the pool sends in production."""
    answer = route.fetch(max_redirects=0)
    route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": POLICY})


def test_a_click_filters_escape_clears_and_back_returns(visit: Callable[..., Page]) -> None:
    page = visit(SITE)
    expect(visitors(page)).to_have_text("2")
    row(page, "pages", "/docs").click()
    expect(page.get_by_label("Filters")).to_contain_text("Page is /docs")
    expect(visitors(page)).to_have_text("1")
    assert "f=event:page:is:/docs" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_label("Filters")).to_have_count(0)
    expect(visitors(page)).to_have_text("2")
    assert "f=" not in page.url
    page.go_back()
    expect(page.get_by_label("Filters")).to_contain_text("/docs")
    expect(visitors(page)).to_have_text("1")


def test_an_address_shows_what_its_sender_saw(visit: Callable[..., Page]) -> None:
    page = visit(f"{SITE}&metric=pageviews&pages=entry&f=visit:entry_page:is:/")
    expect(page.locator("#tile-pageviews")).to_have_attribute("aria-current", "true")
    expect(page.locator("#tab-pages-entry")).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("Filters")).to_contain_text("Entry page is /")
    expect(page.locator("#tile-pageviews .figure")).to_have_text("3")


def test_keys_choose_the_period_and_the_comparison(visit: Callable[..., Page]) -> None:
    page = visit(SITE)
    expect(visitors(page)).to_have_text("2")
    page.keyboard.press("w")
    expect(page.locator(".period-label")).to_have_text("Last 7 days")
    page.keyboard.press("x")
    page.wait_for_url(re.compile("compare=off"))
    expect(page.locator(".tile .change")).to_have_count(0)
    page.keyboard.press("c")
    expect(page.get_by_label("From")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".period-label")).to_have_text("Last 7 days")


def test_the_chart_is_read_with_pointer_and_arrows(visit: Callable[..., Page]) -> None:
    page = visit(f"{SITE}&metric=pageviews")
    chart = page.locator("[data-chart]")
    width = chart.evaluate("chart => chart.clientWidth")
    chart.hover(position={"x": width * 10 / 23, "y": 100})  # the eleventh of 24 hours
    expect(chart.locator(".tooltip")).to_contain_text("Mon 2 Nov, 10:00\N{EN DASH}11:002")
    expect(chart.locator(".tooltip")).to_contain_text("Mon 26 Oct, 10:00\N{EN DASH}11:001")
    page.mouse.move(5, 5)
    expect(chart.locator(".tooltip")).to_be_hidden()
    chart.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(chart.locator("[aria-live]")).to_contain_text("01:00\N{EN DASH}02:00: 0")


def test_a_newer_choice_cancels_the_older_one(visit: Callable[..., Page]) -> None:
    page = visit(SITE)
    expect(visitors(page)).to_have_text("2")
    late: list[Route] = []
    page.route(re.compile(r"/-/top\?.*docs"), lambda route: late.append(route))
    row(page, "pages", "/docs").click()
    expect(page.get_by_label("Filters")).to_contain_text("/docs")
    expect(page.locator(".part.htmx-request #top-body")).to_have_count(1)
    expect(visitors(page)).to_have_text("2")  # what was there stays, paler
    assert len(late) == 1
    page.keyboard.press("Escape")
    expect(page.locator(".part.htmx-request")).to_have_count(0)
    expect(visitors(page)).to_have_text("2")
    late[0].continue_()
    page.wait_for_timeout(500)
    expect(visitors(page)).to_have_text("2")


def test_a_card_that_fails_says_so_and_can_be_asked_again(visit: Callable[..., Page]) -> None:
    page = visit(SITE)
    expect(visitors(page)).to_have_text("2")
    page.route("**/-/card/pages*", lambda route: route.fulfill(status=503, content_type="text/plain", body="Not now."))
    page.locator("#tab-pages-entry").click()
    note = page.locator("#pages .failed")
    expect(note).to_contain_text("Not now.")
    page.unroute("**/-/card/pages*")
    note.get_by_role("button", name="Try again").click()
    expect(note).to_be_hidden()
    expect(row(page, "pages", "/")).to_be_visible()
    expect(row(page, "pages", "/docs")).to_have_count(0)  # nobody entered there


def test_the_full_table_opens_above_the_page(visit: Callable[..., Page]) -> None:
    page = visit(SITE)
    page.get_by_role("link", name="All top pages").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Pageviews")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("link", name="All top pages").click()
    sheet.get_by_role("link", name="/docs", exact=True).click()
    expect(sheet).to_be_hidden()
    expect(page.get_by_label("Filters")).to_contain_text("/docs")


def test_nothing_leaves_the_page_and_the_policy_is_kept(visit: Callable[..., Page], record: Callable[..., Any]) -> None:
    record([{"at": at(2, 12), "url": 'https://example.com/"><img src=x onerror=document.title=1>'}])
    page = visit("/")
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.route("**/*", strict)
    page.goto(SITE)
    expect(page.locator("#pages")).to_contain_text("<img src=x")
    page.locator("[data-chart]").hover(position={"x": 200, "y": 100})
    expect(page.locator(".tooltip")).to_be_visible()
    origin = page.url.partition("/example.com")[0]
    assert {url for url in asked if not url.startswith(origin)} == set()
    assert told == []
    assert "Recount" in page.title()


def test_loading_moves_nothing(visit: Callable[..., Page]) -> None:
    page = visit("/")
    page.add_init_script(
        "window.moved = 0;"
        "new PerformanceObserver(list => list.getEntries().forEach(entry => window.moved += entry.value))"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.goto(SITE)
    expect(visitors(page)).to_have_text("2")
    expect(page.locator(".skeleton")).to_have_count(0)
    assert page.evaluate("window.moved") < 0.02


def test_a_phone_has_one_column_and_no_sideways_scrolling(visit: Callable[..., Page]) -> None:
    page = visit(SITE, viewport={"width": 390, "height": 844})
    expect(visitors(page)).to_have_text("2")
    lefts = page.evaluate("[...document.querySelectorAll('.card')].map(card => card.getBoundingClientRect().left)")
    assert len(lefts) == 4
    assert len(set(lefts)) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript_everything_can_be_read_and_filtered(visit: Callable[..., Page]) -> None:
    page = visit(SITE, java_script_enabled=False)
    page.wait_for_url(re.compile("whole=1"))
    assert visitors(page).inner_text() == "2"
    row(page, "pages", "/docs").click()
    assert visitors(page).inner_text() == "1"
    assert "Page is" in page.get_by_label("Filters").inner_text()


def test_signing_out_ends_the_session(visit: Callable[..., Page]) -> None:
    page = visit("/")
    expect(page.get_by_role("link", name="example.com")).to_be_visible()
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto(SITE)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
