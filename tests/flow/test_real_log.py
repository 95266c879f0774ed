"""A real log of 2015 goes the whole way; the figures are worked out from the raw file by DuckDB and a loop here."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command

from analytics.lake import export
from analytics.pipeline import books
from analytics.reports import run
from analytics.reports.query import Query
from analytics.sites import create, models
from analytics.store import db
from tests import builders, shared

pytestmark = pytest.mark.flow
IDLE = dt.timedelta(minutes=30)
OWN = ("http://semicomplete.com", "http://www.semicomplete.com", "https://semicomplete.com")
BOTS = {
    "Googlebot": "search-engine",
    "bingbot": "search-engine",
    "Baiduspider": "search-engine",
    "YandexBot": "search-engine",
    "AhrefsBot": "crawler",
    "Tiny Tiny RSS": "crawler",
    "Twitterbot": "preview",
    "Wget": "library",
    "PhantomJS": "headless",
}
GOOGLE = r"^https?://(www\.|encrypted\.)?google\.[a-z.]+/"


@dataclass
class Visit:
    """Of one address and user agent; `day` is that of its first line."""

    who: tuple[str, str]
    first: dict[str, Any]
    last_at: dt.datetime
    counted: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    log = shared.path("data/weblog_apache_semicomplete/apache_logs")
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE log = ?", [str(log)])
        connection.execute(Path(__file__).with_name("raw_log.sql").read_text())
        yield connection


@pytest.fixture
def imported(stores: None) -> models.Site:
    site = create.site("semicomplete.com", organisation="Test").site
    assert run_import(site).startswith("9 999 of 10 000 lines in the buffer, 1 broken (line 8899: ")
    return site


def run_import(site: models.Site) -> str:
    log = shared.path("data/weblog_apache_semicomplete/apache_logs")
    said = StringIO()
    call_command("import_log", str(log), site=site.domain, no_wait=True, stdout=said)
    builders.drain()
    return said.getvalue()


def asked(site: models.Site, *metrics: str, **more: Any) -> list[tuple[Any, ...]]:
    start = dt.datetime(2015, 5, 1, tzinfo=dt.UTC)
    query = Query(site.pk, metrics, start, start + dt.timedelta(days=31), "UTC", **more)
    answer = run.answer(query, dt.datetime.now(dt.UTC))
    return [(*row.dimensions, *row.metrics) for row in answer.rows]


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def visits(raw: duckdb.DuckDBPyConnection) -> list[Visit]:
    """Thirty idle minutes end a visit; it is made of people's pages and downloads alone."""
    found: list[Visit] = []
    open_now: dict[tuple[str, str], Visit] = {}
    cursor = raw.execute("SELECT * FROM line ORDER BY ts, number")
    names = [column[0] for column in cursor.description]
    for values in cursor.fetchall():
        line = dict(zip(names, values, strict=True))
        if line["kind"] not in {"page", "download"} or line["robot"]:
            continue
        who = (line["address"], line["agent"])
        visit = open_now.get(who)
        if visit is None or line["ts"] - visit.last_at > IDLE or line["ts"] - visit.first["ts"] >= dt.timedelta(days=1):
            visit = open_now[who] = Visit(who, line, line["ts"])
            found.append(visit)
        visit.last_at = line["ts"]
        visit.counted.append(line)
    return found


def test_every_line_that_can_be_read_is_a_hit_and_an_event(
    raw: duckdb.DuckDBPyConnection, imported: models.Site
) -> None:
    assert raw.execute("SELECT count(*) FROM line").fetchall() == [(9999,)]
    assert (
        rows(
            "SELECT count(*), count(DISTINCT event_id), min(ts) AT TIME ZONE 'UTC', max(ts) AT TIME ZONE 'UTC' FROM hit"
        )
        == raw.execute("SELECT count(*), count(*), min(ts), max(ts) FROM line").fetchall()
    )
    assert rows("SELECT count(*) FROM event") == [(9999,)]
    assert books.balance().holds


def test_no_address_of_the_log_is_stored(raw: duckdb.DuckDBPyConnection, imported: models.Site) -> None:
    everything = str(rows("SELECT hit.*, event.* FROM hit JOIN event USING (hit_id)"))
    kept = {(text,) for text in re.findall(r"\d+\.\d+\.\d+\.\d+(?!\d|/24)", everything)}
    assert kept & set(raw.execute("SELECT DISTINCT address FROM line").fetchall()) == set()
    assert "83.149.9.0/24" in everything


def test_what_is_no_page_is_told_apart(raw: duckdb.DuckDBPyConnection, imported: models.Site) -> None:
    kinds = dict(raw.execute("SELECT kind, count(*) FROM line GROUP BY 1").fetchall())
    assert kinds == {"asset": 5658, "page": 3851, "error": 220, "redirect": 164, "download": 106}
    names = dict(rows("SELECT name, count(*) FROM event GROUP BY 1"))
    assert names == {"pageview": 3851, "File Download": 106, "request": 5658 + 220 + 164}
    people = dict(raw.execute("SELECT kind, count(*) FROM line WHERE NOT robot GROUP BY 1").fetchall())
    categories = dict(rows("SELECT category, count(*) FROM event GROUP BY 1"))
    assert {name: categories[name] for name in ("asset", "error", "redirect")} == {
        name: people[name] for name in ("asset", "error", "redirect")
    }
    assert categories[""] == people["page"] + people["download"]


@pytest.mark.parametrize("exported", [False, True])
def test_people_their_visits_and_top_pages_are_those_of_the_raw_file(
    raw: duckdb.DuckDBPyConnection, imported: models.Site, exported: bool
) -> None:
    if exported:
        export.export("hits")
        export.export("events")
    expected = visits(raw)
    pageviews = sum(line["kind"] == "page" for visit in expected for line in visit.counted)
    people = {(visit.who, visit.first["ts"].date()) for visit in expected}
    assert (len(people), len(expected), pageviews) == (998, 1114, 1597)
    assert asked(imported, "visitors", "visits", "pageviews") == [(len(people), len(expected), pageviews)]
    bounces = sum(
        sum(line["kind"] == "page" for line in visit.counted) < 2
        and not any(line["kind"] == "download" for line in visit.counted)
        for visit in expected
    )
    [(bounce_rate,)] = asked(imported, "bounce_rate")
    assert bounce_rate == pytest.approx(100 * bounces / len(expected), abs=0.5)
    pages = "SELECT path, count(*) FROM line WHERE kind = 'page' AND NOT robot GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8"
    top = asked(imported, "pageviews", dimensions=("event:page",), limit=8)
    assert top == raw.execute(pages).fetchall()
    top = asked(imported, "pageviews", dimensions=("event:page",), limit=8, with_bots=True)
    assert top == raw.execute(pages.replace("AND NOT robot", "")).fetchall()


def test_visits_come_from_where_their_first_line_says(raw: duckdb.DuckDBPyConnection, imported: models.Site) -> None:
    tagged = [visit for visit in visits(raw) if "utm_source=" not in visit.first["target"]]
    sources: Counter[str] = Counter()
    for visit in tagged:
        referrer = visit.first["referrer"] or ""
        if not referrer or referrer.startswith(OWN):
            sources["(none)"] += 1
        elif raw.execute("SELECT regexp_matches(?, ?)", [referrer, GOOGLE]).fetchall() == [(True,)]:
            sources["Google"] += 1
        elif "//stackoverflow.com/" in referrer:
            sources["Stack Overflow"] += 1
    found = dict(asked(imported, "visits", dimensions=("visit:source",)))
    assert {name: found[name] for name in sources} == sources


def test_bots_are_counted_by_category(raw: duckdb.DuckDBPyConnection, imported: models.Site) -> None:
    expected = {
        (name, category, raw.execute("SELECT count(*) FROM line WHERE contains(agent, ?)", [name]).fetchall()[0][0])
        for name, category in BOTS.items()
    }
    found = {
        (name, category, n)
        for name in BOTS
        for category, n in rows(
            "SELECT category, count(*) FROM hit JOIN event USING (hit_id)"
            f" WHERE position('{name}' IN user_agent) > 0 GROUP BY 1"
        )
    }
    assert found == expected
    assert ("Googlebot", "search-engine", 542) in found


def test_importing_the_file_again_changes_nothing(imported: models.Site) -> None:
    before = rows("SELECT * FROM event ORDER BY hit_id"), asked(imported, "visitors", "visits", "pageviews")
    run_import(imported)
    assert (rows("SELECT * FROM event ORDER BY hit_id"), asked(imported, "visitors", "visits", "pageviews")) == before
    assert rows("SELECT sum(n) FROM ledger WHERE outcome = 'duplicate'") == [(9999,)]
    assert books.balance().holds
