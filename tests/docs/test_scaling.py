"""The paper calculation of docs/scaling.md: its arithmetic is right, and its rates are those of the records."""

from __future__ import annotations

import ast
import json
import operator
import re
from pathlib import Path

import pytest

from docs.website import ROOT

PAGE = ROOT / "docs" / "scaling.md"
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
OF_QUICK = ("2,050", "32")  # steps and lines of the recipe
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def value_of(sum_: str) -> float:
    """The value of a sum of plain numbers, thousands set apart by commas."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(int() | float() as number):
                return float(number)
            case ast.BinOp(left, operation, right):
                return float(OPERATORS[type(operation)](value(left), value(right)))
        raise ValueError(sum_)

    return value(ast.parse(sum_.replace(",", ""), mode="eval").body)


def sums() -> list[tuple[str, str]]:
    return re.findall(r"`([\d,.e]+(?: [-+*/] [\d,.e]+)+) = ([\d,.]+)`", PAGE.read_text())


def test_every_sum_is_right() -> None:
    assert len(sums()) >= 25
    for left, right in sums():
        last_digit = 10.0 ** -len(right.partition(".")[2])
        assert value_of(left) == pytest.approx(value_of(right), abs=0.501 * last_digit), f"{left} = {right}"


def test_every_rate_is_one_of_a_record() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if "[records](" in line and line.startswith("|")]
    assert len(rows) >= 7
    for cells in (row.split("|") for row in rows):
        recorded = numbers_of(PAGE.parent / re.findall(r"\]\((results/[^)]+)\)", cells[4])[0])
        given = [number for number in NUMBER.findall(cells[2]) if number not in OF_QUICK]
        assert given, cells[2]
        assert [number for number in given if number.replace(",", "") not in recorded] == [], cells[2]


def numbers_of(file: Path) -> set[str]:
    """Every number in the values and notes of a file of records."""
    question = json.loads(file.read_text())
    texts = [str(record["value"]) for record in question["records"]] + question["notes"]
    return {number.replace(",", "") for text in texts for number in NUMBER.findall(text)}


def test_the_steps_are_those_of_quick() -> None:
    recipe = (ROOT / "recipes" / "quick.yaml").read_text()
    assert "steps: 2050" in recipe
    assert "batch_lines: 32" in recipe


def test_a_wrong_sum_would_be_seen() -> None:
    assert value_of("56,000 / 88 / 2") == pytest.approx(318.2, abs=0.1)
    with pytest.raises(ValueError, match="import"):
        value_of("__import__('os')")
