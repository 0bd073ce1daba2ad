"""`distill read --pages`: text, rows and records of whole pages; what is not a page costs the others nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow.parquet import read_table

from distill.cli import main
from distill.delivery.page_output.sinks import PAGE_BREAK
from tests.pages import interrupt_at, write_small_locator, write_tiff

Printed = pytest.CaptureFixture[str]


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


def test_where_no_page_can_be_read_no_file_is_written(
    locator_file: Path, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    (bad := tmp_path / "bad.png").write_text("not an image")
    command = ["read", "--pages", str(locator_file), str(bad), "--recogniser", str(student_file)]
    for form in ("txt", "tsv", "json"):
        assert main([*command, "--to", form, "--out", str(out := tmp_path / form)]) == 2
        assert not out.exists()
        assert f"{out}: not written, since nothing was read" in capsys.readouterr().err


def test_a_wrong_model_writes_no_file_and_keeps_the_one_that_is_there(
    locator_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    (kept := tmp_path / "kept.txt").write_text("read before")
    for out in (kept, tmp_path / "out.txt"):
        assert main(["read", "--pages", str(locator_file), str(folder), "--out", str(out)]) == 2
        assert "reads none" in capsys.readouterr().err
    assert kept.read_text() == "read before"
    assert not (tmp_path / "out.txt").exists()


def test_pages_without_a_line_are_said(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("students.pages.reader.lines_of", lambda *_: [])
    assert main(["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]) == 0
    said = capsys.readouterr().err
    assert f"2 of 2 pages without a line: {folder / 'a.png'}, {folder / 'b.png'}" in said


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
    assert f"{len(problems)} line{'s' * (len(problems) != 1)} found that could not be read" in printed.err
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
            "--to csv: pages are written as txt, tsv, json, hocr",
        ),
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


def test_one_page_goes_to_the_output_and_several_need_a_folder(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    command = ["read", "--pages", str(locator_file), "--recogniser", str(student_file)]
    page = str(folder / "a.png")
    assert main([*command, page, "--to", "alto"]) == 0
    assert b"<fileName>" in capsysbinary.readouterr().out
    assert main([*command, page, "--to", "pdf"]) == 0
    assert capsysbinary.readouterr().out.startswith(b"%PDF-")
    assert main([*command, str(folder), "--to", "hocr"]) == 2
    assert b"name a folder for them by --out" in capsysbinary.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main([*command, page, "--to", "hocr", "--out", str(tmp_path / "file")]) == 2
    assert b"--out names a folder here" in capsysbinary.readouterr().err


def test_several_processes_write_what_one_writes(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    write_tiff(folder / "c.tif")
    (folder / "aa.png").write_text("not an image")
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file), "--to", "tsv"]
    written = []
    for n in ("1", "2"):
        assert main([*command, "--processes", n]) == 2
        printed = capsys.readouterr()
        assert "aa.png: not a readable image" in printed.err
        written.append([row.split("\t")[:2] + row.split("\t")[6:7] for row in printed.out.splitlines()])
    assert written[0] == written[1] != []
    assert main([*command, "--processes", "0"]) == 2
    assert main(["read", str(student_file), str(folder), "--processes", "2"]) == 2
    assert capsys.readouterr().err.count("goes with --pages") == 2


def test_nothing_is_said_of_a_review_where_nothing_could_be_opened(folder: Path, capsys: Printed) -> None:
    command = ["read", "--pages", "nowhere.safetensors", str(folder), "--review-page", str(folder / "review.html")]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "nowhere.safetensors" in said
    assert "to be looked at" not in said


def test_pages_read_until_ctrl_c_are_to_be_looked_at(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_at(1, monkeypatch)
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--review-page", str(folder.parent / "review.html")]) == 130
    assert "review.html: 1 page to look at" in capsys.readouterr().err


def test_distill_import_takes_what_was_written(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--json"]) == 0
    texts = [line["text"] for row in capsys.readouterr().out.splitlines() for line in json.loads(row)["lines"]]
    assert main([*command, "--to", "page", "--out", str(folder)]) == 0
    assert main(["import", str(folder), str(tmp_path / "lines.parquet")]) == 0
    labels = read_table(tmp_path / "lines.parquet").column("text").to_pylist()
    assert sorted(labels) == sorted(" ".join(text.split()) for text in texts if text.strip())


def test_a_page_upside_down_is_said_and_read_as_it_stands(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from students.pages import reader

    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file), "--json"]
    assert main(command) == 0
    upright = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert all("upside_down" not in page for page in upright)
    monkeypatch.setattr(reader, "stands_on_its_head", lambda *_: True)
    assert main(command) == 0
    printed = capsys.readouterr()
    assert [json.loads(row) for row in printed.out.splitlines()] == [page | {"upside_down": True} for page in upright]
    assert "a.png: the page seems to stand on its head; turn it by 180 degrees" in printed.err
    assert "2 pages seem to stand on their heads" in printed.err
