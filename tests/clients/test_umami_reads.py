"""umami-analytics, Umami's Python client from PyPI, reads numbers from a running dashboard pool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.sites.models import Membership, Site
from tests import builders, processes

pytestmark = pytest.mark.flow

umami = pytest.importorskip("umami")


@pytest.fixture
def dashboard(environment: dict[str, str]) -> Iterator[str]:
    with processes.pool("dashboard", environment) as address:
        yield address


@pytest.fixture
def client(dashboard: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    return signed_in(dashboard, site, monkeypatch)


def signed_in(address: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client, signed in as a member of the site's organisation."""
    user = User.objects.create_user("ada", password="correct horse")
    Membership.objects.create(organisation=site.organisation, user=user)
    monkeypatch.setattr("umami.impl.auth_token", None)
    umami.set_url_base(address)
    umami.set_website_id(str(site.uuid))
    assert umami.login("ada", "correct horse").user.username == "ada"
    return umami


def test_it_signs_in_lists_websites_and_reads_totals_and_who_is_here(
    client: Any, site: Site, record: Callable[..., Any]
) -> None:
    now = dt.datetime.now(dt.UTC)
    pages = [("/", "81.2.69.1", 2), ("/pricing", "81.2.69.1", 1), ("/", "81.2.70.1", 1), ("/", "81.2.71.1", 40)]
    record(
        [
            {"url": f"https://example.com{path}", "ip": ip, "at": now - dt.timedelta(minutes=ago)}
            for path, ip, ago in pages
        ],
        now=now,
    )
    assert client.verify_token()
    assert client.heartbeat()
    assert [website.domain for website in client.websites()] == ["example.com"]
    assert client.active_users() == 2
    stats = client.website_stats(now - dt.timedelta(hours=1), now + dt.timedelta(minutes=1))
    assert (stats.pageviews, stats.visitors, stats.visits, stats.bounces, stats.totaltime) == (4, 3, 3, 2, 60)
    assert stats.comparison.visits == 0
    home = client.website_stats(now - dt.timedelta(hours=1), now, url="/")
    assert (home.pageviews, home.visitors) == (3, 3)


def test_one_address_takes_its_events_and_answers_its_questions(
    dashboard: str, site: Site, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As deploy/haproxy/dashboard.cfg routes them."""
    if not processes.has_balancer():
        pytest.skip("haproxy is not installed")
    with (
        processes.pool("ingest", environment) as ingest,
        processes.balancer("dashboard", {"dashboard": (dashboard,), "ingest": (ingest,)}, tmp_path) as host,
    ):
        made = signed_in(host, site, monkeypatch)
        made.set_hostname("example.com")
        made.new_page_view("Pricing", "/pricing")
        made.new_event("Signup", url="/pricing")
        builders.drain()
        now = dt.datetime.now(dt.UTC)
        stats = made.website_stats(now - dt.timedelta(hours=1), now + dt.timedelta(minutes=1), url="/pricing")
        assert (stats.pageviews, stats.visits, stats.bounces) == (1, 1, 0)
        assert made.active_users() == 1


def test_a_wrong_password_and_a_stale_token_raise_an_error(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="401"):
        client.login("ada", "guess")
    monkeypatch.setattr("umami.impl.auth_token", "stale")
    assert not client.verify_token()
    with pytest.raises(Exception, match="401"):
        client.websites()
