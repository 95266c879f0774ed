"""A small history, counted by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from tests import builders


@pytest.fixture
def history(record: Callable[..., Any]) -> None:
    """Three visits of three visitors in two hours: of 3, 0 and 2 minutes, with 2, 1 and 2 pageviews. The first has an
    event, the second bounces, the third came from Google."""

    def page(path: str, ip: str, minutes: int, **more: Any) -> dict[str, Any]:
        at = builders.NOW + dt.timedelta(minutes=minutes)
        return {"url": f"https://example.com{path}", "ip": ip, "at": at, **more}

    record(
        [
            page("/", "81.2.69.1", 0),
            page("/pricing", "81.2.69.1", 2),
            page("/pricing", "81.2.69.1", 3, name="Signup", props={"plan": "pro", "seats": "3"}),
            page("/", "81.2.70.1", 5),
            page("/", "81.2.71.1", 61, referrer="https://www.google.com/"),
            page("/docs", "81.2.71.1", 63),
        ]
    )
