"""`bin/manage`: manage.py in the environment of an instance."""

from __future__ import annotations

import os

from deploy.local import instance, layout, python_packages
from deploy.local.layout import PYTHON, ROOT
from deploy.local.terminal import Problem


def manage(arguments: list[str]) -> int:
    known = instance.load(layout.home())
    was_started = bool(known.values)
    wants_help = not arguments or arguments[0] == "help" or {"-h", "--help"} & set(arguments)
    if not was_started and not wants_help:
        raise Problem(f"No instance was ever started in {known.home.path}; run bin/up first.")
    known.adopt_environment()
    if not was_started:
        known.complete()
    python_packages.install(python_packages.RUN)
    os.execve(PYTHON, [str(PYTHON), str(ROOT / "manage.py"), *arguments], known.environment())
