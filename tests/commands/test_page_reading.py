"""`distill read --pages`: text, rows and records of whole pages; what is not a page costs the others nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from distill.delivery.page_output.sinks import PAGE_BREAK
from students.pages.finding import Finding
from students.pages.model_file import read_locator, write_locator
from tests.pages import write_small_locator

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    """A locator without training, to whose settings every core is a line."""
    path = write_small_locator(tmp_path / "locator.safetensors")
    description, weights = read_locator(path)
    loose = description.model_copy(update={"finding": Finding(core=0.2, found=0.0, least_height_px=1)})
    write_locator(path, loose, weights)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    noise = np.random.default_rng(3)
    for name in ("a.png", "b.png"):
        Image.fromarray(noise.integers(0, 256, (130, 100), np.uint8)).save(folder / name)
    return folder


def test_pages_are_written_as_text_rows_and_records(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    def printed(*more: str) -> str:
        command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file), *more]
        assert main(command) == 0
        return capsys.readouterr().out

    pages = [json.loads(row) for row in printed("--to", "json").splitlines()]
    assert [Path(page["image"]).name for page in pages] == ["a.png", "b.png"]
    assert all((page["width"], page["height"]) == (100, 130) for page in pages)
    assert all(page["lines"] for page in pages)
    assert printed() == PAGE_BREAK.join(page["text"] + "\n" for page in pages)
    rows = [row.split("\t") for row in printed("--to", "tsv").splitlines()]
    lines = [(page["image"], str(i), line) for page in pages for i, line in enumerate(page["lines"], 1)]
    assert [(row[0], row[1], row[6]) for row in rows] == [(image, i, line["text"]) for image, i, line in lines]
    for row, (_, _, line) in zip(rows, lines, strict=True):
        assert [float(px) for px in row[2:6]] == [pytest.approx(px, abs=0.51) for px in line["box"]]
        assert len(line["polygon"]) >= 4
        assert "".join(character["text"] for character in line["characters"]) == line["text"]


def test_what_is_no_page_costs_the_others_nothing(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    (folder / "aa.png").write_text("not an image")
    out = tmp_path / "out.json"
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file), "--json"]
    assert main([*command, "--out", str(out)]) == 2
    assert [Path(json.loads(row)["image"]).name for row in out.read_text().splitlines()] == ["a.png", "b.png"]
    said = capsys.readouterr().err
    assert "aa.png: not a readable image" in said
    assert "1 of 3 images could not be read" in said


def test_lines_that_were_found_and_cannot_be_read_are_named(
    locator_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    from students.model_file import read_model, write_model
    from tests.samples import write_student

    narrow = write_student(tmp_path / "narrow.safetensors")
    description, weights = read_model(narrow)
    preparation = description.preparation.model_copy(update={"max_width_px": 32})
    write_model(narrow, description.model_copy(update={"preparation": preparation}), weights)
    command = ["read", "--pages", str(locator_file), str(folder / "a.png"), "--recogniser", str(narrow), "--json"]
    assert main(command) == 0
    printed = capsys.readouterr()
    problems = [line["problem"] for line in json.loads(printed.out)["lines"] if "problem" in line]
    assert problems
    assert f"{len(problems)} lines were found and could not be read" in printed.err
    assert f"a.png: {problems[0]}" in printed.err


def test_options_of_the_other_kind_are_refused(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    page, pages = str(folder / "a.png"), ["--pages", "--recogniser", str(student_file)]
    refused = (
        ([str(student_file), page, "--to", "txt"], "--to txt: lines are written as tsv, json, csv"),
        ([str(student_file), page, "--recogniser", str(student_file)], "--recogniser goes with --pages"),
        (
            [str(locator_file), page, *pages, "--to", "csv"],
            "--to csv: pages are written as txt, tsv, json, hocr, alto, page, pdf",
        ),
        ([str(locator_file), page, *pages, "--review-below", "0.5"], "are for lines"),
        ([str(locator_file), page, "--pages"], "name what reads them as well"),
        ([str(locator_file), page], "holds a locator"),
        ([str(student_file), page, "--pages"], "name what finds them before it"),
    )
    for words, message in refused:
        assert main(["read", *words]) == 2
        assert message in capsys.readouterr().err


def test_a_locator_that_is_a_teacher_reads_too(
    tmp_path: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    teacher = write_small_locator(tmp_path / "teacher.safetensors", kind="locator_teacher")
    command = [
        "read",
        "--pages",
        str(teacher),
        str(folder / "a.png"),
        "--recogniser",
        str(student_file),
        "--to",
        "json",
    ]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["width"] == 100
