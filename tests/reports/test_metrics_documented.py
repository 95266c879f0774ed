"""docs/metrics.md says of every metric and dimension what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

from analytics.reports import catalog

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def table(section: str) -> list[list[str]]:
    text = TEXT.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in re.findall(r"^\| `.*$", text, re.M)]


def test_every_metric_is_documented_as_it_is_defined() -> None:
    wanted = [[f"`{one.name}`", one.label, one.unit, one.definition] for one in catalog.METRICS.values()]
    assert table("Metrics") == wanted


def test_every_dimension_is_documented() -> None:
    wanted = [[f"`{one.name}`", one.label] for one in catalog.DIMENSIONS.values()]
    assert [row[:2] for row in table("Dimensions")] == [*wanted, [f"`{catalog.PROPS}KEY`", "KEY"]]


def test_every_operator_is_documented() -> None:
    for op in (*catalog.OPERATORS, *catalog.NEGATED, "has_done", "has_not_done", "and", "or", "not"):
        assert op in TEXT
