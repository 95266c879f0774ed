"""The canary: a real event over HTTP, and how long it takes until reports see it."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.pipeline import books, canary, tasks
from analytics.pipeline.writer import Writer
from analytics.sites import access, create, models
from analytics.store import db
from tests import builders, processes

pytestmark = pytest.mark.database


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def state() -> canary.State:
    with db.transaction() as cursor:
        return canary.state(cursor, now())


def site_id() -> int:
    return int(models.Site.objects.get(domain=canary.DOMAIN).pk)


def test_a_canary_is_sent_accepted_and_seen_by_reports(environment: dict[str, str], settings: Any) -> None:
    writer = Writer()
    thread = threading.Thread(target=writer.run)
    with processes.pool("ingest", environment) as settings.CANARY_URL:
        thread.start()
        try:
            tasks.canary()
            tasks.canary()
        finally:
            writer.stop()
            thread.join()
    assert (
        rows("SELECT status, sent_at < accepted_at, accepted_at <= visible_at FROM canary") == [(202, True, True)] * 2
    )
    found = state()
    assert found.seconds is not None
    assert 0 <= found.seconds < canary.LOOK_SECONDS
    assert (found.waiting_since, found.refused) == (None, 0)
    assert rows("SELECT count(DISTINCT visitor_id), min(category), min(browser) FROM event") == [(2, "", "Firefox")]
    assert books.balance().holds


def test_what_is_not_visible_in_time_is_left_to_the_next_run(
    environment: dict[str, str], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "LOOK_SECONDS", 0.1)
    with processes.pool("ingest", environment) as settings.CANARY_URL:
        canary.run(now)
        ((accepted_at,),) = rows("SELECT accepted_at FROM canary")
        assert state() == canary.State(None, None, accepted_at, 0)
        builders.drain()
        assert canary.look(site_id(), lambda: accepted_at + dt.timedelta(seconds=61)) is False
        assert (state().seconds, state().waiting_since) == (61, None)
        # What the door refuses is no event that anybody waits for.
        models.Site.objects.filter(domain=canary.DOMAIN).update(suspended_at=now())
        processes.wait_until(lambda: _refused_with(403), "the door has heard that the site is closed")
    assert state().waiting_since is None
    assert books.balance().holds


def _refused_with(status: int) -> bool:
    canary.send(now)
    builders.drain()
    canary.look(site_id(), now)
    return rows("SELECT status, accepted_at FROM canary ORDER BY id DESC LIMIT 1") == [(status, None)]


def test_a_door_that_does_not_answer_is_kept_as_such(stores: None, settings: Any) -> None:
    settings.CANARY_URL = f"http://127.0.0.1:{processes.free_port()}"
    canary.run(now)
    assert rows("SELECT status, accepted_at FROM canary") == [(None, None)]
    assert state().refused == 1


def test_without_an_address_none_is_sent(stores: None, settings: Any) -> None:
    settings.CANARY_URL = ""
    tasks.canary()
    assert rows("SELECT count(*) FROM canary") == [(0,)]
    assert not models.Site.objects.exists()


def test_no_customer_ever_sees_the_canary(site: models.Site, settings: Any) -> None:
    theirs = create.site("theirs.example", organisation=canary.ORGANISATION).site
    customer = User.objects.create_user("customer")
    models.Membership.objects.create(organisation=theirs.organisation, user=customer)
    settings.CANARY_URL = f"http://127.0.0.1:{processes.free_port()}"
    canary.run(now)
    canary.run(now)
    assert models.Site.objects.filter(domain=canary.DOMAIN).count() == 1
    assert [seen.domain for seen in access.sites_of(customer)] == ["theirs.example"]
    with pytest.raises(access.NoSuchSite):
        access.site_for(customer, canary.DOMAIN)
    assert not models.Membership.objects.filter(organisation__sites__domain=canary.DOMAIN).exists()


def test_a_week_is_kept(stores: None, settings: Any) -> None:
    settings.CANARY_URL = f"http://127.0.0.1:{processes.free_port()}"
    week = dt.timedelta(days=7)
    for sent_at in (now() - week - dt.timedelta(hours=1), now() - week + dt.timedelta(hours=1)):
        canary.send(lambda sent_at=sent_at: sent_at)  # type: ignore[misc]
    tasks.forget()
    assert rows("SELECT count(*) FROM canary") == [(1,)]
