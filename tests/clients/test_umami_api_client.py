"""@umami/api-client, Umami's client from npm, whose methods are made from Umami's own contract."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.sites import create
from analytics.sites.models import Membership, Site
from tests import builders, processes
from tests.browser import bundles

pytestmark = pytest.mark.flow

DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    made = tmp_path_factory.mktemp("umami") / "umami.mjs"
    made.write_text(bundles.bundle("umami", "esm"))
    return made


@pytest.fixture
def ask(program: Path, environment: dict[str, str], site: Site) -> Any:
    """What calls give: `ask(token=…, calls=[(operation, input)])`. The website and the day are added to inputs."""
    day = {"startAt": int(DAY.timestamp() * 1000), "endAt": int((DAY + dt.timedelta(days=1)).timestamp() * 1000) - 1}
    common = {"websiteId": str(site.uuid), **day, "timezone": "UTC"}

    with processes.pool("dashboard", environment) as address:

        def asked(calls: list[tuple[str, dict[str, Any]]], **credentials: str) -> Any:
            whole = [(operation, common | given) for operation, given in calls]
            given = {"baseUrl": f"{address}/api", "calls": whole, **credentials}
            command = ["node", str(program)]
            done = subprocess.run(
                command, env={**environment, "ASKED": json.dumps(given)}, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        yield asked


def test_it_signs_in_and_reads(ask: Callable[..., Any], site: Site, record: Callable[..., Any]) -> None:
    user = User.objects.create_user("ada", password="correct horse")
    Membership.objects.create(organisation=site.organisation, user=user)
    pages = [("/", "81.2.69.1", 0), ("/pricing", "81.2.69.1", 2), ("/", "81.2.70.1", 61)]
    record(
        [
            {"url": f"https://example.com{path}", "ip": ip, "at": builders.NOW + dt.timedelta(minutes=minutes)}
            for path, ip, minutes in pages
        ]
    )
    (login,) = ask([("login", {"username": "ada", "password": "correct horse"})])
    me, websites, stats, paths, series, week = ask(
        [
            ("getMe", {}),
            ("listWebsites", {}),
            ("getWebsiteStats", {"compare": "prev"}),
            ("getWebsiteMetrics", {"type": "path", "limit": 10}),
            ("getWebsitePageviews", {"unit": "hour"}),
            ("getWebsiteSessionsWeekly", {}),
        ],
        token=login["token"],
    )
    assert (me["authType"], me["user"]["username"]) == ("session", "ada")
    assert [website["id"] for website in websites["data"]] == [str(site.uuid)]
    assert {name: stats[name] for name in ("pageviews", "visitors", "visits", "bounces", "totaltime")} == {
        "pageviews": 3, "visitors": 2, "visits": 2, "bounces": 1, "totaltime": 120,
    }  # fmt: skip
    assert paths == [{"x": "/", "y": 2}, {"x": "/pricing", "y": 1}]
    assert [point["y"] for point in series["pageviews"]] == [2, 1]
    assert sum(sum(day) for day in week) == 2


def test_a_key_reads_and_what_goes_wrong_is_told_as_umami_tells_it(ask: Callable[..., Any], site: Site) -> None:
    theirs = create.site("theirs.example", organisation="Other").site
    active, unit, foreign, nothing = ask(
        [
            ("getWebsiteActive", {}),
            ("getWebsiteStats", {"unit": "fortnight"}),
            ("getWebsite", {"websiteId": str(theirs.uuid)}),
            ("getWebsiteReplays", {}),
        ],
        apiKey=create.api_key(site, ["stats:read"]),
    )
    assert active["visitors"] == 0
    assert (unit["status"], unit["code"]) == (400, "bad-request")
    assert [(one["status"], one["code"]) for one in (foreign, nothing)] == [(404, "not-found")] * 2
    (unknown,) = ask([("getMe", {})], token="stale")
    assert (unknown["status"], unknown["code"]) == (401, "unauthorized")
