"""Input that is meant to break the APIs is refused as JSON by all of them; nothing in it reaches a stack trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.dashboard.api.umami import tokens
from analytics.sites import create
from analytics.sites.models import Membership, Site

pytestmark = pytest.mark.database

UMAMI = "/api/websites/example.com/"
POSTS = ("/api/auth/login", "/api/v2/query", "/v1beta/properties/example.com:runReport", "/api/v1/sites")
NO_TEXTS = ("%00", "x%00y", "%FF", "%ED%A0%80", "c.%00", "re.(", "re." + "(" * 300, "1.eq.a%2500.b", "1.re.a.(")
NO_NUMBERS = ("-1", "1e309", "NaN", "9" * 5000, "%D9%A3", "%C2%B2", "-62135596800001", "253402300800000", "[]", "%00")
NO_TIMES = ("0001-01-01T00:00:00%2B14:00", "9999-12-31", "2026-02-30", "2026-11-20T00:00:00%2B99:00", "%00", "1" * 5000)
NO_NAMES = ("../../etc/passwd", "/etc/passwd", "UTC%00", "a" * 5000, "%FF", "constructor", "%00")
PARAMETERS = {
    "startAt": NO_NUMBERS, "endAt": NO_NUMBERS, "limit": NO_NUMBERS, "offset": NO_NUMBERS, "segment": NO_NUMBERS,
    "startDate": NO_TIMES, "endDate": NO_TIMES, "timezone": NO_NAMES, "unit": NO_NAMES, "type": NO_NAMES,
    "compare": NO_NAMES, "match": NO_NAMES, "eventType": NO_NAMES, "search": NO_TEXTS, "path": NO_TEXTS,
    "referrer7": NO_TEXTS, "epf0": NO_TEXTS, "pf_x": NO_TEXTS, "propertyName": NO_TEXTS,
}  # fmt: skip
CALLS = ("stats", "pageviews?compare=yoy", "metrics?type=path", "values?type=referrer", "event-data/values?")
BODIES = (
    b"", b"{", b"[]", b"\xff", b"\0", b"[" * 100_000, b'{"a":' * 40_000, b"a" * 300_000, b'{"a": NaN}', b"9" * 5_000,
    b'{"username": "\\ud800", "password": "\\ud800"}', b'{"site_id": "\\udfff"}', b'{"domain": "\\ud800.example"}',
    b'{"username": "a\\u0000", "password": "b", "site_id": "\\u0000", "domain": "\\u0000"}',
    b'{"dimensionFilter": ' + b'{"notExpression":' * 500 + b"{}" + b"}" * 501,
)  # fmt: skip
REFERENCES = ("%00", "ex%00ample.com", "%FF", "%ED%A0%80", "%2e%2e", "a" * 5000, "9" * 400, "-1", "%0a", "%F0%9F%98%80")
TOKENS = ("", "Bearer", "Bearer  ", "Bearer .x:y:z", "Bearer " + "a" * 20_000, "Bearer \0", "Bearer \xff", "Basic YTpi")


@pytest.fixture
def signed_in(site: Site, client: Client, settings: Any) -> dict[str, str]:
    settings.STATS_API_REQUESTS_PER_HOUR = 10**9
    client.raise_request_exception = False
    user = User.objects.create_user("ada")
    Membership.objects.create(organisation=site.organisation, user=user)
    return {"authorization": f"Bearer {tokens.issue(user)}"}


@pytest.fixture
def keyed(site: Site, signed_in: dict[str, str]) -> dict[str, str]:
    return {"authorization": "Bearer " + create.api_key(site, ["stats:read", "sites:read", "sites:write"])}


def refused(answer: Any) -> bool:
    """Whether it is the asker's fault, said in JSON."""
    return 400 <= answer.status_code < 500 and isinstance(json.loads(answer.content), dict)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(client: Client, signed_in: dict[str, str], name: str) -> None:
    """Umami's. Some are mere texts that nothing has; they are answered."""
    for call in CALLS:
        for value in PARAMETERS[name]:
            given = {"startAt": "1795046400000", "endAt": "1795132799999", "propertyName": "plan"}
            given.pop(name.replace("Date", "At"), None)
            query = "&".join(f"{key}={one}" for key, one in {**given, name: value}.items())
            answer = client.get(f"{UMAMI}{call}{'&' if '?' in call else '?'}{query}", headers=signed_in)
            assert answer.status_code == 200 or refused(answer), (call, name, value)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain; charset=utf-7"])
def test_bodies(client: Client, keyed: dict[str, str], path: str, kind: str) -> None:
    for body in BODIES:
        assert refused(client.generic("POST", path, body, kind, headers=keyed)), (path, body[:60])


@pytest.mark.parametrize(
    "path",
    ["/api/websites/{}", UMAMI.replace("example.com", "{}") + "stats?startAt=0&endAt=1", "/api/v1/sites/{}",
     "/api/v1/stats/aggregate?site_id={}", "/api/v1/sites/goals?site_id={}", "/v1beta/properties/{}/metadata"],
)  # fmt: skip
def test_names_of_sites(client: Client, keyed: dict[str, str], path: str) -> None:
    for reference in REFERENCES:
        assert refused(client.get(path.format(reference), headers=keyed)), reference


@pytest.mark.parametrize(
    "path", ["/api/me", UMAMI + "active", "/api/v1/sites", "/v1beta/properties/example.com/metadata"]
)
def test_credentials(client: Client, signed_in: dict[str, str], path: str) -> None:
    for token in TOKENS:
        answer = client.get(path, headers={"authorization": token, "x-umami-api-key": token})
        assert answer.status_code in (401, 403), token
        assert refused(answer), token
