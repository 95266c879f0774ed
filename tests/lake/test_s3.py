"""The lake on S3: the same as on the local disk, through django-storages and boto3, over real HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from analytics.events import Hit
from analytics.lake import export, read, storage
from analytics.sites import models
from tests import builders
from tests.lake.test_export import EVER, ids, lake_ids

pytestmark = pytest.mark.database


@pytest.fixture
def s3(stores: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on a server of its own; the lake lies below a prefix of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="history")
    settings.LAKE_URL = "s3://history/recount"
    settings.STORAGES = settings.STORAGES | {
        "lake": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": "history",
                "location": "recount",
                "endpoint_url": endpoint,
                "region_name": "us-east-1",
                "file_overwrite": True,
            },
        }
    }
    yield endpoint
    server.stop()


def test_hits_and_events_are_exported_to_a_bucket_and_read_back(
    s3: str, record: Callable[..., list[Hit]], site: models.Site
) -> None:
    hits = record([{"url": f"/{n}"} for n in range(10)])
    export.export("hits")
    export.export("events")
    assert lake_ids(site, "events") == ids(hits)
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    keys = [found["Key"] for found in client.list_objects_v2(Bucket="history")["Contents"]]
    assert any(key.startswith("recount/events/data/day=") for key in keys)
    assert any(key.startswith("recount/hits/metadata/") for key in keys)


def test_a_file_is_downloaded_once_and_the_cache_stays_below_its_limit(
    s3: str, record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    record([{}])
    export.export("hits")
    export.export("events")
    (path,) = read.slice(site.pk, *EVER).files
    before = Path(path).stat().st_ino
    assert read.slice(site.pk, *EVER).files == (path,)
    assert Path(path).stat().st_ino == before
    settings.LAKE_CACHE_BYTES = 1
    (other,) = read.slice(site.pk, *EVER, "hits").files
    assert list(Path(settings.LAKE_CACHE_DIR).rglob("*.parquet")) == [Path(other)]


def test_a_slice_larger_than_the_cache_has_all_of_its_files(
    s3: str, record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    settings.LAKE_CACHE_BYTES = 1
    hits = record([{"at": builders.NOW + n * dt.timedelta(days=1)} for n in range(3)])
    export.export("hits")
    export.export("events")
    assert lake_ids(site, "events") == ids(hits)


def test_reports_that_ask_at_once_each_have_their_files_while_the_cache_is_short(
    s3: str, record: Callable[..., list[Hit]], site: models.Site, settings: Any
) -> None:
    hits = record([{"at": builders.NOW + n * dt.timedelta(days=1)} for n in range(4)])
    export.export("hits")
    export.export("events")
    size = sum(Path(path).stat().st_size for path in read.slice(site.pk, *EVER).files)
    settings.LAKE_CACHE_BYTES = size

    def rows(number: int) -> int:
        files = read.slice(site.pk, *EVER, "events" if number % 2 else "hits").files
        with duckdb.connect() as connection:
            return connection.execute("SELECT count(*) FROM read_parquet(?)", [list(files)]).fetchall()[0][0]  # type: ignore[no-any-return]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(rows, range(40))) == [len(hits)] * 40
    assert sum(path.stat().st_size for path in Path(settings.LAKE_CACHE_DIR).rglob("*.parquet")) <= 3 * size


def test_a_bucket_that_is_away_is_said_to_be_away(s3: str, record: Callable[..., list[Hit]], site: models.Site) -> None:
    record([{}])
    export.export("hits")
    export.export("events")
    for name in ("recount/events/metadata",):
        client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
        for found in client.list_objects_v2(Bucket="history", Prefix=name)["Contents"]:
            client.delete_object(Bucket="history", Key=found["Key"])
    with pytest.raises(read.LakeAway):
        read.slice(site.pk, *EVER)


def test_an_address_outside_the_lake_is_refused(s3: str) -> None:
    with pytest.raises(storage.NotOfThisLake):
        storage.name_of("s3://elsewhere/recount/x.parquet")
