"""A real browser on a real server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from analytics.sites import models
from tests import builders, conftest, processes
from tests.browser import pages
from tests.browser.chromium import FLAGS
from tests.browser.chromium import program as chromium_program
from tests.browser.visitor import Visitor

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = chromium_program()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, in which the fixtures use the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, site: models.Site, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`visit("/address")`: a page opened by a viewer of example.com who has signed in; options are the context's."""
    user = User.objects.create_user("maria", password=PASSWORD)
    models.Membership.objects.create(organisation=site.organisation, user=user)
    opened: list[BrowserContext] = []

    def open_page(address: str, **options: Any) -> Page:
        context = chromium.new_context(base_url=live_server.url, reduced_motion="reduce", **options)
        context.set_default_timeout(15_000)
        opened.append(context)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("Name").fill("maria")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r":\d+/(\?|$)"))
        page.goto(address)
        return page

    yield open_page
    for context in opened:
        context.close()


@pytest.fixture(scope="package")
def pool(django_db_setup: None) -> Iterator[str]:
    """The address of an ingest pool, one for the folder: each test empties the stores beneath it, and its site has the
    same id. One worker, for two would know different salts of visitors' ids once the stores have forgotten theirs."""
    with processes.pool("ingest", conftest.environment_now(), INGEST_WORKERS="1") as address:
        yield address


@pytest.fixture
def visitor(chromium: Browser, pool: str, site: models.Site) -> Iterator[Visitor]:
    """A person with an ordinary browser, and the pages there are to look at."""
    with pages.served() as served:
        context = chromium.new_context(user_agent=builders.USER_AGENT, locale="en-GB")
        context.set_default_timeout(15_000)
        yield Visitor(context, served, pool)
        # What pages tell as they are closed would ask the pool for a site that is gone, and it would remember that.
        context.set_offline(True)
        context.close()
