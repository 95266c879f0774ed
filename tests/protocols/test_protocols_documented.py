"""docs/protocols.md and the pages beside it name every field, code and limit there is."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from analytics import protocols
from analytics.events import ClientEvent, Limits
from analytics.ingest import answers
from analytics.protocols import log

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "protocols.md").read_text()
OVER_HTTP = [module for module in protocols.BY_NAME.values() if module is not log]


def page_of(protocol: ModuleType) -> str:
    return (DOCS / "protocols" / f"{protocol.NAME}.md").read_text()


def section(title: str) -> str:
    """The text of docs/protocols.md under a heading that begins so."""
    return re.split(r"^## ", PAGE.partition(f"## {title}")[2], maxsplit=1, flags=re.MULTILINE)[0]


def cells(text: str, column: int) -> set[str]:
    """What stands in backticks in a column of the page's tables of keys."""
    rows = [line.strip("|").split("|") for line in text.replace("\\|", "/").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row[column])}


def keys_of(protocol: ModuleType) -> set[str]:
    """The keys that a protocol reads: of its structs, and of its table KEYS (ours → theirs) where it has one."""
    table: dict[str, Any] = getattr(protocol, "KEYS", {})
    if table:
        return {key for keys in table.values() for key in ([keys] if isinstance(keys, str) else keys)}
    structs = [kind for kind in vars(protocol).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return {
        name
        for kind in structs
        if kind.__module__ == protocol.__name__ and kind.__name__ != "_Revenue"
        for name in kind.__struct_encode_fields__
    }


@pytest.mark.parametrize("protocol", OVER_HTTP, ids=lambda protocol: protocol.NAME)
def test_every_key_of_a_format_is_documented_and_no_other(protocol: ModuleType) -> None:
    assert cells(page_of(protocol), 0) == keys_of(protocol)


@pytest.mark.parametrize("protocol", OVER_HTTP, ids=lambda protocol: protocol.NAME)
def test_every_field_that_is_filled_is_one_of_a_client_event(protocol: ModuleType) -> None:
    named = cells(page_of(protocol), 2)
    assert named <= set(ClientEvent.__struct_fields__)
    assert {"name", "url"} <= named


@pytest.mark.parametrize("protocol", OVER_HTTP, ids=lambda protocol: protocol.NAME)
def test_every_format_is_in_the_table_of_formats(protocol: ModuleType) -> None:
    assert f"(protocols/{protocol.NAME}.md)" in PAGE


def test_every_code_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section("Codes"), re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {
        code.value: status for code, status in answers.STATUS.items()
    }


def test_the_limits_are_those_of_the_code() -> None:
    limits = dict(re.findall(r"^\| ([a-z ,A-Z]+) \| (\d+ ?\w*) \|$", section("All formats"), re.MULTILINE))
    assert limits == {
        "body as sent": f"{Limits.BODY_BYTES >> 20} MiB",
        "body inflated": f"{Limits.INFLATED_BYTES >> 20} MiB",
        "events in a request": str(Limits.EVENTS_PER_REQUEST),
        "one event": f"{Limits.EVENT_BYTES >> 10} KiB",
        "name": f"{Limits.NAME_CHARS} characters",
        "URL, referrer": f"{Limits.URL_CHARS} characters",
        "title": f"{Limits.TITLE_CHARS} characters",
        "event id, visitor id, user id": f"{Limits.ID_CHARS} characters",
        "properties of an event": str(Limits.PROPS),
        "name of a property": f"{Limits.PROP_KEY_CHARS} characters",
        "value of a property": f"{Limits.PROP_VALUE_CHARS} characters",
    }
