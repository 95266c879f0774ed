"""Names and flags of countries: facts from `data/countries.tsv`."""

from __future__ import annotations

import functools
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "countries.tsv"
_REGIONAL_A = 0x1F1E6


@functools.cache
def countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code → English name."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def country(code: str) -> str:
    """English name of an ISO 3166-1 alpha-2 code; the text itself when it is none."""
    return countries().get(code.upper(), code)


def flag(code: str) -> str:
    """The flag as an emoji; empty when the text is no country."""
    if code.upper() not in countries():
        return ""
    return "".join(chr(_REGIONAL_A + ord(letter) - ord("A")) for letter in code.upper())
