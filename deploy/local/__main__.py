"""The way in: `python -m deploy.local up|down|test|bench|chaos|manage …`."""

from __future__ import annotations

import signal
import sys

from deploy.local.bench import bench
from deploy.local.chaos import chaos
from deploy.local.manage import manage
from deploy.local.terminal import Problem, complain
from deploy.local.test import test
from deploy.local.up import down, up

COMMANDS = {"up": up, "down": down, "test": test, "bench": bench, "chaos": chaos, "manage": manage}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    # A terminal that is closed and a plain kill end things as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        return COMMANDS[sys.argv[1]](sys.argv[2:])
    except Problem as problem:
        complain(str(problem))
    except KeyboardInterrupt:
        complain("Interrupted.")
        return 130
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename or 'no file'}")
    return 1


sys.exit(main())
