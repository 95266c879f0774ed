"""What customers see, on history made through the real pipeline.

Monday 2 November 2026, UTC: Ann reads / and after 300 s /docs, sent by Google; Bob reads /; Cid reads /pricing, sent by
Hacker News; a search engine fetches /. The Monday before Dan read /.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.dashboard import breakdown, chart, formats, period, places
from analytics.reports import cache
from analytics.reports.query import Query
from analytics.sites import create, models

DAY = "period=custom&from=2026-11-02&to=2026-11-02"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PASSWORD = "a long enough password"


def at(day: int, clock: str, month: int = 11) -> dt.datetime:
    hour, minute = clock.split(":")
    return dt.datetime(2026, month, day, int(hour), int(minute), tzinfo=dt.UTC)


HISTORY = [
    {"at": at(26, "10:00", 10), "ip": "198.51.100.4", "url": "https://example.com/"},
    {"at": at(2, "10:00"), "ip": "81.2.69.1", "url": "https://example.com/", "referrer": "https://www.google.com/"},
    {"at": at(2, "10:05"), "ip": "81.2.69.1", "url": "https://example.com/docs"},
    {"at": at(2, "11:00"), "ip": "203.0.113.2", "url": "https://example.com/"},
    {
        "at": at(2, "11:30"),
        "ip": "192.0.2.3",
        "url": "https://example.com/pricing",
        "referrer": "https://news.ycombinator.com/item?id=1",
    },
    {"at": at(2, "12:00"), "ip": "66.249.66.1", "url": "https://example.com/", "user_agent": BOT},
]


@pytest.fixture
def member(client: Client, site: models.Site) -> Client:
    """Signed in, and a viewer of example.com."""
    user = User.objects.create_user("maria", password=PASSWORD)
    models.Membership.objects.create(organisation=site.organisation, user=user)
    client.force_login(user)
    return client


def text(response: Any) -> str:
    """The answer as a reader without styles has it, on one line."""
    body = re.sub(r"<script.*?</script>|<svg.*?</svg>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def points(response: Any) -> list[dict[str, Any]]:
    """What the chart draws."""
    found = re.search(r'id="chart-data" type="application/json">(.*?)</script>', response.content.decode())
    assert found
    made: list[dict[str, Any]] = json.loads(found[1])["points"]
    return made


@pytest.mark.database
def test_the_tiles_tell_the_totals_and_their_change(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    said = text(member.get(f"/example.com/-/top?{DAY}"))
    # Three visits of 300, 0 and 0 seconds, two of them bounces, four pageviews; a week before one visit, a bounce.
    assert "Visitors 3 ↑ +200%" in said
    assert "Visits 3 ↑ +200%" in said
    assert "Pageviews 4 ↑ +300%" in said
    assert "Views per visit 1.33 ↑ +33%" in said
    assert "Bounce rate 67% ↓ \N{MINUS SIGN}33%" in said
    assert "Visit duration 1m 40s ↑ new" in said
    assert "Bots: 20% of events, left out" in said  # one of five
    assert "against Mon 26 Oct 2026" in said


@pytest.mark.database
def test_fewer_bounces_are_good_and_fewer_visitors_are_not(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    tiles = re.findall(r'class="change (\w+)"', member.get(f"/example.com/-/top?{DAY}").content.decode())
    assert tiles == ["good"] * 6
    later = "period=custom&from=2026-11-09&to=2026-11-09"  # nobody came; the quotients have no value
    tiles = re.findall(r'class="change (\w+)"', member.get(f"/example.com/-/top?{later}").content.decode())
    assert tiles == ["bad"] * 3


@pytest.mark.database
def test_the_chart_draws_every_hour_of_a_day_beside_the_one_before(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    hours = points(member.get(f"/example.com/-/top?{DAY}&metric=pageviews"))
    assert len(hours) == 24
    assert [(hour["v"], hour["b"]) for hour in hours[9:13]] == [("0", "0"), ("2", "1"), ("2", "0"), ("0", "0")]
    assert hours[10]["t"] == "Mon 2 Nov, 10:00\N{EN DASH}11:00"
    assert not any(hour["p"] for hour in hours)


@pytest.mark.database
def test_a_card_lists_its_open_tab_with_shares_and_a_click_filters(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    body = member.get(f"/example.com/-/card/pages?{DAY}").content.decode()
    rows = re.findall(r"<bdi>(.*?)</bdi>.*?<td title=\"(\d+)\">.*?class=\"share\">(.*?)<", body)
    assert sorted(rows) == [("/", "2", "67%"), ("/docs", "1", "33%"), ("/pricing", "1", "33%")]
    href = re.search(r'href="([^"]+)" title="/docs"', body)
    assert href
    page = member.get(unescape(href[1]))
    assert "Page is /docs" in text(page)
    said = text(member.get(f"/example.com/-/top?{unescape(href[1]).partition('?')[2]}"))
    assert "Visitors 1" in said
    assert "Pageviews 1" in said


@pytest.mark.database
def test_a_row_that_is_a_filter_takes_it_away_again(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    body = member.get(f"/example.com/-/card/sources?{DAY}&sources=sources&f=visit:source:is:Google")
    assert re.findall(r"<bdi>(.*?)</bdi>", body.content.decode()) == ["Google"]
    assert 'aria-current="true"' in body.content.decode()
    href = re.search(r'class="row" href="([^"]+)"', body.content.decode())
    assert href
    assert "f=" not in unescape(href[1])


@pytest.mark.database
def test_the_whole_page_can_be_read_without_javascript(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    shell = member.get(f"/example.com?{DAY}").content.decode()
    assert re.search(r'<noscript><meta http-equiv="refresh" content="0; url=/example.com\?[^"]*whole=1"', shell)
    page = member.get(f"/example.com?{DAY}&whole=1")
    said = text(page)
    assert "<script src" not in page.content.decode()
    for part in ("Visitors 3", "Show as table", "Organic Search 1 33%", "/pricing ↗ 1 33%", "Chrome 3 100%"):
        assert part in said


@pytest.mark.database
def test_the_full_table_has_more_columns(member: Client, record: Callable[..., Any]) -> None:
    record(HISTORY)
    said = text(member.get(f"/example.com/-/table/sources/sources?{DAY}"))
    assert "Source Visitors Visits Bounce rate Visit duration Share" in said
    assert "Google 1 1 0% 5m 00s 33%" in said
    assert "Hacker News 1 1 100% 0s 33%" in said
    assert "Rows 1\N{EN DASH}3" in said


@pytest.mark.database
def test_a_page_asks_few_questions(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Query] = []
    real = cache.answer

    def counting(query: Query, *more: Any) -> Any:
        asked.append(query)
        return real(query, *more)

    monkeypatch.setattr(cache, "answer", counting)
    for address, questions in (("", 0), ("/-/top", 5), ("/-/card/pages", 1), ("/-/card/devices", 1), ("/-/now", 1)):
        asked.clear()
        assert member.get(f"/example.com{address}?{DAY}").status_code == 200
        assert len(asked) == questions, address


@pytest.mark.database
@pytest.mark.parametrize("rest", ["", "/-/top", "/-/now", "/-/summary", "/-/card/pages", "/-/table/pages/top"])
def test_a_site_of_someone_else_is_like_one_that_does_not_exist(member: Client, rest: str) -> None:
    create.site("theirs.example", organisation="Other")
    theirs, nobodys = member.get(f"/theirs.example{rest}"), member.get(f"/nobodys.example{rest}")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.content == nobodys.content
    assert "theirs.example" not in text(member.get("/"))


@pytest.mark.database
@pytest.mark.usefixtures("site")
def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    User.objects.create_user("maria", password=PASSWORD)
    assert client.get("/example.com?period=7d").headers["location"] == "/login?next=/example.com%3Fperiod%3D7d"
    fragment = client.get("/example.com/-/top", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Refresh"]) == (204, "true")
    assert "do not belong together" in text(client.post("/login", {"username": "maria", "password": "wrong"}))
    right = {"username": "maria", "password": PASSWORD}
    assert client.post("/login", right | {"next": "https://evil.example/"}).headers["location"] == "/"
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").headers["location"] == "/login"
    assert client.post("/login", right | {"next": "/example.com"}).headers["location"] == "/example.com"


@pytest.mark.database
@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("period=fortnight", "period"),
        ("period=custom&from=2026-11-02", "from"),
        ("metric=love", "metric"),
        ("interval=fortnight", "interval"),
        ("f=visit:colour:is:red", "filters"),
    ],
)
def test_an_address_that_cannot_be_read_names_its_wrong_part(member: Client, address: str, part: str) -> None:
    answer = member.get(f"/example.com?{address}")
    assert answer.status_code == 400
    assert f"In “{part}”" in text(answer)


@pytest.mark.database
def test_hostile_names_are_text(member: Client, record: Callable[..., Any]) -> None:
    record([{"at": at(2, "10:00"), "url": 'https://example.com/"><script>alert(1)</script>', "title": "x"}])
    for address in ("/-/card/pages?", "/-/table/pages/top?", "?whole=1&"):
        body = member.get(f"/example.com{address}{DAY}").content.decode()
        assert "<script>alert" not in body
    assert breakdown._outside("example.com", "@evil.example/") == ""


@pytest.mark.database
def test_the_list_of_sites_shows_the_last_day(member: Client, record: Callable[..., Any]) -> None:
    now = dt.datetime.now(dt.UTC)
    hours = [3, 5, 30]  # two visitors in the last 24 hours, one in those before
    record([{"at": now - dt.timedelta(hours=h), "ip": f"198.51.100.{h}", "url": "/"} for h in hours])
    assert 'hx-get="/example.com/-/summary"' in member.get("/").content.decode()
    assert "2 visitors ↑ +100%" in text(member.get("/example.com/-/summary"))


@pytest.mark.database
def test_without_a_site_the_list_tells_how_to_make_one(client: Client) -> None:
    client.force_login(User.objects.create_user("new"))
    said = text(client.get("/"))
    assert "bin/manage site create example.com" in said
    assert 'data-site="example.com"' in said


def test_numbers_are_short_for_the_eye() -> None:
    given = [0, 7, 999, 1000, 1234, 12_345, 99_949, 99_950, 999_499, 999_950, 1_250_000, None]
    shorts = ["0", "7", "999", "1k", "1.2k", "12.3k", "99.9k", "100k", "999k", "1M", "1.2M", "\N{EN DASH}"]
    assert [formats.short(number) for number in given] == shorts
    assert [formats.duration(seconds) for seconds in (0, 59.6, 63, 3_725)] == ["0s", "1m 00s", "1m 03s", "1h 02m"]
    assert (places.country("EE"), places.flag("ee"), places.flag("x>")) == ("Estonia", "🇪🇪", "")


@pytest.mark.parametrize(
    ("word", "start", "end", "before"),
    [
        ("7d", "2026-11-16", "2026-11-23", "2026-11-09"),
        ("30d", "2026-10-24", "2026-11-23", "2026-09-19"),  # five weeks before, so that weekdays match
        ("custom", "2026-03-28", "2026-03-30", "2026-03-21"),  # across the change of the clock
        ("month", "2026-03-01", "2026-04-01", "2026-02-01"),
        ("12mo", "2025-11-01", "2026-11-01", "2024-11-01"),
    ],
)
def test_a_range_is_compared_with_the_same_weekdays_or_months(word: str, start: str, end: str, before: str) -> None:
    begin, after = (dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) for day in (start, end))
    zone = period.in_zone(begin, after, "Europe/Tallinn").start.tzinfo
    span = period.Span(begin.replace(tzinfo=zone), after.replace(tzinfo=zone))
    other = period.previous(word, span)
    assert other
    assert other.start.isoformat()[:16] == f"{before}T00:00"


def test_a_line_has_gaps_where_there_is_no_value_and_is_dotted_where_it_is_not_whole() -> None:
    series = chart.Series(["a", "b", "c", "d", "e"], [3, 0, None, 6, 3], [False, False, False, False, True])
    drawn = chart.draw(series, "count")
    # Top of the scale is 6: 208 px from 24 to 232; a point every quarter of 1000.
    assert drawn.line == "M0.0 128.0L250.0 232.0"
    assert drawn.unfinished == "M750.0 24.0L1000.0 128.0"
    assert [tick.label for tick in drawn.rows] == ["2", "4", "6"]
