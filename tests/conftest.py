"""What every test can ask for. One marked `database`, `flow` or `browser` begins with empty stores.

Those that share a running process for a whole folder ask for `lasting_stores` instead, and see what the others left.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import override_settings

WITH_STORES = ("database", "flow", "browser")
TABLES = (
    "hit, event, part_offset, seen_event, quarantine, ledger, ledger_taken, overflow, unsettled, canary, reading,"
    " exchange_rate"
)
CATALOG_TABLES = ("iceberg_tables", "iceberg_namespace_properties")
TEST_DATABASES = {"BUFFER_URL": 11, "CACHE_URL": 12, "CELERY_BROKER_URL": 13}
"""Redis databases for tests, so that a run never touches what an instance on the same servers holds."""


def pytest_configure(config: pytest.Config) -> None:
    """Before anything connects: tests have Redis databases of their own."""
    for name, number in TEST_DATABASES.items():
        url = urlsplit(getattr(django_settings, name))._replace(path=f"/{number}").geturl()
        setattr(django_settings, name, url)
    django_settings.CACHEOPS_REDIS = django_settings.CACHE_URL
    # Pages link to the files as they are in the checkout; WhiteNoise wants its folder all the same.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    django_settings.STORAGES = django_settings.STORAGES | {"staticfiles": plain}
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pipeline has connections of its own, so a test cannot live in a transaction and roll it back."""
    for item in items:
        if any(item.get_closest_marker(name) for name in WITH_STORES) and not _shares_stores(item):
            item.add_marker(pytest.mark.django_db(transaction=True, reset_sequences=True))
    items.sort(key=_shares_stores)


def _shares_stores(item: pytest.Item) -> bool:
    return "lasting_stores" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """pytest-django's own; every other session is ended before the test database goes."""
    from analytics.lake import tables
    from analytics.store import arrow, db

    yield
    tables.close_catalogs()
    arrow.close()
    db.close_pools()
    with contextlib.closing(db.connect(autocommit=True)) as connection:
        # A thread of the live server may still be at a request that its browser no longer waits for.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = ''"
        )


@pytest.fixture(autouse=True)
def _stores_for_those_who_need_them(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("stores")


@pytest.fixture
def stores(transactional_db: None, settings: Any, tmp_path: Path) -> None:
    """Empty TimescaleDB, Valkey and lake; what the process remembers of them is forgotten."""
    _empty()
    for name, value in _lake(tmp_path).items():
        setattr(settings, name, value)


@pytest.fixture(scope="package")
def lasting_stores(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The same, once for all tests of a folder: none of them empties the stores or counts what is in them.

    The folder has a fixture `db` of its own that asks for this, by which pytest-django sees that it needs a database.
    """
    with django_db_blocker.unblock(), override_settings(**_lake(tmp_path_factory.mktemp("lasting"))):
        _empty()
        yield
        _empty()
        call_command("flush", verbosity=0, interactive=False)


def _empty() -> None:
    from analytics.buffer import server
    from analytics.ingest import salts
    from analytics.lake import tables
    from analytics.sites import lookup
    from analytics.store import db

    assert str(db.parameters()["dbname"]).startswith("test_")
    for name in TEST_DATABASES:
        with redis.Redis.from_url(getattr(django_settings, name)) as valkey:
            valkey.flushdb()
    with db.transaction() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
        # Tests open periods ahead of time; their tables may stay.
        cursor.execute("UPDATE seen_period SET opened_at = now() - INTERVAL '1 hour'")
        for table in CATALOG_TABLES:
            cursor.execute("SELECT to_regclass($1) IS NOT NULL", [table])
            if cursor.fetchone() == (True,):
                cursor.execute(f"TRUNCATE {table}")
    salts._known.clear()
    salts._asked_at.clear()
    server._away_until = 0.0
    lookup.forget()
    tables.close_catalogs()


def _lake(folder: Path) -> dict[str, Any]:
    """Settings of a lake in a folder."""
    lake = folder / "lake"
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(lake)},
    }
    return {
        "LAKE_URL": lake.as_uri(),
        "LAKE_CACHE_DIR": str(folder / "lake-cache"),
        "STORAGES": django_settings.STORAGES | {"lake": storage},
    }


@pytest.fixture
def site(stores: None) -> Any:
    """A site, example.com, of the organisation Test."""
    from analytics.sites import create

    return create.site("example.com", organisation="Test").site


@pytest.fixture
def record(site: Any) -> Callable[..., Any]:
    """`record([{...}, …])`: history of `site` through the real pipeline; see builders.record."""
    from tests import builders

    return lambda items, **options: builders.record(site, items, **options)


@pytest.fixture
def environment(stores: None) -> dict[str, str]:
    """The environment of a process that works on the stores of this test."""
    return environment_now()


def environment_now() -> dict[str, str]:
    """The environment of a process that works on the stores that the settings name now."""
    from analytics.store import db

    url = urlsplit(os.environ["DATABASE_URL"])
    name = django_settings.DATABASES["default"]["NAME"]
    assert str(name) in db.conninfo()
    return os.environ | {
        "DATABASE_URL": url._replace(path=f"/{name}").geturl(),
        "BUFFER_URL": django_settings.BUFFER_URL,
        "CACHE_URL": django_settings.CACHE_URL,
        "BROKER_URL": django_settings.CELERY_BROKER_URL,
        "LAKE_URL": django_settings.LAKE_URL,
        "LAKE_CACHE_DIR": django_settings.LAKE_CACHE_DIR,
    }
