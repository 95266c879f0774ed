"""The library that Segment's and RudderStack's Python clients have in common: a queue, sent by a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def queued(kind: Callable[..., Any], host: str, **options: Any) -> Iterator[Any]:
    """A client whose queue is sent, and whose thread has ended, when the block ends."""
    failures: list[Exception] = []
    options = {"upload_interval": 0.1, "on_error": lambda error, _: failures.append(error)} | options
    made = kind("WK123", host=host, **options)
    try:
        yield made
        made.flush()
    finally:
        if not getattr(made, "sync_mode", False):
            made.join()
    assert failures == []
