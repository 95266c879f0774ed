"""A small world in which everything is awkward: visits over midnight, clock changes and the edges of ranges, late
events, equal times, bots, values that look like SQL, wildcards or "not set"; and random questions about it."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

from analytics.events import Event
from analytics.reports import catalog, check, goals
from analytics.reports.query import All, AnyOf, BadQuery, Condition, Done, Filter, Goal, Not, Query
from analytics.store import db, rates

SITE = 7
FIRST = dt.datetime(2026, 10, 22, 18, tzinfo=dt.UTC)
"""Berlin puts its clock back at 2026-10-25 01:00 UTC, Lord Howe its by half an hour on 2026-10-03."""
DAYS = 5
LAST = FIRST + dt.timedelta(days=DAYS)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati",
    "America/Sao_Paulo", "Asia/Beirut",
)  # fmt: skip
WORDS = ("", "", "(none)", "a", "A", "ä", "Ä", "100%", "a_b", "o'x\"; DROP", "b,c\\", "/a", "/a/b", "ß", "日本")
PATHS = ("/", "/a", "/a/b", "/A", "/é", "/?", "", "/100%")
NAMES = ("pageview", "pageview", "pageview", "engagement", "Sign up", "Sign up", "a")
EXPRESSIONS = ("^/a", "a|b", "/[a-z]+$", r"^\(none\)$", ".", "^$", r"\d{4}-10", "ä", "^[^a]*$", "(?:A|ß)b?", "(a+)+$")
"""Read alike by RE2 and Python, over texts without line breaks."""
CURRENCIES = ("EUR", "EUR", "USD", "JPY", "XXX")
"""There is no rate of the last."""
KEYS = ("plan", "$x", "/", "a.b", 'q"t', "0", "nope")
_TEXTS = (
    "referrer", "source", "medium", "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term",
    "country", "region", "city", "browser", "browser_version", "os", "os_version", "device", "screen", "language",
)  # fmt: skip


def events(seed: int, visits: int = 60) -> list[Event]:
    """The events of two sites, in no order."""
    luck = random.Random(seed)
    made: list[Event] = []
    for number in range(visits):
        made += _visit(luck, number, SITE if luck.random() < 0.9 else SITE + 1)
    luck.shuffle(made)
    return made


def _visit(luck: random.Random, number: int, site: int) -> list[Event]:
    started = FIRST + dt.timedelta(microseconds=luck.randrange(DAYS * 86_400_000_000))
    if luck.random() < 0.3:  # on the edge of something
        started = started.replace(hour=luck.choice((0, 23, 1)), minute=luck.choice((0, 59)), second=0, microsecond=0)
    own = {name: luck.choice(WORDS) for name in _TEXTS}
    is_bot = luck.random() < 0.15
    length = luck.choice((0, 1, 60, 3600, 20 * 3600, 24 * 3600 - 1))
    found = []
    for index in range(luck.choice((1, 1, 2, 3, 6))):
        after = luck.choice((0, luck.randrange(length + 1), -luck.randrange(1800))) if index else 0
        revenue = Decimal(luck.randrange(10**7)).scaleb(-luck.choice((0, 2, 4))) if luck.random() < 0.3 else None
        found.append(
            Event(
                site_id=site,
                ts=started + dt.timedelta(seconds=after),
                hit_id=UUID(int=luck.getrandbits(128)),
                event_id=None,
                visitor_id=luck.choice((1, -1)) * (number % 17),
                cookieless=True,
                visit_id=number - 30,
                visit_started_at=started,
                name=luck.choice(NAMES),
                host=luck.choice(("x.example", "y.example")),
                path=luck.choice(PATHS),
                title=luck.choice(WORDS),
                entry_path=own["source"] and "/a",
                interactive=luck.random() < 0.6,
                engagement_ms=luck.choice((0, 1, 15_000, 86_400_000)),
                scroll_percent=luck.choice((0, 0, 1, 37, 99, 100)),
                revenue=revenue,
                currency="" if revenue is None else luck.choice(CURRENCIES),
                props=json.dumps({key: luck.choice(WORDS) for key in luck.sample(KEYS[:-1], 2)}),
                category=luck.choice(("", "", "ai")) if is_bot else "",
                ruleset=luck.choice((1, 2)),
                part=number % 2,
                batch=luck.choice((1, 2, 3, 4)),
                **own,
            )
        )
    return found


RATES = {
    "USD": [(FIRST.date() - dt.timedelta(days=9), "1.1"), (FIRST.date() + dt.timedelta(days=2), "1.2345")],
    "JPY": [(FIRST.date() + dt.timedelta(days=1), "171.03"), (FIRST.date() + dt.timedelta(days=3), "169.9")],
}
"""Currency → (day, units per euro): with days of no rate, and orders in yen before there was any."""


def store_rates() -> None:
    """In the form of the European Central Bank, newest first."""
    known = {(day, currency): rate for currency, listed in RATES.items() for day, rate in listed}
    lines = ["Date," + ",".join(RATES) + ","]
    for day in sorted({day for day, _ in known}, reverse=True):
        lines.append(f"{day}," + ",".join(known.get((day, currency), "N/A") for currency in RATES) + ",")
    rates.load(lines)


def store(rows: Sequence[Event]) -> None:
    """Into the table `event`, as the writer does."""
    names = [field.name for field in msgspec.structs.fields(Event)]
    with db.transaction() as cursor:
        db.copy(cursor, "event", names, [[getattr(row, name) for name in names] for row in rows])
        for part in {row.part for row in rows}:
            last = max(row.batch for row in rows if row.part == part)
            cursor.execute(
                "INSERT INTO part_offset (part, batch) VALUES ($1, $2)"
                " ON CONFLICT (part) DO UPDATE SET batch = excluded.batch",
                [part, last],
            )


# --- questions ------------------------------------------------------------------------------------------------------
_KEPT = st.one_of(
    st.sampled_from(sorted({*catalog.DIMENSIONS} - {"event:goal"})),
    st.sampled_from([catalog.PROPS + key for key in KEYS]),
)
_DIMENSIONS = st.one_of(_KEPT, _KEPT, _KEPT, st.sampled_from(["event:goal", "event:page", "visit:exit_page"]))
_VALUES = st.sampled_from([*WORDS, *PATHS, *NAMES, "none", "NONE", "%", "_", "2026-10-25", "03", "6", "ai"])
_CONDITIONS = st.builds(
    lambda op, dimension, values, cased: Condition(
        op, dimension, tuple(v for v in values if v or op in ("is", "is_not")) or ("a",), cased
    ),
    st.sampled_from(["is", "is_not", "contains", "contains_not"]),
    _KEPT,
    st.lists(_VALUES, min_size=1, max_size=3),
    st.sampled_from([True, True, False]),
)
_MATCHES = st.builds(
    lambda op, dimension, values, cased: Condition(op, dimension, tuple(values), cased),
    st.sampled_from(["matches", "matches_not"]),
    _KEPT,
    st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=2),
    st.booleans(),
)
_GOALS: st.SearchStrategy[tuple[Goal, ...]] = st.lists(
    st.sampled_from(
        [
            Goal("Any", Condition("is", "event:name", ("pageview",))),
            Goal("Sign up", Condition("is", "event:name", ("Sign up",))),
            Goal(
                "sign UP ä",
                All((Condition("is", "event:name", ("Sign up",)), Condition("is", "event:props:plan", ("a",)))),
            ),
            Goal("Wild", All((Condition("is", "event:name", ("pageview",)), goals.page("/a/*")))),
            Goal("Deep", All((Condition("is", "event:name", ("engagement",)), goals.scrolled(37)))),
            Goal("Never", Condition("is", "event:name", ("no such event",))),
        ]
    ),
    min_size=1,
    max_size=4,
    unique=True,
).map(tuple)
_ABOUT_GOALS = st.builds(
    lambda op, value, cased: Condition(op, "event:goal", (value,), cased),
    st.sampled_from(["is", "is_not", "contains", "contains_not"]),
    st.sampled_from(["Any", "Sign up", "sign up ä", "ä", "Wild", "i"]),
    st.booleans(),
)
_LEAVES = st.one_of(_CONDITIONS, _CONDITIONS, _CONDITIONS, _MATCHES, _ABOUT_GOALS)
_FILTERS: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(_LEAVES, st.builds(Done, _LEAVES, st.booleans())),
    lambda inner: st.one_of(
        st.builds(lambda parts: All(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: AnyOf(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(Not, inner),
    ),
    max_leaves=4,
)


def fits(query: Query) -> bool:
    """Whether it is a question at all; tests/reports/test_check.py has those that are none."""
    try:
        check.query(query)
    except BadQuery:
        return False
    return True


@st.composite
def _instants(draw: st.DrawFn) -> dt.datetime:
    hours = draw(st.integers(-6, DAYS * 24 + 6))
    fine = draw(st.sampled_from([0, 0, 0, 1, 1800, 2700, 3599.999999]))
    return FIRST + dt.timedelta(hours=hours, seconds=fine)


def _shown(name: str) -> st.SearchStrategy[str]:
    """Values that rows have in a dimension, and some that none has."""
    texts = {"time:weekday": [*"1234567"], "time:hour_of_day": [f"{hour:02}" for hour in range(24)]}
    return st.sampled_from(texts.get(name, [*WORDS[2:], *PATHS, *NAMES, "x.example", "Any", "Sign up", "37"]))


def queries() -> st.SearchStrategy[Query]:
    """Questions that can be answered."""
    return st.one_of(_queries(), _queries(), _about_conversions(), _of_few_rows()).filter(fits)


_PARTS = st.one_of(
    _ABOUT_GOALS,
    _ABOUT_GOALS,
    st.builds(Condition, st.sampled_from(["is", "is_not"]), st.just("event:props:plan"), st.just(("a", "(none)"))),
    st.builds(Done, st.one_of(_ABOUT_GOALS, _CONDITIONS), st.booleans()),
    _CONDITIONS,
)


@st.composite
def _about_conversions(draw: st.DrawFn) -> Query:
    """Questions whose filter says which conversions are meant, and of whom."""
    metrics = ("conversions", "converters", "conversion_rate", "group_conversion_rate", "visitors", "visits")
    return replace(
        draw(_queries()),
        metrics=tuple(draw(st.lists(st.sampled_from(metrics), min_size=1, max_size=4, unique=True))),
        dimensions=draw(st.sampled_from([(), ("event:goal",), ("event:goal", "visit:source"), ("event:page",)])),
        filter=All(tuple(draw(st.lists(_PARTS, min_size=1, max_size=3)))),
        order=(),
        only=(),
        with_bots=True,
    )


@st.composite
def _of_few_rows(draw: st.DrawFn) -> Query:
    """Questions of some rows of many, of visits that cross the edges of the range with what they have done."""
    name = draw(st.sampled_from(["event:page", "visit:device", "time:weekday", "event:goal"]))
    pages = st.builds(Condition, st.just("is"), st.just("event:page"), st.sampled_from([("/a", "/"), ("/é",), ("/?",)]))
    start = FIRST + dt.timedelta(hours=draw(st.sampled_from(range(0, 96, 3))))
    return replace(
        draw(_queries()),
        start=start,
        end=start + dt.timedelta(hours=draw(st.sampled_from([6, 24, 48]))),
        metrics=("percentage", "conversion_rate", "visits", "pageviews"),
        dimensions=(name,),
        filter=Done(draw(pages), draw(st.booleans())),
        order=(),
        only=tuple(draw(st.one_of(st.just([]), st.lists(st.tuples(_shown(name)), max_size=20)))),
        with_bots=True,
    )


@st.composite
def _queries(draw: st.DrawFn) -> Query:
    zone = draw(st.sampled_from(ZONES))
    instants = sorted(draw(st.lists(_instants(), min_size=2, max_size=2, unique=True)))
    first, last = (at.astimezone(ZoneInfo(draw(st.sampled_from([zone, "UTC"])))) for at in instants)
    metrics = tuple(draw(st.lists(st.sampled_from(sorted(catalog.METRICS)), min_size=1, max_size=4, unique=True)))
    chosen = draw(st.lists(_DIMENSIONS, max_size=3, unique=True))
    if draw(st.integers(0, 4)) == 0:
        chosen = [draw(st.sampled_from(sorted(catalog.BUCKETS)))]
    if "exit_rate" in metrics:  # of pages alone
        pages = [draw(st.sampled_from(["event:page", "visit:exit_page"]))]
        chosen = pages + [name for name in chosen if not name.startswith("event:") and name != "visit:exit_page"]
    buckets = [name for name in chosen if name in catalog.BUCKETS][1:]
    dimensions = tuple(name for name in chosen if name not in buckets)
    order = draw(st.lists(st.sampled_from([*metrics, *dimensions]), max_size=2, unique=True))
    kept = [name for name in dimensions if name not in catalog.BUCKETS]
    only = draw(st.lists(st.tuples(*map(_shown, kept)), max_size=40)) if kept and draw(st.integers(0, 3)) == 0 else []
    return Query(
        site_id=SITE,
        only=tuple(only),
        metrics=metrics,
        start=first,
        end=last,
        zone=zone,
        dimensions=dimensions,
        filter=draw(st.one_of(st.none(), _FILTERS)),
        order=tuple((name, draw(st.sampled_from(["asc", "desc"]))) for name in order),
        limit=draw(st.sampled_from([1, 3, 10_000])),
        offset=draw(st.sampled_from([0, 0, 0, 1, 50])),
        with_bots=draw(st.integers(0, 3)) == 0,
        total_rows=draw(st.booleans()),
        fill=draw(st.booleans()),
        goals=draw(_GOALS),
        currency=draw(st.sampled_from(["EUR", "USD", "JPY", "CHF"])),
    )
