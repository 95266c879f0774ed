"""A real event a minute, sent over HTTP like anybody's, to see how long it takes from the 202 until reports see it.

It belongs to a site of its own, of an organisation without members, so no customer ever meets it. Each is another
visitor's, so that sooner or later every part of the buffer has been tried.
"""

from __future__ import annotations

import datetime as dt
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db import transaction

from analytics.sites import create, models
from analytics.store import db

_SQL = db.statements(__file__)
DOMAIN = "canary.invalid"
"""No customer can have it (RFC 2606)."""
ORGANISATION = "Recount"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.05
LOOK_SECONDS = 10.0
"""How long one run looks; what is not visible then is left to the next one."""
LOST = dt.timedelta(days=1)
"""An event that is not visible after that is not looked for any more."""
KEPT = dt.timedelta(days=7)
_CLOCKS = dt.timedelta(hours=1)
"""By how much the door's clock may be behind ours."""

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class State:
    """What alarms look at."""

    last_sent_at: dt.datetime | None
    """When the newest one that became visible was sent."""
    seconds: float | None
    """How long that one took, from the 202 until it was seen."""
    waiting_since: dt.datetime | None
    """When the oldest one that is not visible yet was accepted."""
    refused: int
    """How many of the last hour were not accepted."""


def run(clock: Clock) -> None:
    """Send one and look for it, and for those before it that nobody has seen yet. Raises db.FAULTS."""
    site = _site()
    send(clock)
    deadline = time.monotonic() + LOOK_SECONDS
    while look(site.pk, clock) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def send(clock: Clock) -> None:
    """Send one, and keep what was answered."""
    event_id = uuid4()
    with db.transaction() as cursor:
        cursor.execute(_SQL["sent"], [event_id, clock()])
    status, accepted = _post(event_id)
    accepted_at = clock() if accepted else None
    with db.transaction() as cursor:
        cursor.execute(_SQL["answered"], [event_id, status, accepted_at])


def _post(event_id: UUID) -> tuple[int | None, bool]:
    """The HTTP status, None when nothing answers in time, and whether the event was accepted."""
    event = {
        "name": "pageview",
        "url": f"https://{DOMAIN}/",
        "event_id": str(event_id),
        "visitor_id": event_id.hex,
    }
    request = urllib.request.Request(
        f"{settings.CANARY_URL}/v1/events",
        msgspec.json.encode({"site": DOMAIN, "events": [event]}),
        {"User-Agent": USER_AGENT, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            return response.status, response.status == 202 and b'"accepted":1' in response.read()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, False
    except (OSError, http.client.HTTPException):
        return None, False


def look(site_id: int, clock: Clock) -> bool:
    """Note which have become visible; whether others have not."""
    since = clock() - LOST
    with db.transaction() as cursor:
        cursor.execute(_SQL["open"], [since])
        waited_for = {event_id for (event_id,) in cursor.fetchall()}
        if not waited_for:
            return False
        cursor.execute(_SQL["stored"], [site_id, since - _CLOCKS, list(waited_for)])
        stored = {event_id for (event_id,) in cursor.fetchall()}
        if stored:
            cursor.execute(_SQL["seen"], [list(stored), clock()])
    return stored != waited_for


def forget(now: dt.datetime) -> None:
    """Keep a week of results."""
    with db.transaction() as cursor:
        cursor.execute(_SQL["forget"], [now - KEPT])


def state(cursor: db.Cursor, now: dt.datetime) -> State:
    """What the last ones came to."""
    cursor.execute(_SQL["last_visible"])
    last_sent_at, seconds = cursor.fetchone() or (None, None)
    cursor.execute(_SQL["waiting"], [now - LOST])
    ((waiting_since,),) = cursor.fetchall()
    cursor.execute(_SQL["refused"], [now - dt.timedelta(hours=1)])
    ((refused,),) = cursor.fetchall()
    return State(last_sent_at, seconds, waiting_since, refused)


@transaction.atomic
def _site() -> models.Site:
    """The canary's site. Its organisation is its own, whatever customers call theirs."""
    found = models.Site.objects.filter(domain=DOMAIN).first()
    if found is not None:
        return found
    made = models.Site(organisation=models.Organisation.objects.create(name=ORGANISATION), domain=DOMAIN)
    made.full_clean()
    create.save_new(made)
    return made
