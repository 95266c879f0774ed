"""docs/settings.md and config/ name the same variables, with the same defaults."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"text", "number", "flag", "words", "networks", "database"}
NO_DEFAULT = {"text": "must be set", "database": "must be set", "flag": "no", "words": "empty", "networks": "empty"}


def read_by_the_code() -> dict[str, set[str | None]]:
    """Variable → defaults in words; None for one that is computed."""
    found: dict[str, set[str | None]] = {}
    for file in sorted((ROOT / "config").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
                if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "env"):
                    continue
                name = node.args[0]
                assert isinstance(name, ast.Constant), f"{file.name}:{node.lineno} reads a computed variable"
                found.setdefault(str(name.value), set()).add(_default(node, node.func.attr))
    return found


def _default(call: ast.Call, reader: str) -> str | None:
    if len(call.args) == 1:
        return NO_DEFAULT[reader]
    given = call.args[1]
    return (str(given.value) or "empty") if isinstance(given, ast.Constant) else None


def documented() -> dict[str, str]:
    """Variable → the column of its default."""
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| [^|]{10,} \|$", page, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a variable is documented twice"
    return dict(rows)


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    assert sorted(documented()) == sorted(read_by_the_code())


def test_the_documented_defaults_are_those_of_the_code() -> None:
    page = documented()
    for name, defaults in read_by_the_code().items():
        for default in defaults - {None}:
            assert page[name].replace("`", "") == default, name
