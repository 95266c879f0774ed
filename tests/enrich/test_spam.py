from __future__ import annotations

import pytest

from analytics.enrich import names, source, spam
from tests import shared

PAGE = "https://example.com/"


def referrer_of(host: str) -> str:
    return source.attribute(PAGE, f"http://{host}/how-to?x=1", ("example.com",), {}).referrer


def test_knows_every_domain_of_the_public_list_and_what_is_below_them() -> None:
    hosts = shared.path("data/referrer_spam/spammers.txt").read_text(encoding="utf-8").split()
    assert len(hosts) == 2347
    for host in hosts:
        for named in (host, f"www.{host}", f"{host.upper()}.", f"a.b.{host}", f"{host}:8080"):
            assert spam.matches(referrer_of(named)), named


def test_takes_no_known_source_for_spam() -> None:
    known = {*names._EXACT, *names._BELOW, *(f"{name}.com" for name in names._ANYWHERE)}
    assert len(known) > 1000
    assert [host for host in known if spam.matches(host)] == []


@pytest.mark.parametrize(
    "referrer",
    ["", "/", "com", "ru", "example.com/semalt.com", "notsemalt.com", "semalt.com.example", "[2001:db8::1]:80/x"],
)
def test_what_only_looks_like_spam_is_none(referrer: str) -> None:
    assert not spam.matches(referrer)
    assert spam.matches("semalt.com")
