"""`distill read --pages`: text, rows and records of whole pages; what is not a page costs the others nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow.parquet import read_table

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


def save_tiff(path: Path, n_pages: int = 3) -> None:
    noise = np.random.default_rng(4)
    pages = [Image.fromarray(noise.integers(0, 256, (130, 100), np.uint8)) for _ in range(n_pages)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")


def save_pdf(path: Path, password: str = "") -> None:
    import pikepdf

    Image.fromarray(np.random.default_rng(5).integers(0, 256, (130, 100), np.uint8)).save(path, resolution=150)
    if password:
        with pikepdf.open(path, allow_overwriting_input=True) as pdf:
            pdf.save(path, encryption=pikepdf.Encryption(owner=password, user=password))


def test_every_page_of_a_document_is_read_and_numbered(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    save_tiff(folder / "c.tif")
    save_pdf(folder / "d.pdf")
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--to", "json"]) == 0
    pages = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    named = [(Path(page["image"]).name, page["page"]) for page in pages]
    assert named == [("a.png", 1), ("b.png", 1), ("c.tif", 1), ("c.tif", 2), ("c.tif", 3), ("d.pdf", 1)]
    assert main([*command, "--to", "tsv"]) == 0
    images = dict.fromkeys(row.split("\t")[0] for row in capsys.readouterr().out.splitlines())
    assert f"{folder / 'c.tif'}#page=3" in images
    assert str(folder / "a.png") in images


@pytest.mark.parametrize("form", ["hocr", "alto", "page", "pdf"])
def test_files_are_written_beside_and_never_replaced(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsys: Printed, form: str
) -> None:
    (folder / "in").mkdir()
    save_tiff(folder / "in" / "c.tif")
    save_pdf(folder / "d.pdf")
    save_pdf(folder / "secret.pdf", password="x")
    (folder / "a.jpg").write_bytes(b"not a picture")
    out = tmp_path / "out"
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file), "--to", form]
    assert main([*command, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "secret.pdf: the PDF is encrypted" in said
    assert "a.jpg: not a readable image" in said
    assert "2 of 8 pages could not be read" in said
    written = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    end = {"hocr": "hocr", "pdf": "pdf"}.get(form, "xml")
    documents = ["d", "in/c"] if form == "pdf" else ["d-0001", "in/c-0001", "in/c-0002", "in/c-0003"]
    expected = [f"{name}.{end}" for name in ["a.png", "b", *documents]]
    if form in ("alto", "page"):
        expected += [f"{name}.png" for name in documents]
    assert sorted(written) == sorted(expected)
    (out / f"b.{end}").write_text("mine")
    (out / f"a.png.{end}").unlink()
    assert main([*command, "--out", str(out)]) == 2
    assert "files are there already and stay" in capsys.readouterr().err
    again = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert again == written | {f"b.{end}": b"mine"}


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


def test_a_damaged_page_of_a_tiff_costs_the_others_nothing(
    locator_file: Path, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    path = tmp_path / "c.tif"
    save_tiff(path)
    with Image.open(path) as image:
        image.seek(1)
        place = image.tag_v2[273][0]  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[place : place + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    command = ["read", "--pages", str(locator_file), str(path), "--recogniser", str(student_file), "--json"]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert [json.loads(row)["page"] for row in printed.out.splitlines()] == [1, 3]
    assert "c.tif, page 2: the image is damaged" in printed.err
    assert "1 of 3 pages could not be read" in printed.err


def test_what_was_read_until_ctrl_c_is_written(
    locator_file: Path, student_file: Path, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from students.pages import reader

    path, out = tmp_path / "c.tif", tmp_path / "out"
    save_tiff(path)
    find, calls = reader.lines_of, iter(range(9))

    def stopped(locator: reader.Locates, page_HWC: np.ndarray) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return find(locator, page_HWC)

    monkeypatch.setattr(reader, "lines_of", stopped)
    command = ["read", "--pages", str(locator_file), str(path), "--recogniser", str(student_file)]
    assert main([*command, "--to", "pdf", "--out", str(out)]) == 130
    assert [file.name for file in out.iterdir()] == ["c-stopped.pdf"]
    assert "c-stopped.pdf" in capsys.readouterr().err
    calls = iter(range(9))
    assert main([*command, "--to", "hocr", "--out", str(out)]) == 130
    assert sorted(file.name for file in out.glob("*.hocr")) == ["c-0001.hocr", "c-0002.hocr"]


def test_several_processes_write_what_one_writes(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    save_tiff(folder / "c.tif")
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


def test_pages_to_look_at_are_written_as_a_page(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    save_tiff(folder / "c.tif", 2)
    review = tmp_path / "review.html"
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--review-page", str(review)]) == 0  # all of them
    said = capsys.readouterr().err
    assert f"{review}: 2 pages to look at; save them as {folder / 'pages.json'}" in said
    assert "2 pages of documents are not on the page" in said
    assert "c.tif, page 1" in said
    assert main([*command, "--review-page", str(review), "--review-below", "0"]) == 0  # nothing is so unsure
    assert "no page is to be looked at" in capsys.readouterr().err
    (folder / "pages.json").write_text(json.dumps([{"file": "a.png", "lines": []}, {"file": "c.tif", "lines": None}]))
    assert main([*command, "--review-page", str(review), "--review-below", "1"]) == 0
    said = capsys.readouterr().err
    assert "another page had that name; it is" in said
    assert f"{folder / 'pages.json'} has 1 other pages; they stand in what the page saves as they are" in said


def test_pages_read_until_ctrl_c_are_to_be_looked_at(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from students.pages import reader

    find, calls = reader.lines_of, iter(range(9))

    def stopped(locator: reader.Locates, page_HWC: np.ndarray) -> object:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return find(locator, page_HWC)

    monkeypatch.setattr(reader, "lines_of", stopped)
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--review-page", str(folder.parent / "review.html")]) == 130
    assert "review.html: 1 pages to look at" in capsys.readouterr().err


def test_missing_packages_of_pdfs_are_named(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distill.delivery import page_input
    from distill.delivery.page_output import sinks

    save_pdf(folder / "d.pdf")
    for module in (page_input, sinks):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    command = ["read", "--pages", str(locator_file), "--recogniser", str(student_file)]
    assert main([*command, str(folder)]) == 2
    assert "d.pdf: PDFs are read by pypdfium2, which is not installed; pip install 'crnn-distill[pdf]'" in (
        capsys.readouterr().err
    )
    assert main([*command, str(folder / "a.png"), "--to", "pdf"]) == 2
    assert "--to pdf needs pikepdf and fontTools; pip install 'crnn-distill[pdf]'" in capsys.readouterr().err


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


def test_a_pdf_without_pictures_is_drawn_and_said_to_be(
    locator_file: Path, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    import pikepdf

    with pikepdf.new() as pdf:
        for _ in range(2):
            page = pdf.add_blank_page(page_size=(72, 36))
            page.Contents = pdf.make_stream(b"0 0 0 rg 8 10 40 12 re f")
        pdf.save(tmp_path / "drawn.pdf")
    command = ["read", "--pages", str(locator_file), str(tmp_path / "drawn.pdf"), "--recogniser", str(student_file)]
    assert main([*command, "--json"]) == 0
    printed = capsys.readouterr()
    assert [json.loads(row)["width"] for row in printed.out.splitlines()] == [200, 200]
    assert "1 PDFs with pages without a picture, drawn at 200 dpi" in printed.err
    assert "drawn.pdf (2)" in printed.err


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


def test_five_hundred_pages_take_no_more_memory_than_a_few(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads them keeps none here, so the pages that are alive are those that the command keeps."""
    import weakref
    from contextlib import nullcontext

    from distill.commands import page_reading
    from students.pages.page import Page

    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def read(pages: Iterable[np.ndarray]) -> Iterator[Page]:
        nonlocal most
        for page_HW in pages:
            alive[:] = [page for page in alive if page() is not None] + [weakref.ref(page_HW)]
            most = max(most, len(alive))
            yield Page(page_HW.shape[1], page_HW.shape[0], ())

    pages = [Image.new("L", (60, 80), grey) for grey in range(100, 150)]
    pages[0].save(tmp_path / "long.tif", save_all=True, append_images=pages[1:] + pages * 9, compression="packbits")
    monkeypatch.setattr(page_reading, "_reading", lambda _: nullcontext((read, None)))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main(["read", "--pages", "none", str(tmp_path / "long.tif"), "--json"]) == 0
    printed = capsys.readouterr()
    assert [json.loads(row)["page"] for row in printed.out.splitlines()] == list(range(1, 501))
    assert "500/500" in printed.err
    assert 1 <= most <= 3
