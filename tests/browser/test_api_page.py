"""The page of the APIs: drawn from the pool's own files, and calls can be tried on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from analytics.sites import create
from analytics.sites.models import Site

pytestmark = pytest.mark.browser


def test_people_can_read_it_and_try_a_call(visit: Callable[..., Page], site: Site) -> None:
    elsewhere: list[str] = []
    page = visit("/")
    page.on("request", lambda request: elsewhere.append(request.url))
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto("/api/")
    page.get_by_text("Ask for metrics by dimensions").wait_for()
    assert {url.split("/")[2] for url in elsewhere if not url.startswith("data:")} == {page.url.split("/")[2]}
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(create.api_key(site, ["sites:read"]))
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").click()
    page.get_by_text("The sites that the key sees").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table").get_by_text("example.com").first.wait_for()
    assert problems == []
