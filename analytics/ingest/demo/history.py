"""Months of the demo site's past, through the door's own code, the buffer and a writer."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from random import Random

import msgspec

from analytics.events import Hit
from analytics.ingest import feed, visitor
from analytics.ingest.demo import visitors, world
from analytics.ingest.hits import Caller, Door, admit
from analytics.protocols import recount
from analytics.sites import lookup, models

VISITS_PER_DAY = 130
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 12, 12, 13, 13, 12, 12, 13, 15, 17, 16, 11, 6)
"""Visits by the hour of the day where the visitor is."""
WEEKDAYS = (1.06, 1.04, 1.0, 1.02, 0.95, 0.86, 1.07)
GROWTH = 0.5
"""The last day has this much more than the first."""
LAUNCH_REFERRER = "https://news.ycombinator.com/"
LAUNCH_AT = 0.6
"""Of the range: the day that somebody else wrote about the shop; it fades over three days."""
LAUNCH_TIMES = (3.2, 1.8, 0.5)


def make(site: models.Site, days: int, tell: Callable[[str], None], *, wait: bool) -> int:
    """Push the days before the site was made; how many hits. Doing it again changes nothing: the same ids are drawn.

    With `wait` they are rows when it returns. Raises feed.Stalled.
    """
    feeding = feed.Feed(tell, most_waiting=feed.MOST_WAITING_HITS if wait else feed.ALL)
    for part, hit in hits(site, days, dt.datetime.now(dt.UTC)):
        feeding.add(part, hit)
    feeding.finish()
    if wait:
        feeding.wait()
    return feeding.pushed


def hits(site: models.Site, days: int, now: dt.datetime) -> Iterator[tuple[int, Hit]]:
    """(part, hit) of each event, visit by visit; the site's creation decides everything."""
    facts = lookup.facts(site)
    until = site.created_at.astimezone(dt.UTC)
    model = visitors.Model(Random(f"{until.isoformat()} {days}"))
    for began_at, person, steps in visits(model, until, days):
        address = visitor.parse_address(person.address)
        who = Caller(address, person.user_agent, language=person.language)
        door = Door(who, now, secret_site=site.pk, history=True)
        for step in steps:
            at = began_at + dt.timedelta(seconds=step.after_seconds)
            if at < until:
                payload = msgspec.json.encode(step.event | {"timestamp": at.isoformat()}).decode()
                yield admit(recount, payload, facts, door)


def visits(
    model: visitors.Model, until: dt.datetime, days: int
) -> Iterator[tuple[dt.datetime, visitors.Person, list[visitors.Step]]]:
    """(beginning, who, what) of every visit of the days before a moment."""
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    launch_day = int(days * LAUNCH_AT)
    for number in range(days + 1):
        day = midnight - dt.timedelta(days=days - number)
        usual = VISITS_PER_DAY * WEEKDAYS[day.weekday()] * (1 + GROWTH * number / max(days, 1))
        for _ in range(round(usual * model.random.uniform(0.9, 1.1))):
            yield _visit(model, day, None)
        for _ in range(round(usual * _launch(number - launch_day))):
            yield _visit(model, day, _launch_source())


def _launch(days_after: int) -> float:
    return LAUNCH_TIMES[days_after] if 0 <= days_after < len(LAUNCH_TIMES) else 0.0


def _launch_source() -> world.Source:
    landing: world.Weighted[str] = world.Weighted()
    landing.put("launch", 1)
    return world.Source(LAUNCH_REFERRER, "", landing)


def _visit(
    model: visitors.Model, day: dt.datetime, source: world.Source | None
) -> tuple[dt.datetime, visitors.Person, list[visitors.Step]]:
    person = model.person()
    hour = model.random.choices(range(24), HOURS)[0] - person.utc_offset_hours
    seconds = model.random.random() * 3600
    began_at = day + dt.timedelta(hours=hour % 24, seconds=math.floor(seconds * 1000) / 1000)
    return began_at, person, model.visit(person, source)
