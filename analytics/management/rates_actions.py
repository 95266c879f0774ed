"""What `bin/manage rates` can do."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from analytics.management.actions import Action, Facts, Options
from analytics.store import rates


def _load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="such as the European Central Bank's eurofxref-hist.csv; - is the standard input")


def _load(options: Options) -> Facts:
    if options["file"] == "-":
        return {"changed": rates.load(sys.stdin)}
    try:
        with Path(options["file"]).open(encoding="utf-8-sig", newline="") as lines:
            return {"changed": rates.load(lines)}
    except (OSError, UnicodeDecodeError) as error:
        raise rates.BadRates(f"The file cannot be read: {error}") from None


def _lines(facts: Facts) -> list[str]:
    return [f"{facts['changed']} rates are new or changed."]


ACTIONS = {"load": Action("keep the rates of a file; what it has again stands", _load_arguments, _load, _lines)}
