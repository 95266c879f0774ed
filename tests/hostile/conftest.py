"""One ingest pool for the whole folder, and what must be true after each of its modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analytics.sites import create
from tests import conftest, processes
from tests.hostile import sinks
from tests.hostile.running import Pool


@pytest.fixture(scope="package")
def db(lasting_stores: None) -> None:
    """In place of pytest-django's: nothing is undone between the tests of this folder."""


@pytest.fixture(scope="package")
def pool(db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A pool behind one trusted proxy (127.0.0.1), which knows example.com and other.example."""
    site, other = (create.site(domain, organisation="Test") for domain in ("example.com", "other.example"))
    log = tmp_path_factory.mktemp("hostile") / "pool.log"
    environment = conftest.environment_now() | {"TRUSTED_PROXIES": "127.0.0.1/32"}
    with log.open("wb") as errors, processes.pool("ingest", environment, errors) as address:
        running = Pool(address, site, other, environment, log)
        yield running
        running.close()


@pytest.fixture(scope="module", autouse=True)
def _everything_can_be_carried(pool: Pool) -> Iterator[None]:
    """After each module: all that was accepted is in TimescaleDB and the lake, and pages show it."""
    yield
    pool.drain()
    sinks.check(pool)
