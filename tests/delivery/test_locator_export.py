"""`distill export` of a locator: what finds the same lines is written, what does not is not, and says by how much."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import students
from distill.cli import main
from distill.data.pages.record import PageRecord
from distill.delivery.export import locator as locator_export
from distill.delivery.export.locator import check_lines, export_locator, join
from students.errors import CheckpointError, ExportError, UserError
from students.pages.finding import LineFinding
from students.pages.locate import LocatorReader, open_locator
from students.pages.model_file import read_locator, read_pages_file, write_locator
from students.pages.preparation import PagePreparation
from students.pages.reader import lines_of
from tests.pages import write_small_locator
from tests.samples import write_student


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    """A locator with random weights that takes the middles of its own logits for cores, so that it finds something."""
    path = write_small_locator(tmp_path / "locator.safetensors", preparation=PagePreparation(pixels=60_000))
    description, weights = read_locator(path)
    reader = open_locator(path)
    core = np.concatenate([reader.maps(page.load())[0].core.ravel() for page in pages()])
    weights["head.weight"][0] *= 8 / core.std()
    weights["head.bias"][0] = (weights["head.bias"][0] - core.mean()) * 8 / core.std()
    write_locator(path, description.model_copy(update={"finding": LineFinding(least_height_px=1)}), weights)
    return path


def pages() -> list[PageRecord]:
    """Noisy pages with a few dark bars."""
    made = []
    for seed in range(3):
        page_HW = np.random.default_rng(seed).integers(180, 256, (240, 200 + 30 * seed), np.uint8)
        for top in range(20, 220, 40):
            page_HW[top : top + 12, 20:150] = 30
        made.append(PageRecord(f"bars/{seed}", "bars", page_HW.copy, None, str(seed)))
    return made


def test_what_is_written_finds_the_lines_that_the_network_finds(locator_file: Path, tmp_path: Path) -> None:
    result = export_locator(locator_file, tmp_path / "out.onnx", pages(), "data")
    assert result["found"]["pages"] == 3
    assert result["found"]["lines"] >= 3
    exported = open_locator(tmp_path / "out.onnx")
    assert exported.description.training["export"] == {"to": "onnx"}
    page_HW = pages()[1].load()
    want, got = (lines_of(each, page_HW) for each in (open_locator(locator_file), exported))
    assert np.allclose([line.box for line in want], [line.box for line in got], atol=0.1)


@pytest.mark.parametrize("by", [0.01, 3.0, np.nan])
def test_what_finds_other_lines_is_refused(locator_file: Path, by: float) -> None:
    reader = open_locator(locator_file)

    def spoilt(images_NCHW: np.ndarray) -> np.ndarray:
        return reader.maps_of(images_NCHW) + np.float32(by)

    with pytest.raises(ExportError, match=r"bars/0: .*nothing was written"):
        check_lines(reader, LocatorReader(reader.description, reader.path, spoilt), pages())


def test_a_locator_that_finds_nothing_is_refused_and_nothing_written(locator_file: Path, tmp_path: Path) -> None:
    description, weights = read_locator(locator_file)
    weights["head.bias"][0] = -1000
    write_locator(locator_file, description, weights)
    with pytest.raises(ExportError, match="no line on any of 3 pages"):
        export_locator(locator_file, tmp_path / "out.onnx", pages(), "data")
    assert not (tmp_path / "out.onnx").exists()
    with pytest.raises(UserError, match="is read here"):
        export_locator(locator_file, locator_file, pages(), "data")


def test_the_command_takes_pages_and_says_what_it_compared(
    locator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for page in pages():
        cv2.imwrite(str(folder / f"{page.sha256}.png"), page.load())
    assert main(["export", str(locator_file), "--to", "onnx", "--data", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["pages_from"], result["found"]["pages"]) == ("data", 3)
    assert Path(result["file"]) == tmp_path / "model.onnx"


def test_without_pages_it_is_compared_on_drawn_ones(
    locator_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locator_export, "GATE_PAGES", 1)
    assert main(["export", str(locator_file), "--to", "onnx"]) == 0
    assert "lines of 1 page (fonts) found as torch finds them" in capsys.readouterr().out


def test_both_networks_become_one_file(locator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recogniser = write_student(tmp_path / "reads.safetensors")
    words = ["export", str(locator_file), "--to", "pages"]
    assert main([*words, "--recogniser", str(recogniser)]) == 0
    both = read_pages_file(tmp_path / "pages.safetensors")
    assert both.description.recogniser == students.load(recogniser).description
    assert both.locator.keys() == read_locator(locator_file)[1].keys()
    assert main(words) == 2
    assert "by --recogniser" in capsys.readouterr().err
    assert main([*words, "--recogniser", str(tmp_path / "pages.safetensors")]) == 2
    assert "holds both networks" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "pages.safetensors"), "--to", "pages"]) == 2
    assert "holds both networks already" in capsys.readouterr().err


def test_both_networks_take_the_place_of_neither(locator_file: Path, tmp_path: Path) -> None:
    recogniser = write_student(tmp_path / "reads.safetensors")
    before = recogniser.read_bytes()
    for out, said in ((recogniser, "is read here"), (tmp_path / "both.onnx", r"ends in \.safetensors")):
        with pytest.raises(UserError, match=said):
            join(locator_file, recogniser, out)
    assert recogniser.read_bytes() == before


def test_each_is_refused_in_the_place_of_the_other(locator_file: Path, tmp_path: Path) -> None:
    recogniser = write_student(tmp_path / "reads.safetensors")
    teacher = write_small_locator(tmp_path / "teacher.safetensors", "locator_teacher")
    with pytest.raises(CheckpointError, match="holds a student that reads lines, not a locator"):
        join(recogniser, recogniser)
    with pytest.raises(CheckpointError, match="holds a locator, which finds the lines"):
        join(locator_file, locator_file)
    with pytest.raises(CheckpointError, match=r"teachers\.load_locator"):
        join(teacher, recogniser)
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        join(locator_file, write_student(tmp_path / "big.safetensors", kind="teacher"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "fp16"], "a locator is exported to onnx, int8 or pages"),
        (["--to", "onnx", "--beam", "4"], "locator.safetensors: finds lines and reads none"),
    ],
)
def test_what_a_locator_has_not_is_refused(
    locator_file: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(locator_file), *words]) == 2
    assert said in capsys.readouterr().err
