"""Every number of the catalogue of hostile input is tried, or it is said why not."""

from __future__ import annotations

import re

import pytest

from tests.hostile import catalogue
from tests.processes import ROOT

_NAMED = re.compile(
    r"""(?:def[ ]test_|["'])([1-9]\d{0,2})(?:[_-](and|to)[_-](\d{1,3}))?[_-](?=[a-z0-9{])  # a test, or the id of a case
    | ^[ ]{4}"(\d{1,3})":[ ]\[                                                 # or of a list of cases
    """,
    re.VERBOSE | re.MULTILINE,
)


def tried_here() -> set[int]:
    """The numbers in the names and ids of this folder's tests."""
    found: set[int] = set()
    for module in (ROOT / "tests" / "hostile").glob("test_*.py"):
        for first, word, last, key in _NAMED.findall(module.read_text()):
            ends = int(first or key), int(last or first or key)
            found |= {*range(ends[0], ends[1] + 1)} if word == "to" else {*ends}
    return found


def test_every_number_is_claimed_in_one_place() -> None:
    places = tried_here(), {*catalogue.ELSEWHERE}, {*catalogue.UNTRIED}
    claimed = sorted(number for place in places for number in place)
    assert claimed == [*range(1, catalogue.LAST + 1)]


@pytest.mark.parametrize("number", catalogue.ELSEWHERE)
def test_what_is_tried_elsewhere_is_there(number: int) -> None:
    path, _, name = catalogue.ELSEWHERE[number].partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()
