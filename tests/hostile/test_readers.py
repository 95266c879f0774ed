"""M, N. Who signs in to look at numbers, and what other pages would have them do (catalogue 175 to 197)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from analytics.lake import export, read, search
from analytics.sites import models
from tests.hostile.running import Pool

pytestmark = pytest.mark.flow
SECRET = "a long password"


@pytest.fixture(scope="module")
def ada(pool: Pool) -> Iterator[User]:
    """An owner with a password that is quickly checked."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        user = User.objects.create_superuser("ada", password=SECRET)
        models.Membership.objects.create(organisation=pool.site.organisation, user=user, role="owner")
        yield user


def signs_in(client: Client, address: str = "/login", **given: str) -> str:
    """Where a sign-in leads; '' when it fails."""
    answer = client.post(address, {"username": "ada", "password": SECRET, **given})
    return answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "address",
    ["/login", "/logout", "/example.com/-/settings", "/admin/login/", "/admin/recount/", "/admin/sites/site/add/",
     "/admin/quarantine/"],
    ids=lambda address: f"175-{address}",
)  # fmt: skip
def test_a_form_of_another_page_does_nothing(ada: User, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    if "login" not in address:
        client.force_login(ada)
    answer = client.post(address, {"username": "ada", "password": SECRET}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert ("_auth_user_id" in client.session) is ("login" not in address)


def test_175_a_cookie_is_no_key_to_the_apis(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        answer = client.post("/api/v2/query", '{"site_id":"example.com","metrics":["visits"]}', content_type=kind)
        assert answer.status_code == 401


ELSEWHERE = (
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "\t//evil.example", " //evil.example", "\x00//evil.example", "https:evil.example", "https:///evil.example",
    "https://evil.example", "HTTPS://EVIL.EXAMPLE", "https://testserver@evil.example", "https://testserver.evil.example",
    "http://testserver:80@evil.example", "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
    "%2f%2fevil.example", "/%2f/evil.example", "//evil.example/%2e%2e", "//\uff0eevil.example", "/..//evil.example",
    "[", "http://[", "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=lambda text: f"176-{text[:20]!a}")
def test_a_sign_in_leads_nowhere_else(ada: User, elsewhere: str) -> None:
    client = Client()
    for _ in range(2):  # the second time somebody is signed in already
        place = signs_in(client, f"/login?next={quote(elsewhere)}", next=elsewhere)
        # Browsers drop tabs and line breaks, and take a backslash for a slash.
        seen = "".join(char for char in place if char > " ").replace("\\", "/")
        there = urlsplit(urljoin("http://testserver/login", seen))
        assert (there.scheme, there.netloc) == ("http", "testserver"), place


def test_16_whoever_tries_names_of_hosts_fills_no_log(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    for host in ("evil.example", "a" * 300, "a b<>@"):
        assert Client().get("/login", headers={"host": host}).status_code == 400
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("address", ["/login", "/", "/example.com", "/example.com/-/settings", "/admin/"])
def test_179_no_page_can_be_put_into_a_frame(ada: User, address: str) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get(address).headers["X-Frame-Options"] == "DENY"


def test_187_a_damaged_file_of_the_lake_is_said_and_not_left_out(pool: Pool) -> None:
    pool.send({"name": "x", "url": "/damaged"})
    pool.drain()
    export.export("hits")
    export.export("events")
    now = timezone.now()
    wanted = search.Search(pool.site.pk, now - dt.timedelta(hours=1), now)
    paths = [Path(path) for path in search._files(wanted)[0]]
    assert paths
    whole = paths[0].read_bytes()
    for damaged in (b"", b"PAR1", whole[: len(whole) // 2], whole[:-8] + b"\xff\xff\xff\x7fPAR1", b"\0" * len(whole)):
        paths[0].write_bytes(damaged)
        with pytest.raises(read.LakeAway):
            search.page(wanted, 0)
    paths[0].write_bytes(whole)
    assert search.page(wanted, 0).rows


@pytest.mark.parametrize(
    "page", ["\u00b2", "\u0663", "-1", "9" * 30, "1e3", "x", ""], ids=lambda page: f"page-{page!a}"
)
def test_a_page_that_is_no_number_is_the_first(pool: Pool, ada: User, page: str) -> None:
    client = Client()
    client.force_login(ada)
    span = f"site={pool.site.pk}&start=2026-01-01T00:00&end=2026-01-02T00:00"
    assert client.get(f"/admin/history/?{span}&page={quote(page)}").context["page"] == 0


def test_196_a_session_that_was_begun_by_somebody_else_is_left_behind(ada: User) -> None:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "planted0000000000000000000000000"
    assert signs_in(client)
    signed_in = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert signed_in != "planted0000000000000000000000000"
    client.post("/logout")
    client.cookies[settings.SESSION_COOKIE_NAME] = signed_in
    assert client.get("/").status_code == 302


def test_197_whether_somebody_has_an_account_is_not_said(ada: User) -> None:
    wrong = Client().post("/login", {"username": "ada", "password": "wrong"})
    nobody = Client().post("/login", {"username": "nob", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 200
    assert _said(wrong, "ada") == _said(nobody, "nob")


def _said(answer: Any, name: str) -> str:
    """The page without the name that was typed, and without its token."""
    page = answer.content.decode().replace(name, "")
    return re.sub('name="csrfmiddlewaretoken" value="[^"]*"', "", page)
