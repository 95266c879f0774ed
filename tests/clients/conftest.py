"""Real clients against a running ingest pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import processes


@pytest.fixture
def pool(environment: dict[str, str]) -> Iterator[str]:
    """The address of an ingest pool on the stores of this test; what it accepts is written by `builders.drain()`."""
    with processes.pool("ingest", environment, INGEST_WORKERS="1") as address:
        yield address
