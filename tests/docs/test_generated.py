"""Generated documents are not stale, and tables say what the records say."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from distill.recipe.sections import Recipe
from distill.records import Hardware, Question, Record, read_question, write_question
from docs.build import (
    FRONTIER,
    RECIPE,
    RELIABILITY,
    RESULTS,
    ROOT,
    number,
    reliability_page,
    results_page,
    table,
    wrapped,
)
from docs.frontier import Column, better, figure, frontier_svg
from docs.reference import recipe_page

FILES = sorted((ROOT / "docs" / "results").glob("*.json"))


def test_the_results_are_made_of_the_records() -> None:
    assert RESULTS.read_text() == results_page(), "RESULTS.md is stale: make results"


def test_the_frontier_is_made_of_the_records() -> None:
    assert FRONTIER.read_text() == frontier_svg(), "docs/frontier.svg is stale: make results"


def test_the_frontier_says_who_reads_more(tmp_path: Path) -> None:
    def written(file: str, exact: dict[str, float]) -> None:
        records = tuple(record(v, "%", reader=r).model_copy(update={"what": "exact lines"}) for r, v in exact.items())
        write_question(tmp_path / file, Question(section="s", title="t", rows=("reader",), records=records))

    written("new.json", {"own": 90.0, "own-small": 85.0, "PP-OCRv6 tiny 1": 80.0, "PP-OCRv6 small": 91.5})
    written("old.json", {"own": 1.0, "PP-OCRv4 mobile (x)": 90.0, "Tesseract 5": 95.0})
    test = Column("t", ("own", "own-small"), ("new.json", "old.json"), below=())
    assert better(test, tmp_path) == "more than own read, in points: Tesseract +5.0, PP-OCRv6 small +1.5"
    written("old.json", {"PP-OCRv4 mobile": 60.0, "Tesseract": 80.0})
    assert better(test, tmp_path) == "more than own read, in points: PP-OCRv6 small +1.5"
    assert figure(test, "own-small", "exact lines", tmp_path) == 85.0
    with pytest.raises(ValueError, match=r"no record says exact lines of own-s"):
        figure(test, "own-s", "exact lines", tmp_path)
    with pytest.raises(ValueError, match=r"no record says lines/s of Tesseract"):
        figure(test, "Tesseract", "lines/s", tmp_path)


def test_the_figures_of_reliability_are_made_of_the_records() -> None:
    assert RELIABILITY.read_text() == reliability_page(), "RELIABILITY.md is stale: python docs/build.py reliability"


def test_the_recipe_reference_is_made_of_the_sections() -> None:
    assert RECIPE.read_text() == recipe_page(), "docs/recipe.md is stale: make docs"


def test_every_file_of_records_answers_its_question() -> None:
    assert len(FILES) >= 40
    titles = [read_question(file).title for file in FILES]
    assert len(set(titles)) == len(titles), "links lead to titles"
    for file in FILES:
        question = read_question(file)
        assert question.section, file
        assert question.finding.endswith("."), file
        assert question.records, file
        assert all(record.command for record in question.records), file


def test_every_key_has_a_description() -> None:
    rows = [line for line in recipe_page().splitlines() if line.startswith("| `")]
    assert len(rows) >= 290
    assert [row for row in rows if row.rstrip(" |").endswith(("|", "` "))] == []
    for name in Recipe.model_fields:
        assert any(row.startswith(f"| `{name}` |") for row in rows)


def record(value: float | int | str, unit: str = "", **columns: str) -> Record:
    machine = Hardware(processor="p", cores=1)
    return Record(
        command="c", commit=None, hardware=machine, packages={}, what="w", value=value, unit=unit, columns=columns
    )


def test_records_stand_where_their_columns_say() -> None:
    records = (
        record(1234, "lines/s", reader="a", of="speed"),
        record(95.0, "%", reader="a", of="exact"),
        record(7, "lines/s", reader="b", of="speed"),
    )
    question = Question(title="t", rows=("reader",), across=("of",), records=records)
    assert table(question) == [
        "| reader | speed (lines/s) | exact |",
        "|---|---:|---:|",
        "| a | 1,234 | 95.0 % |",
        "| b | 7 | |",
    ]
    with pytest.raises(ValueError, match="two records"):
        table(question.model_copy(update={"records": (*records, records[0])}))


def test_figures_are_written_as_people_read_them() -> None:
    assert [number(1234567), number(-0.5), number(2.0, signed=True), number(-1, signed=True)] == [
        "1,234,567",
        "−0.5",
        "+2.0",
        "−1",
    ]


def test_the_records_are_plain_json() -> None:
    for file in FILES:
        for each in json.loads(file.read_text())["records"]:
            assert set(each) == set(Record.model_fields)


def test_a_long_command_is_broken_between_its_words() -> None:
    command = " ".join(["distill compare", *(f'"a.b{i}={{c: 1, d: {i}}}"' for i in range(12))])
    lines = wrapped(command).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 115
    joined = wrapped(command).replace("\\\n", "")  # as the shell does
    assert shlex.split(joined) == shlex.split(command)
