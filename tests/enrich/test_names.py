from __future__ import annotations

import re

from analytics.enrich import address, names
from tests import shared


def test_the_registrable_domain_is_that_of_the_public_suffix_list() -> None:
    """Its own cases, but the three of a top-level domain that does not exist."""
    text = shared.path("data/public_suffix_list/test_psl.txt").read_text(encoding="utf-8")
    cases = re.findall(r"^checkPublicSuffix\('(.+?)', (?:'(.+?)'|null)\);$", text, re.MULTILINE)
    assert len(cases) == 77
    for host, domain in cases:
        if not domain.endswith("example.example"):
            assert names.registrable(address.host(host)) == (address.host(domain) if domain else ""), host


def test_what_nobody_can_buy_is_no_registrable_domain() -> None:
    for host in ("", "com", "co.uk", "localhost", "shop.example", "127.0.0.1", "[2001:db8::1]"):
        assert names.registrable(host) == "", host
