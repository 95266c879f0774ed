"""The relations of a statement that few questions need, beside those that `sql.py` always has.

g  goals that rows are of         u  all visitors of a conversion rate       s  how far visitors scrolled
h  visits that have done it       c  the same by the dimensions              p  pageviews of the page left from
r  rates of currencies            k  the rows that are given
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analytics.reports import catalog, dimensions
from analytics.reports.currency import Rates
from analytics.reports.fragments import Fragments
from analytics.reports.query import Query
from analytics.store import db

_SHAPES = db.statements(__file__)
_GROUP = {dimensions.GOAL: ""}
"""The dimensions of a group do not have the goal."""
_APART: dict[str, Iterable[str]] = {"c": _GROUP, "k": catalog.BUCKETS}
"""The dimensions that a relation does not have."""
_SEEN = {dimensions.EXIT_PAGE: dimensions.PAGE}


def before(write: Fragments, exits: bool, rates: Rates) -> dict[str, str]:
    """The relations that others read."""
    relations = {}
    if dimensions.GOAL in write.query.dimensions:
        named = [
            _SHAPES["goal"].format(number=number, name=write.value(goal.name))
            for number, goal in enumerate(write.tests.wanted, 1)
        ]
        relations["g"] = _SHAPES["g"].format(goals=" ".join(named))
    read = "e LEFT JOIN x ON x.visit_id = e.visit_id" if exits else "e"
    for number, done in enumerate(write.dones):
        write.plain("visit_id")
        matching = write.holds(done, write.ts())
        relations[f"h{number}"] = _SHAPES["h"].format(read=read, matching=matching, **_range(write))
    if is_priced(write.query):
        given = {name: write.value(list(getattr(rates, name))) for name in ("days", "currencies", "factors")}
        relations["r"] = _SHAPES["r"].format(**given)
    return relations


def source(write: Fragments, exits: bool) -> str:
    """The events, with what is known of their visits."""
    read = "e LEFT JOIN x ON x.visit_id = e.visit_id" if exits else "e"
    for number, _ in enumerate(write.dones):
        read += f" LEFT JOIN h{number} ON h{number}.visit_id = e.visit_id"
    return read


def of_rows(write: Fragments, read: str, instant: str) -> dict[str, str]:
    """What the rows are of: the events that the filter holds for, once for each goal when rows are of goals."""
    matching = write.matching(instant) + write.given(instant)
    if dimensions.GOAL in write.query.dimensions:
        reached = write.reached(instant)
        cases = " ".join(f"WHEN {number} THEN {holds}" for number, holds in enumerate(reached, 1))
        read += " CROSS JOIN g"
        matching += f" AND ({' OR '.join(reached)}) AND CASE g.number {cases} END" if cases else " AND FALSE"
    return {"read": read, "matching": matching}


def with_rates(write: Fragments, read: str) -> str:
    """The events with the rates of their days."""
    write.plain("revenue"), write.plain("currency")
    return f"{read} LEFT JOIN r ON r.currency = e.currency AND r.day = CAST({write.ts()} AS date)"


def is_priced(query: Query) -> bool:
    """Whether revenue is asked for."""
    return any("earned" in catalog.metric(name).events for name in query.metrics)


def events_sql(write: Fragments, counted: str) -> str:
    """An aggregate of events, completed."""
    if "{converted}" not in counted:
        return counted.replace("{amount}", "CAST(e.revenue * r.factor AS decimal(38, 4))")
    if dimensions.GOAL in write.query.dimensions:
        return counted.replace("{converted}", "TRUE")
    return counted.replace("{converted}", " OR ".join(write.reached(write.ts())) or "FALSE")


def visits_sql(query: Query, counted: str) -> str:
    """An aggregate of visits, completed."""
    page = ""
    if dimensions.PAGE in query.dimensions:
        page = f" AND {{fact}} = w.d{query.dimensions.index(dimensions.PAGE)}"
    for place, fact in (("{entered}", "v.entry"), ("{left}", "v.exit")):
        counted = counted.replace(place, f"{fact} <> ''{page.format(fact=fact)}")
    return counted


def after(write: Fragments, exits: bool) -> dict[str, str]:
    """The relations that are joined to the counts, or looked into."""
    query, ts, read = write.query, write.ts(), source(write, exits)
    wanted = _joined(query)
    relations = {}
    base = {"read": read, "matching": write.also(write.tests.everyone, ts), **_range(write)}
    if any("u.everyone" in catalog.metric(name).sql for name in query.metrics):
        write.plain("visitor_id")
        relations["u"] = _SHAPES["u"].format(**base)
    if "c" in wanted:
        everyone = f"count(DISTINCT {write.plain('visitor_id')}) AS everyone"
        keys = write.keys(ts, instead=_GROUP)
        relations["c"] = _SHAPES["c"].format(columns=_list(keys, everyone), grouped=_grouped(query, "c"), **base)
    own = {**of_rows(write, read, ts), **_range(write)}
    if "s" in wanted:
        write.plain("scroll_percent")
        visitor, names = write.plain("visitor_id"), _names(query, "s")
        relations["s"] = _SHAPES["s"].format(
            names=_list(names, "sum(n.deepest) AS deepest"),
            columns=_list(write.keys(ts), visitor),
            by=_list(names, visitor),
            grouped=_grouped(query, "s"),
            **own,
        )
    if "p" in wanted:
        write.plain("name")
        keys = write.keys(ts, instead=_SEEN)
        relations["p"] = _SHAPES["p"].format(
            columns=_list(keys, "count(*) AS seen"), grouped=_grouped(query, "p"), **own
        )
    return relations


def kept(write: Fragments) -> dict[str, str]:
    """The relation of the rows that are given, when they are not all."""
    return {"k": _SHAPES["k"].format(columns=", ".join(_listed(write)))} if write.query.only else {}


def _listed(write: Fragments) -> list[str]:
    """The values of the rows that are given, a list for each dimension."""
    lists = map(list, zip(*write.query.only, strict=True))
    kept = [name for name in write.query.dimensions if name not in catalog.BUCKETS]
    return [
        f"CAST(unnest(CAST({write.value(values)} AS varchar[])) AS {_kind(name)}) AS {column}"
        for name, column, values in zip(kept, _names(write.query, "k"), lists, strict=True)
    ]


def _kind(name: str) -> str:
    return "integer" if catalog.dimension(name).scope == "time" else "varchar"


def joins(query: Query) -> str:
    """The joins that bring the relations to the counts."""
    joined = f" JOIN k USING ({', '.join(_names(query, 'k'))})" if query.only else ""
    for relation in _joined(query):
        names = _names(query, relation)
        joined += f" LEFT JOIN {relation} USING ({', '.join(names)})" if names else f" CROSS JOIN {relation}"
    return joined


def _joined(query: Query) -> list[str]:
    return sorted({relation for name in query.metrics for relation in catalog.metric(name).beside})


def _range(write: Fragments) -> dict[str, str]:
    return {"low": write.instant(write.query.start), "high": write.instant(write.query.end)}


def _names(query: Query, relation: str) -> list[str]:
    apart = _APART.get(relation, ())
    return [f"d{index}" for index, name in enumerate(query.dimensions) if name not in apart]


def _grouped(query: Query, relation: str) -> str:
    names = _names(query, relation)
    return f" GROUP BY {', '.join(names)}" if names else ""


def _list(names: Sequence[str], *more: str) -> str:
    return ", ".join([*names, *more])
