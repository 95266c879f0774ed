"""`bin/manage site`, as a person or a script uses it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.sites import create, keys, models

pytestmark = pytest.mark.database


def run(*words: str) -> str:
    """What `bin/manage site WORDS` prints."""
    out = io.StringIO()
    call_command("site", *words, stdout=out)
    return out.getvalue()


def asked(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*words)
    return str(caught.value)


def test_a_site_is_made_and_listed_with_its_ids(stores: None) -> None:
    assert "no site yet" in run("list")
    made = asked("create", "WWW.example.com", "--timezone", "Europe/Tallinn")
    site = models.Site.objects.get()
    assert (made["id"], made["domain"], made["timezone"]) == (site.pk, "example.com", "Europe/Tallinn")
    assert models.SecretKey.objects.get().hash == keys.digest(made["secret_key"])
    assert 'data-site="example.com"' in made["snippet"]
    assert [row["measurement_id"] for row in asked("list")] == [site.measurement_id]
    assert site.measurement_id in run("list")
    assert refused("create", "example.com") == "Site with this Domain already exists."


def test_aliases_are_added_listed_and_removed(site: models.Site) -> None:
    assert "has no alias" in run("aliases", "example.com")
    added = asked("alias", "example.com", "ga4", "G-ABC1234567", "--trusted")
    assert added == {"site": "example.com", "protocol": "ga4", "id": "g-abc1234567", "trusted": True}
    run("alias", str(site.pk), "domain", "www.shop.example")
    assert [(row["protocol"], row["id"], row["trusted"]) for row in asked("aliases", "shop.example")] == [
        ("domain", "shop.example", False),
        ("ga4", "g-abc1234567", True),
    ]
    assert [line.split() for line in run("aliases", "example.com").splitlines()] == [
        ["domain", "shop.example"],
        ["ga4", "g-abc1234567", "trusted"],
    ]
    assert asked("unalias", "ga4", "G-ABC1234567")["site"] == "example.com"
    assert [row["protocol"] for row in asked("aliases", "example.com")] == ["domain"]


def test_switches_limits_and_addresses_are_set(site: models.Site) -> None:
    told = asked(
        "set", "example.com", "--honour-dnt", "yes", "--events-per-minute", "100", "--events-per-month", "5000",
        "--exclude-address", "203.0.113.9/28", "2001:db8::1",
    )  # fmt: skip
    assert told == {
        "domain": "example.com",
        "honour_dnt": True,
        "honour_gpc": False,
        "events_per_minute": 100,
        "events_per_month": 5000,
        "excluded_addresses": ["203.0.113.0/28", "2001:db8::1"],
        "suspended": False,
    }
    told = asked(
        "set", "example.com", "--honour-dnt", "no", "--honour-gpc", "yes", "--events-per-minute", "none",
        "--include-address", "2001:db8::1", "--suspend",
    )  # fmt: skip
    assert (told["honour_dnt"], told["honour_gpc"], told["events_per_minute"]) == (False, True, None)
    assert (told["events_per_month"], told["excluded_addresses"], told["suspended"]) == (5000, ["203.0.113.0/28"], True)
    assert "suspended          no" in run("set", "example.com", "--resume")
    assert models.Site.objects.get().suspended_at is None


def test_secret_keys_are_made_listed_without_themselves_and_revoked(site: models.Site) -> None:
    made = asked("new-key", "example.com", "--name", "shop server")["secret_key"]
    listed = asked("keys", "example.com")
    assert [(row["name"], row["revoked_at"]) for row in listed] == [("default", None), ("shop server", None)]
    assert made not in json.dumps(listed)
    assert keys.digest(made) not in json.dumps(listed)
    assert asked("revoke-key", made)["name"] == "shop server"
    run("revoke-key", str(listed[0]["id"]))
    assert run("keys", "example.com").count("revoked") == 2
    assert models.SecretKey.objects.filter(revoked_at=None).count() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("alias none.example ga4 G-ABC1234567", "There is no site 'none.example'; `bin/manage site list` shows them."),
        ("alias example.com ga4 a&b", "An id is made of letters, digits, spaces and _ . : / - { }."),
        ("alias example.com domain other.example", "Another site is known by this id."),
        ("alias example.com fathom x", "invalid choice: 'fathom'"),
        ("unalias ga4 G-NONE", "No site has the ga4 alias 'G-NONE'; `bin/manage site aliases SITE` lists them."),
        ("set example.com", "Say what to set; `bin/manage site set --help` lists it."),
        ("set example.com --events-per-minute 0", "write how many events, at least 1, or none; not '0'"),
        ("set example.com --events-per-month many", "write how many events, at least 1, or none; not 'many'"),
        ("set example.com --honour-dnt maybe", "invalid choice: 'maybe'"),
        ("set example.com --suspend --resume", "not allowed with argument --suspend"),
        ("set example.com --exclude-address here", "'here' is no address or network; write one such as 203.0.113.7"),
        ("set example.com --include-address 192.0.2.1", "192.0.2.1 is not excluded; excluded are: none."),
        ("revoke-key sk_none", "There is no such secret key; `bin/manage site keys SITE` lists them by number."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(site: models.Site, words: str, said: str) -> None:
    create.site("other.example")
    told = refused(*words.split())
    assert said in told
    assert "\n" not in told
