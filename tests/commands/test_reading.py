"""`distill read` and `distill lm`: which images, which options, which rows."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
import tarfile
from pathlib import Path

import lmdb
import pytest
from PIL import Image

import students
from distill.cli import main
from students.errors import DataError
from students.reader import Reader
from students.reading import Reading
from tests.line_files import parquet, row
from tests.samples import png_bytes

Printed = pytest.CaptureFixture[str]


def rows(printed: str) -> list[list[str]]:
    return [row.split("\t") for row in printed.splitlines()]


def test_folders_globs_and_files_are_read_once_each_in_order(
    student_file: Path, pictures: Path, capsys: Printed
) -> None:
    b = str(pictures / "b.png")
    assert main(["read", str(student_file), b, str(pictures), f"{pictures}/*.png", "--batch", "2"]) == 0
    printed = capsys.readouterr()
    assert [Path(row[0]).name for row in rows(printed.out)] == ["b.png", "a.png", "c.PNG"]
    assert "reading" in printed.err  # more than one batch: progress is shown
    reader = students.load(student_file)
    assert [row[1] for row in rows(printed.out)] == [reader.read(row[0]).text for row in rows(printed.out)]


def test_a_bad_image_costs_no_other_line_of_its_batch(student_file: Path, pictures: Path, capsys: Printed) -> None:
    (pictures / "aa.png").write_text("not an image")
    assert main(["read", str(student_file), str(pictures), str(pictures / "gone.png")]) == 2
    printed = capsys.readouterr()
    assert len(rows(printed.out)) == 3
    assert "aa.png" in printed.err
    assert "gone.png" in printed.err
    assert "2 of 5 images" in printed.err


@pytest.mark.parametrize("kind", ["parquet", "folder", "lmdb", "tar"])
def test_lines_of_a_table_a_tar_or_an_lmdb_are_read_as_pictures_are(
    kind: str, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    pictures = {f"{i}.png": png_bytes(width=60 + 40 * i, seed=i) for i in range(3)}
    place, names = tmp_path / "set" / f"lines.{kind}", list(pictures)
    place.parent.mkdir()
    if kind == "tar":
        with tarfile.open(place, "w") as tar:
            for name, picture in pictures.items():
                member = tarfile.TarInfo(name)
                member.size = len(picture)
                tar.addfile(member, io.BytesIO(picture))
        names = [name.removesuffix(".png") for name in names]
    elif kind == "lmdb":
        with lmdb.open(str(place)) as environment, environment.begin(write=True) as writing:
            writing.put(b"num-samples", b"3")
            for number, picture in enumerate(pictures.values(), 1):
                writing.put(b"image-%09d" % number, picture)
        names = [f"{number:09d}" for number in (1, 2, 3)]
    else:
        place = place.parent if kind == "folder" else place
        parquet(place / "a.parquet" if kind == "folder" else place, [row(None, n, p) for n, p in pictures.items()])
    assert main(["read", str(student_file), str(place)]) == 0
    reader = students.load(student_file)
    read = reader.read(list(pictures.values()))
    assert rows(capsys.readouterr().out) == [
        [str(place / name), reading.text, f"{reading.confidence:.4f}"]
        for name, reading in zip(names, read, strict=True)
    ]
    assert main(["read", str(student_file), str(place), "--json"]) == 0
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == [r.text for r in read]
    for options, message in (
        (["--review-below", "1"], "holds no files that labels could lie beside"),
        (["--out", str(place / "data.mdb" if kind == "lmdb" else place)], "is read here"),
        (["--pages"], "holds lines, and pages are read from pictures"),
    ):
        assert main(["read", "pages" if "--pages" in options else str(student_file), str(place), *options]) == 2
        assert message in capsys.readouterr().err
    assert reader.read(list(pictures.values()))[0].text == read[0].text


def test_lines_of_one_name_and_broken_ones_are_all_told(student_file: Path, tmp_path: Path, capsys: Printed) -> None:
    lines = [row(None, "a.png", png_bytes()), row(None, "a.png", b"no picture"), row(None, "a.png", png_bytes(seed=2))]
    place = parquet(tmp_path / "lines.parquet", lines)
    assert main(["read", str(student_file), str(place)]) == 2
    printed = capsys.readouterr()
    assert [Path(cells[0]).name for cells in rows(printed.out)] == ["a.png#0", "a.png#2"]
    assert "a.png#1: not a readable image" in printed.err
    assert "1 of 3 images could not be read" in printed.err


@pytest.mark.parametrize(
    "typed",
    ["read scene ''", "import '' out.parquet", "check ''", "run quick --run ''", "new x --from y --test=", "watch ''"],
)
def test_an_empty_word_means_neither_the_folder_here_nor_no_option(typed: str, capsys: Printed) -> None:
    words = shlex.split(typed)
    before = words[words.index("") - 1] if "" in words else words[-1]
    assert main(words) == 2
    assert capsys.readouterr() == (
        "",
        f"distill: {before} is followed by an empty word, which names nothing; is a variable of the shell empty?\n",
    )


def test_a_picture_that_looks_like_a_whole_page_is_said(
    student_file: Path, pictures: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"page.png": ("", 0.9), "scan.png": ("babble", 0.2), "poster.png": ("OPEN", 0.9), "strip.png": ("", 0.1)}
    sizes = {"page.png": (600, 300), "scan.png": (320, 900), "poster.png": (600, 300), "strip.png": (900, 299)}
    for name, (width, height) in sizes.items():
        (pictures / name).write_bytes(png_bytes(width=width, height=height))
    monkeypatch.setattr(
        Reader,
        "read_each",
        lambda _, images, *__: [Reading(*texts.get(image.name, ("a", 0.9))) for image in images],
    )
    assert main(["read", str(student_file), str(pictures)]) == 0
    said = capsys.readouterr().err
    assert f"2 of 7 images, read as one line each, may be whole pages: {pictures / 'page.png'}" in said
    assert "scan.png; pages are read by: distill read --pages pages IMAGE" in said


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
@pytest.mark.parametrize("form", ["tsv", "csv", "json"])
def test_a_name_that_is_no_text_costs_no_line(
    form: str, student_file: Path, pictures: Path, tmp_path: Path, capsys: Printed
) -> None:
    (pictures / os.fsdecode(b"caf\xe9.png")).write_bytes(png_bytes())
    (pictures / os.fsdecode(b"bad\xe9.png")).write_text("not an image")
    (pictures / "folder.png").mkdir()
    out, page = tmp_path / "out", tmp_path / "page.html"
    command = [
        "read",
        str(student_file),
        str(pictures),
        "--to",
        form,
        "--review-below",
        "1",
        "--review-page",
        str(page),
    ]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert main([*command, "--out", str(out)]) == 2
    assert out.read_text("utf-8") == printed.out
    assert len(printed.out.splitlines()) == 4 + (form == "csv")
    assert "caf\\udce9.png" in printed.out
    assert "bad\\udce9.png" in printed.err
    assert "folder.png" not in printed.err
    assert re.search(r"caf.udce9.png' is not on the page", printed.err)
    assert "caf" not in page.read_text("utf-8")


def test_where_no_images_are_it_says_so(student_file: Path, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["read", str(student_file), str(tmp_path / "empty"), f"{tmp_path}/*.webp"]) == 2
    printed = capsys.readouterr().err
    assert "empty: no images there" in printed
    assert "no images to read" in printed


def test_a_line_that_is_too_wide_is_named_wherever_it_is_read(
    student_file: Path, pictures: Path, capsys: Printed
) -> None:
    wide = pictures / "wide.png"
    wide.write_bytes(png_bytes(height=8, width=1600))
    assert main(["read", str(student_file), str(pictures)]) == 2
    printed = capsys.readouterr()
    assert len(rows(printed.out)) == 3
    assert f"distill: {wide}: 1600 x 8 px becomes 6400 px wide" in printed.err
    reader = students.load(student_file)
    picture = Image.open(wide)
    for image, name in ((wide, wide), (str(wide), wide), (picture, wide), (wide.read_bytes(), "image 1")):
        for read in (reader.read, lambda images: list(reader.stream(images))):
            with pytest.raises(DataError, match=f"^{re.escape(str(name))}: 1600 x 8 px becomes"):
                read([pictures / "a.png", image])
    found = reader.read_each([wide.read_bytes(), (pictures / "a.png").read_bytes()], names=["one", "two"])
    assert str(found[0]).startswith("one: 1600 x 8 px")
    (pictures / "labels.tsv").write_text("wide.png\t7\na.png\t7\n")
    assert main(["evaluate", str(student_file), str(pictures)]) == 0
    printed = capsys.readouterr()
    assert "wide.png" in printed.out + printed.err
