"""`distill read --pages` of documents: TIFFs and PDFs of several pages, files as output, Ctrl-C, many pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from tests.pages import interrupt_at, write_tiff

Printed = pytest.CaptureFixture[str]


def save_pdf(path: Path, password: str = "") -> None:
    import pikepdf

    Image.fromarray(np.random.default_rng(5).integers(0, 256, (130, 100), np.uint8)).save(path, resolution=150)
    if password:
        with pikepdf.open(path, allow_overwriting_input=True) as pdf:
            pdf.save(path, encryption=pikepdf.Encryption(owner=password, user=password))


def test_every_page_of_a_document_is_read_and_numbered(
    locator_file: Path, student_file: Path, folder: Path, capsys: Printed
) -> None:
    write_tiff(folder / "c.tif")
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
    write_tiff(folder / "in" / "c.tif")
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


def test_a_damaged_page_of_a_tiff_costs_the_others_nothing(
    locator_file: Path, student_file: Path, tmp_path: Path, capsys: Printed
) -> None:
    path = tmp_path / "c.tif"
    write_tiff(path)
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
    path, out = tmp_path / "c.tif", tmp_path / "out"
    write_tiff(path)
    interrupt_at(2, monkeypatch)
    command = ["read", "--pages", str(locator_file), str(path), "--recogniser", str(student_file)]
    assert main([*command, "--to", "pdf", "--out", str(out)]) == 130
    assert [file.name for file in out.iterdir()] == ["c-stopped.pdf"]
    assert "c-stopped.pdf" in capsys.readouterr().err
    interrupt_at(2, monkeypatch)
    assert main([*command, "--to", "hocr", "--out", str(out)]) == 130
    assert sorted(file.name for file in out.glob("*.hocr")) == ["c-0001.hocr", "c-0002.hocr"]


def test_pages_to_look_at_are_written_as_a_page(
    locator_file: Path, student_file: Path, folder: Path, tmp_path: Path, capsys: Printed
) -> None:
    write_tiff(folder / "c.tif", 2)
    review = tmp_path / "review.html"
    command = ["read", "--pages", str(locator_file), str(folder), "--recogniser", str(student_file)]
    assert main([*command, "--review-page", str(review)]) == 0  # all of them
    said = capsys.readouterr().err
    assert f"{review}: 2 pages to look at; save them as {folder / 'pages.json'}" in said
    assert "not on the page, without a picture that has a name: 2 pages of documents" in said
    assert "c.tif, page 1" in said
    assert main([*command, "--review-page", str(review), "--review-below", "0"]) == 0  # nothing is so unsure
    assert "no page is written: no page is to be looked at" in capsys.readouterr().err
    only = ["read", "--pages", str(locator_file), str(folder / "c.tif"), "--recogniser", str(student_file)]
    assert main([*only, "--review-page", str(tmp_path / "none.html")]) == 0
    assert "no page is written: none of 2 pages to look at can be on it" in capsys.readouterr().err
    assert not (tmp_path / "none.html").exists()
    (folder / "pages.json").write_text(json.dumps([{"file": "a.png", "lines": []}, {"file": "c.tif", "lines": None}]))
    assert main([*command, "--review-page", str(review), "--review-below", "1"]) == 0
    said = capsys.readouterr().err
    assert "another page had that name; it is" in said
    assert f"{folder / 'pages.json'} has 1 other page, unchanged in what the page saves" in said


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
    assert "1 PDF with pages without a picture, drawn at 200 dpi" in printed.err
    assert "drawn.pdf (2)" in printed.err


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
