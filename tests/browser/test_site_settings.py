"""The settings of a site in a browser, under the policy that the pool sends in production."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from analytics.sites import change, models
from tests.browser.test_site_page import strict

pytestmark = pytest.mark.browser


@pytest.fixture
def owned(visit: Callable[..., Page], site: models.Site) -> Callable[..., Page]:
    """`visit` by an owner of example.com."""

    def open_page(address: str, **options: object) -> Page:
        page = visit(address, **options)
        models.Membership.objects.update(role="owner")
        page.route("**/-/settings", strict)
        page.goto(address)
        return page

    return open_page


def test_an_alias_is_added_and_a_key_made_and_revoked_from_the_sites_page(owned: Callable[..., Page]) -> None:
    page = owned("/example.com")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Service", exact=True).select_option("Matomo: idSite, a number")
    page.get_by_label("Its id").fill("77")
    page.locator("#alias").get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_have_text("Matomo's 77 means this site now.")
    page.get_by_label("Name", exact=True).fill("ci")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"shown this once; .*sk_[0-9a-f]{48}"))
    row = page.locator("#keys tr", has_text="ci")
    row.get_by_text("Revoke", exact=True).click()
    row.get_by_role("button", name="Revoke ci for good").click()
    expect(row).to_contain_text("revoked")
    page.get_by_role("link", name="example.com").click()
    expect(page).to_have_url(re.compile("/example.com$"))


def test_what_came_of_a_form_is_told_where_the_eye_is(owned: Callable[..., Page], site: models.Site) -> None:
    for number in range(20):
        change.add_alias(site, "segment", f"key-{number:02}")
        models.SecretKey.objects.create(site=site, name=f"key {number}", hash=str(number))
    page = owned("/example.com/-/settings", viewport={"width": 390, "height": 844})
    page.get_by_label("Its id").fill("<b>")
    page.locator("#alias").get_by_role("button", name="Add").click()
    expect(page.get_by_text("An id is made of letters")).to_be_in_viewport()
    page.locator("#alias").get_by_role("button", name="Remove key-00").click()
    expect(page.get_by_role("status")).to_be_in_viewport()
    page.get_by_label("Name", exact=True).fill("ci")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("It is shown this once")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone_and_every_field_has_a_name(
    owned: Callable[..., Page], site: models.Site, scheme: str
) -> None:
    change.add_alias(site, "segment", "w" * 120)
    change.add_alias(site, "domain", f"{'long-' * 20}.example")
    page = owned("/example.com/-/settings", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    fields = page.locator("main :is(input:not([type=hidden]), select, textarea)")
    assert fields.count() == 8
    assert all(field.evaluate("field => field.labels.length") == 1 for field in fields.all())
