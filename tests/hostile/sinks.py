"""Whether everything that was accepted can be carried: by TimescaleDB, the lake, the pages and the APIs."""

from __future__ import annotations

import datetime as dt
import json
import re
from html.parser import HTMLParser
from typing import Any

import duckdb
from django.contrib.auth.models import User
from django.test import Client

from analytics.dashboard import cards
from analytics.lake import export, tables
from analytics.pipeline import books
from analytics.sites import create, models
from analytics.store import db
from tests.hostile.running import Pool

_TABLES: dict[tables.Name, str] = {"hits": "hit", "events": "event"}
_BUSY = re.compile(r".*(?:could not be looked up|Service Unavailable).*\n")
"""What the pool says when a busy machine keeps it waiting for a store."""
_FIRST, _LAST = (str((dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).date()) for days in (-5, 1))
_SPAN = f"period=custom&from={_FIRST}&to={_LAST}"


def check(pool: Pool) -> None:
    """Raises AssertionError when something that the pool accepted is lost, or stops what comes after it."""
    with db.transaction() as cursor:
        cursor.execute("SELECT reason, detail FROM quarantine")
        assert cursor.fetchall() == []
    assert pool.is_alive()
    said = pool.log.read_text()
    assert not re.search("Traceback|WARNING|ERROR|CRITICAL", re.sub(_BUSY, "", said)), said[-3000:]
    for name, table in _TABLES.items():
        export.export(name)
        _lake_holds_the_same(name, table)
    for part in pool.writer.parts:
        books.enter_door_counters(part)
    assert books.balance().holds


def _lake_holds_the_same(name: tables.Name, table: str) -> None:
    """Every row, read by DuckDB from its Parquet file, has the values that it has in TimescaleDB."""
    files = [task.file.file_path.removeprefix("file://") for task in tables.load(name).scan().plan_files()]
    moments = {"received_at", "ts", "visit_started_at"}
    columns = [column for column in tables.columns(name) if column not in moments]
    times = [column for column in tables.columns(name) if column in moments]
    values = ", ".join(f"CAST({column} AS text)" for column in columns)
    with duckdb.connect() as session:
        moment = ", ".join(f"epoch_us({column})" for column in times)
        found = session.execute(f"SELECT {values}, {moment} FROM read_parquet($1)", [files]).fetchall()
    with db.transaction() as cursor:
        moment = ", ".join(f"CAST(extract(epoch FROM {column}) * 1000000 AS bigint)" for column in times)
        cursor.execute(f"SELECT {values}, {moment} FROM {table}")
        assert sorted(found, key=repr) == sorted(cursor.fetchall(), key=repr)


class Reader:
    """Someone who looks at everything that is known of a site: the customer pages, the portal and the Stats API."""

    def __init__(self, site: models.Site) -> None:
        self.client = Client()
        user = User.objects.create_superuser(f"reader of {site.domain}")
        models.Membership.objects.create(organisation=site.organisation, user=user)
        self.client.force_login(user)
        self.site = site
        self._key = create.api_key(site, ["stats:read"])
        self._history = f"site={site.pk}&start={_FIRST}T00:00&end={_LAST}T00:00"

    def pages(self) -> dict[str, str]:
        """Address → HTML of every page that shows what visitors sent."""
        domain = self.site.domain
        wanted = [f"/{domain}?{_SPAN}", f"/{domain}/-/top?{_SPAN}", f"/{domain}/-/now", f"/{domain}/-/summary"]
        for card in cards.CARDS.values():
            wanted.append(f"/{domain}/-/card/{card.name}?{_SPAN}")
            wanted += [f"/{domain}/-/table/{card.name}/{tab.name}?{_SPAN}" for tab in card.tabs]
        wanted += [f"/admin/history/?{self._history}&page={page}" for page in range(3)]
        return {address: self._get(address) for address in wanted}

    def download(self, form: str) -> bytes:
        """The portal's file of everything."""
        answer = self.client.get(f"/admin/history/download?{self._history}&format={form}")
        assert answer.status_code == 200
        return answer.getvalue()

    def values(self, dimension: str) -> set[str]:
        """The values of a dimension, by the Stats API."""
        answer = self.ask(metrics=["events"], dimensions=[dimension], pagination={"limit": 10_000})
        return {row["dimensions"][0] for row in answer["results"]}

    def ask(self, **query: Any) -> Any:
        """What the Stats API answers."""
        body = {"site_id": self.site.domain, "date_range": [_FIRST, _LAST], **query}
        answer = self.client.post(
            "/api/v2/query", json.dumps(body), "application/json", headers={"Authorization": f"Bearer {self._key}"}
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    def _get(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        return answer.content.decode()


class Outline(HTMLParser):
    """The elements of a page with the names of their attributes, its links, and what stands in its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[tuple[str, str]] = set()
        self.links: set[str] = set()
        self.scripts: list[str] = []
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.elements |= {(tag, name) for name, _ in attrs} | {(tag, "")}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "action", "hx-get"}}

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts.append(data)
