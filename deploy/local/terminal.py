"""What the commands say, and how they fail."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Problem(Exception):
    """Something the reader can mend; the message is the whole sentence that is shown."""


def say(text: str = "") -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a piece of work and, when it is done, how long it took."""
    began_at = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {what} …", end="", flush=True)
    try:
        yield
    except BaseException:
        if sys.stdout.isatty():
            print(flush=True)
        raise
    start = "\r" if sys.stdout.isatty() else ""
    print(f"{start}  {what}: {time.monotonic() - began_at:.1f} s", flush=True)


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log file, indented, or a note that there is nothing in it."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (nothing was logged)"
