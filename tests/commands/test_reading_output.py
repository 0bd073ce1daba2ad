"""What `distill read` writes of lines: rows in files, pages to review, and nothing over what is read."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from distill.cli import main
from students.reader import Reader
from tests.samples import png_bytes

Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize("form", ["tsv", "csv", "json"])
def test_where_nothing_can_be_read_no_file_is_written_and_an_earlier_one_stays(
    form: str, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    (bad := tmp_path / "bad.png").write_text("not an image")
    (kept := tmp_path / "kept").write_text("read before")
    command = ["read", str(student_file), str(bad), "--to", form, "--out"]
    assert main([*command, str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
    assert f"{tmp_path / 'none'}: not written, since nothing was read\n" in capsys.readouterr().err
    assert main([*command, str(kept)]) == 2
    assert kept.read_text() == "read before"
    assert "what was there stays" in capsys.readouterr().err
    for nowhere, reason in ((tmp_path, "Is a directory"), (kept / "out", "Not a directory")):
        assert main([*command, str(nowhere)]) == 2
        assert f"{nowhere}: {reason}" in capsys.readouterr().err


def test_the_folder_of_a_result_is_made(student_file: Path, folder: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "new" / "texts.tsv", tmp_path / "newer" / "review.html"
    words = ["read", str(student_file), str(folder / "a.png"), "--out", str(out)]
    assert main([*words, "--review-below", "1", "--review-page", str(page)]) == 0
    assert out.is_file()
    assert page.is_file()


def test_rows_go_to_a_file_as_csv_or_json(student_file: Path, pictures: Path, tmp_path: Path) -> None:
    table, objects = tmp_path / "out.csv", tmp_path / "out.json"
    assert main(["read", str(student_file), str(pictures), "--out", str(table)]) == 0  # by its suffix
    assert main(["read", str(student_file), str(pictures), "--json", "--out", str(objects), "--n-best", "3"]) == 0
    before = objects.read_text()
    assert main(["read", str(student_file), str(pictures), "--out", str(objects), "--n-best", "3"]) == 0
    assert objects.read_text() == before
    found = list(csv.DictReader(io.StringIO(table.read_text())))
    read = [json.loads(row) for row in objects.read_text().splitlines()]
    assert [row["image"] for row in found] == [one["image"] for one in read]
    for one in read:
        assert len(one["alternatives"]) == 2
        assert one["confidence"] + sum(other["confidence"] for other in one["alternatives"]) <= 1
        assert all(0 <= c["left_px"] <= c["right_px"] <= 140 for c in one["characters"])
        if one["characters"]:
            assert one["least_sure"]["confidence"] == min(c["confidence"] for c in one["characters"])


def test_a_review_page_names_what_it_leaves_out(
    student_file: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr("distill.delivery.review.MOST_LINES", 1)
    (pictures / "tab\there.png").write_bytes(png_bytes())
    (pictures / "d:rive.png").write_bytes(png_bytes())  # would lie outside of its folder on Windows
    (pictures / "labels.tsv").write_text("a.png\t7\n")
    page = tmp_path / "page.html"
    arguments = ["read", str(student_file), str(pictures), "--review-page", str(page)]
    assert main([*arguments, "--review-below", "1"]) == 0
    printed = capsys.readouterr()
    assert "1 doubtful line to look at" in printed.err
    assert "not on the page: 2 more doubtful lines" in printed.err
    assert "tab\\there.png" in printed.err
    assert "d:rive.png" in printed.err
    assert "labels.tsv already" in printed.err
    assert "tab\\there.png" in printed.out
    before = page.read_bytes()
    assert main([*arguments, "--review-below", "1"]) == 0
    assert "another page" not in capsys.readouterr().err  # it is the same
    assert main([*arguments, "--review-below", "1", "--n-best", "2"]) == 0
    kept = page.with_name("page-1.html")
    assert f"another page had that name; it is {kept} now" in capsys.readouterr().err
    assert kept.read_bytes() == before != page.read_bytes()
    page.unlink()
    assert main([*arguments, "--review-below", "0"]) == 0
    assert not page.exists()


def test_a_review_page_of_no_line_is_not_written(student_file: Path, tmp_path: Path, capsys: Printed) -> None:
    picture, page = tmp_path / "tab\there.png", tmp_path / "page.html"
    picture.write_bytes(png_bytes())
    assert main(["read", str(student_file), str(picture), "--review-below", "1", "--review-page", str(page)]) == 0
    assert not page.exists()
    printed = capsys.readouterr().err
    assert "no labels.tsv can hold its name; rename the file" in printed
    assert "no page is written: none of 1 doubtful line can be on it" in printed


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("a.png", "is read here"),
        ("labels.tsv", "labels these images"),
        ("Rec_GT_test.txt", "labels these images"),
        ("a.gt.txt", "labels these images"),
        ("b.txt", "labels these images"),
        ("deep/metadata.csv", "labels these images"),
        ("../model.safetensors", "is read here"),
    ],
)
def test_nothing_that_is_read_is_written_over(
    student_file: Path, pictures: Path, out: str, said: str, capsys: Printed
) -> None:
    target = pictures / out
    if not target.exists():
        target.write_text("somebody's")
    before = target.read_bytes()
    for pages in ([], ["--pages", "--recogniser", str(student_file)]):
        model = "pages" if pages else str(student_file)
        assert main(["read", *pages, model, str(pictures), "--out", str(target)]) == 2
        no_form = pages and target.suffix == ".csv"
        assert ("pages are written as" if no_form else said) in capsys.readouterr().err
        assert target.read_bytes() == before


def test_another_file_is_written_over(student_file: Path, pictures: Path, tmp_path: Path) -> None:
    for target in (pictures / "read.tsv", tmp_path / "labels.tsv"):
        target.write_text("of an earlier reading")
        assert main(["read", str(student_file), str(pictures), "--out", str(target)]) == 0
        assert len(target.read_text().splitlines()) == 3


def test_an_interrupted_reading_leaves_the_earlier_file_and_what_was_read(
    student_file: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    command = ["read", str(student_file), str(pictures), "--batch", "1", "--out"]
    out, link = tmp_path / "out.tsv", tmp_path / "link.tsv"
    assert main([*command, str(out)]) == 0
    whole = out.read_text()
    link.symlink_to(out)
    read_each, n_read = Reader.read_each, itertools.count()

    def interrupted(reader: Reader, *words: Any) -> Any:
        if next(n_read) == 2:
            raise KeyboardInterrupt
        return read_each(reader, *words)

    monkeypatch.setattr(Reader, "read_each", interrupted)
    out.write_text("read before")
    assert main([*command, str(link)]) == 130
    assert out.read_text() == "read before"
    part = tmp_path / "out.tsv.part"
    assert part.read_text().splitlines() == whole.splitlines()[:2]
    printed = capsys.readouterr().err
    assert f"{part}: what was read before it stopped; {link} stays as it was" in printed
    assert "stopped; what was read until then, 2 of " in printed
    assert main([*command, str(link)]) == 0
    assert (out.read_text(), link.is_symlink(), part.exists()) == (whole, True, False)
