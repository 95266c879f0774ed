"""docs/protocols.md names every field, code and limit there is."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from analytics.events import ClientEvent, Limits
from analytics.ingest import answers
from analytics.protocols import plausible, recount

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text()


def section(title: str) -> str:
    """The text under a heading that begins so."""
    return re.split(r"^## ", PAGE.partition(f"## {title}")[2], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> set[str]:
    """What stands in backticks in the first column of the section's tables."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_key_of_our_own_format_is_documented_and_no_other() -> None:
    structs: tuple[type[msgspec.Struct], ...] = (recount._Envelope, recount._Event)
    assert first_cells(section("Our own")) == {name for struct in structs for name in struct.__struct_encode_fields__}


def test_every_key_of_plausibles_format_is_documented_and_no_other() -> None:
    assert first_cells(section("Plausible's")) == {key for keys in plausible._KEYS.values() for key in keys}


def test_every_field_that_is_filled_is_one_of_a_client_event() -> None:
    for title in ("Our own", "Plausible's"):
        rows = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]*) \| ", section(title), re.MULTILINE)
        named = {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}
        assert named <= set(ClientEvent.__struct_fields__)
        assert {"name", "url", "props", "revenue", "currency"} <= named


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
