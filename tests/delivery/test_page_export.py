"""Page readers and locators for deployment: both networks in a folder, int8 that finds the same lines, faster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import students
from distill.cli import main
from distill.delivery.export import locator_int8
from distill.delivery.export.graph import graph_of_locator
from distill.delivery.export.locator import export_locator
from distill.delivery.export.locator_int8 import Alike, alike, quantise_locator
from distill.delivery.export.page_reader import check_readings, export_both
from distill.synthesis.pages.opening import open_drawn_pages
from distill.synthesis.pages.source import DrawnPagesSource
from students.errors import ExportError
from students.pages.locate import LocatorReader, open_locator
from students.pages.model_file import read_locator, write_locator
from students.pages.reader import lines_of
from tests.delivery.test_locator_export import locator_file, pages
from tests.pages import write_both
from tests.samples import write_student

__all__ = ["locator_file"]


@pytest.fixture
def both(locator_file: Path, tmp_path: Path) -> Path:
    return write_both(tmp_path / "both.safetensors", locator_file, write_student(tmp_path / "reads.safetensors"))


@pytest.fixture
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """On networks as small as those of tests int8 is no faster."""
    monkeypatch.setattr(locator_int8, "_ms_a_page", lambda *_: [2.0, 1.0])


def test_a_folder_of_both_reads_without_torch(both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for page in pages():
        cv2.imwrite(str(folder / f"{page.sha256}.png"), page.load())
    assert main(["export", str(both), "--to", "onnx", "--data", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["pages_from"], result["found"]["pages"]) == ("data", 3)
    assert result["read"]["lines"] == result["found"]["lines"] > 0
    out = Path(result["file"])
    assert sorted(file.name for file in out.iterdir()) == ["locator.onnx", "recogniser.onnx"]
    page = folder / "1.png"
    code = (
        "import sys, students; page = students.load_page(sys.argv[1]).read_page(sys.argv[2]); "
        "assert 'torch' not in sys.modules; print(page.text)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(out), str(page)], capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout == students.load_page(both).read_page(page).text + "\n"
    assert main(["read", "--pages", str(out), str(page)]) == 0
    assert capsys.readouterr().out == run.stdout


def test_what_reads_otherwise_is_refused(both: Path, tmp_path: Path) -> None:
    reader = students.load_page(both)

    def spoilt(images_NCHW: np.ndarray) -> np.ndarray:
        return reader.recogniser.logits_of(images_NCHW) + np.float32(1e-3)

    with pytest.raises(
        ExportError, match=r"bars/0: line 1 reads .*logits differ by up to 0\.001 .*nothing was written"
    ):
        check_readings(reader, spoilt, pages())
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="is a file, and a folder is written; choose another --out"):
        export_both(both, "onnx", tmp_path / "file", pages(), "data", 1.0)


@pytest.mark.usefixtures("faster")
def test_int8_finds_the_lines_that_float32_finds(locator_file: Path, both: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    result = export_locator(locator_file, out, pages(), "data", "int8", 100.0)
    seen = result["alike"]
    assert (result["calibration_pages"], seen["pages"], result["float_layers"]) == (1, 2, [])
    exported = open_locator(out)
    assert exported.description.training["export"] == {"to": "int8", "float_layers": []}
    by_hand = alike(open_locator(locator_file), exported, pages()[1:])
    assert by_hand.same == seen["same"] > 0
    folder = tmp_path / "folder"
    assert export_both(both, "int8", folder, pages(), "data", 100.0)["alike"] == seen
    page_HW = pages()[1].load()
    assert len(students.load_page(folder).read_page(page_HW).lines) == len(lines_of(exported, page_HW))


@pytest.mark.usefixtures("faster")
def test_the_shipped_locator_in_int8_finds_nearly_all_lines_alike(tmp_path: Path) -> None:
    source = DrawnPagesSource(name="drawn", pages=3, fonts=("dejavu-sans",))
    drawn = open_drawn_pages(source, Path(), tmp_path)
    locator = students.load_page("pages").locator
    assert isinstance(locator, LocatorReader)
    seen = quantise_locator(locator, graph_of_locator(locator), drawn, 5.0)[1]["alike"]
    assert seen["pages"] == 2
    assert seen["float_lines"] > 40
    assert seen["points_lost"] <= 5.0


def test_int8_that_is_not_faster_is_not_kept(
    locator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locator_int8, "_ms_a_page", lambda *_: [2.0, 2.5])
    with pytest.raises(ExportError, match=r"takes 2\.5 ms a page on this machine, float32 2\.0, .*nothing was written"):
        export_locator(locator_file, tmp_path / "out.onnx", pages(), "data", "int8", 100.0)
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.usefixtures("faster")
def test_int8_beyond_its_budget_is_refused(locator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [*pages()[:2]]
    with pytest.raises(ExportError, match="1 are too few, give 3"):
        export_locator(locator_file, tmp_path / "out.onnx", few[:1], "data", "int8")
    monkeypatch.setattr(locator_int8, "alike", lambda *_: Alike(1, 100, 100, 97))
    with pytest.raises(ExportError, match=r"loses 3\.00 points .*budget 1, even with"):
        export_locator(locator_file, tmp_path / "out.onnx", few, "data", "int8")


def test_lines_are_alike_where_their_boxes_are(locator_file: Path) -> None:
    reader = open_locator(locator_file)
    same = alike(reader, reader, pages())
    assert same.float_lines == same.lines == same.same > 0
    assert same.points_lost == 0
    description, weights = read_locator(locator_file)
    weights["head.bias"][0] = -1000
    nothing = open_locator(locator_file)
    write_locator(locator_file, description, weights)
    missed = alike(nothing, open_locator(locator_file), pages())
    assert (missed.lines, missed.same, missed.points_lost) == (0, 0, 100)
    assert alike(open_locator(locator_file), open_locator(locator_file), pages()).points_lost == 0


@pytest.mark.parametrize("to", ["onnx", "npm"])
def test_a_file_in_place_of_a_folder_is_told_before_pages_are_drawn(
    to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.delivery.export.locator.gate_pages", None)
    (tmp_path / "mine").write_text("mine")
    assert main(["export", "pages", "--to", to, "--out", str(tmp_path / "mine")]) == 2
    assert "is a file, and a folder is written" in capsys.readouterr().err


def test_a_name_that_would_not_open_a_locator_is_told_before_pages_are_drawn(
    locator_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.delivery.export.locator.gate_pages", None)
    assert main(["export", str(locator_file), "--to", "int8", "--out", str(tmp_path / "model.txt")]) == 2
    assert "opened by its suffix" in capsys.readouterr().err
