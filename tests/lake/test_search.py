"""Staff find hits in the lake by site and time, each beside its event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics.events import Hit
from analytics.lake import export, read, search
from analytics.sites import models
from tests import builders

pytestmark = pytest.mark.database
HOUR = dt.timedelta(hours=1)


def look(site: models.Site, **given: Any) -> search.Search:
    span = {"start": builders.NOW - HOUR, "end": builders.NOW + HOUR}
    return search.Search(**{"site_id": site.pk, **span, **given})


def export_all() -> None:
    export.export("hits")
    export.export("events")


def test_a_hit_is_found_as_received_beside_its_event(record: Callable[..., list[Hit]], site: models.Site) -> None:
    (hit,) = record([{"url": "/a", "title": "A"}])
    export_all()
    (row,) = search.page(look(site), 0).rows
    assert (row["hit_id"], row["payload"]) == (str(hit.hit_id), hit.payload)
    assert (row["name"], row["path"], row["browser"], row["ip_prefix"]) == ("pageview", "/a", "Chrome", "81.2.69.0/24")


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({}, ["/b/2", "/b/1", "/a"]),
        ({"name": "Signup"}, ["/b/2"]),
        ({"path": "/b"}, ["/b/2", "/b/1"]),
        ({"path": "%"}, []),
        ({"start": builders.NOW + dt.timedelta(seconds=1)}, ["/b/2", "/b/1"]),
        ({"end": builders.NOW + dt.timedelta(seconds=1)}, ["/a"]),
    ],
)
def test_by_time_name_and_path(
    record: Callable[..., list[Hit]], site: models.Site, given: dict[str, Any], paths: list[str]
) -> None:
    record([{"url": "/a"}, {"url": "/b/1"}, {"url": "/b/2", "name": "Signup"}])
    export_all()
    assert [row["path"] for row in search.page(look(site, **given), 0).rows] == paths


def test_by_visitor(record: Callable[..., list[Hit]], site: models.Site) -> None:
    hits = record([{"ip": "81.2.69.1"}, {"ip": "81.2.69.2"}, {"ip": "81.2.69.1"}])
    export_all()
    assert len(search.page(look(site, visitor=str(hits[0].visitor_id)), 0).rows) == 2


def test_a_refused_hit_is_found_with_its_reason(site: models.Site) -> None:
    builders.push([(0, builders.hit(site_id=site.pk, refused="no_name"))])
    builders.drain()
    export_all()
    (row,) = search.page(look(site), 0).rows
    assert (row["refused"], row["name"]) == ("no_name", None)


def test_hits_of_another_site_are_never_found(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record([{}])
    export_all()
    assert search.page(look(site, site_id=site.pk + 1), 0).rows == []


def test_pages_follow_each_other(
    record: Callable[..., list[Hit]], site: models.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    record([{"url": f"/{n}"} for n in range(5)])
    export_all()
    pages = [search.page(look(site), n) for n in range(3)]
    assert [[row["path"] for row in page.rows] for page in pages] == [["/4", "/3"], ["/2", "/1"], ["/0"]]
    assert [page.more for page in pages] == [True, True, False]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"end": builders.NOW - 2 * HOUR}, "after the start"),
        ({"start": builders.NOW - 24 * 100 * HOUR}, "92 days"),
        ({"visitor": "1 OR 1=1"}, "number"),
        ({"visitor": "9" * 19}, "number"),
    ],
)
def test_nonsense_is_refused_in_words(site: models.Site, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(search.BadSearch, match=reason):
        look(site, **given)


def test_a_file_that_vanished_is_a_lake_that_is_away(record: Callable[..., list[Hit]], site: models.Site) -> None:
    record([{}])
    export_all()
    for path in search._files(look(site))[0]:
        Path(path).unlink()
    with pytest.raises(read.LakeAway):
        search.page(look(site), 0)
    with pytest.raises(read.LakeAway):
        list(search.download(look(site)))
