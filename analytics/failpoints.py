"""Places where a process can be made to fail, so that tests can try what follows.

`FAIL_POINT=NAME:ACTION:NTH` makes the process do ACTION (`kill`, `stop` or `raise`) when it comes to the place NAME for
the NTH time. Without it, which is always outside of tests, `passed` is a function that does nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable

from django.conf import settings

NAMES = ("after take", "mid copy", "before commit", "after commit", "before trim", "after trim")


class Failed(RuntimeError):
    """What `raise` raises."""


def _nothing(name: str) -> None:
    pass


def _failing(wanted: str) -> Callable[[str], None]:
    place, action, nth = wanted.split(":")
    if place not in NAMES or action not in ("kill", "stop", "raise"):
        raise ValueError(f"FAIL_POINT names no place and action: {wanted!r}; places are {', '.join(NAMES)}")
    times = itertools.count(1)

    def passed(name: str) -> None:
        if name == place and next(times) == int(nth):
            if action == "raise":
                raise Failed(name)
            os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)

    return passed


passed: Callable[[str], None] = _failing(settings.FAIL_POINT) if settings.FAIL_POINT else _nothing
