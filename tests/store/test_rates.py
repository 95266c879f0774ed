"""Exchange rates as the European Central Bank publishes them."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics.store import rates

pytestmark = pytest.mark.database

FILE = """Date,USD,JPY,CYP,
2026-11-23,1.1545,178.93,N/A,
2026-11-20,1.1520,N/A,N/A,
2026-11-19,1.1583,181.02,0.585,
"""
FRIDAY = dt.date(2026, 11, 20)
MONDAY = dt.date(2026, 11, 23)


def load(text: str, tmp_path: Path) -> str:
    (tmp_path / "eurofxref-hist.csv").write_text(text)
    out = io.StringIO()
    call_command("rates", "load", str(tmp_path / "eurofxref-hist.csv"), stdout=out)
    return out.getvalue()


def test_a_file_is_kept_and_loading_it_again_changes_nothing(stores: None, tmp_path: Path) -> None:
    assert load(FILE, tmp_path) == "6 rates are new or changed.\n"
    assert load(FILE, tmp_path) == "0 rates are new or changed.\n"
    assert load(FILE.replace("1.1520", "1.1521"), tmp_path) == "1 rates are new or changed.\n"
    assert rates.known(["USD"], FRIDAY, FRIDAY) == {"USD": [(FRIDAY, Decimal("1.1521"))]}


def test_a_range_comes_with_the_last_rate_before_it(stores: None, tmp_path: Path) -> None:
    load(FILE, tmp_path)
    thursday = dt.date(2026, 11, 19)
    assert rates.known(["JPY", "CYP", "XXX"], FRIDAY, MONDAY) == {
        "CYP": [(thursday, Decimal("0.585"))],
        "JPY": [(thursday, Decimal("181.02")), (MONDAY, Decimal("178.93"))],
    }
    assert rates.known(["USD"], dt.date(2026, 1, 1), dt.date(2026, 1, 2)) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        ("Date\n", "first line"),
        ("Day,USD\n2026-11-20,1\n", "first line"),
        ("Date,dollar\n2026-11-20,1\n", "first line"),
        ("Date,USD\n2026-11-20,1\n20.11.2026,1\n", "Line 3 must begin with a day"),
        ("Date,USD\n\n", "Line 2 must begin with a day"),
        ("Date,USD\n2026-11-20,1,1\n2026-11-19,0\n", "Line 3: '0' is no rate"),
        ("Date,USD\n2026-11-20,-1\n", "Line 2: '-1' is no rate"),
        ("Date,USD\n2026-11-20,NaN\n", "'NaN' is no rate"),
        ("Date,USD\n2026-11-20,1\n2026-11-20,2\n", "twice"),
    ],
)
def test_a_file_of_another_form_is_refused_whole(stores: None, tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        load(text, tmp_path)
    assert rates.known(["USD"], dt.date(2000, 1, 1), MONDAY) == {}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("rates", "load", str(tmp_path / "none.csv"))
