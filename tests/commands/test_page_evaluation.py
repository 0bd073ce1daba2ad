"""`distill evaluate` on pages: a locator alone, with a recogniser, beside others; and what is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import students
import teachers
from distill.cli import main
from distill.data.pages.matching import boxes_of
from distill.evaluation.pages import peers
from distill.evaluation.pages.matching import FoundText
from distill.evaluation.pages.models import open_page_model
from distill.records import read_question
from students.pages.reader import lines_of
from tests.pages import write_both, write_small_locator


@pytest.fixture
def locator(tmp_path: Path) -> Path:
    return write_small_locator(tmp_path / "locator.safetensors")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Two pages in the format pages.json, of noise; on the first what a small locator finds there is marked."""
    folder = tmp_path / "pages"
    folder.mkdir()
    noise = np.random.default_rng(0)
    described = []
    for number in range(2):
        name = f"{number}.png"
        Image.fromarray(noise.integers(0, 256, (96, 128), np.uint8)).save(folder / name)
        described.append({"file": name, "width": 128, "height": 96, "lines": [{"box": [5, 5, 90, 20], "text": "ab"}]})
    (folder / "pages.json").write_text(json.dumps(described))
    return folder


def evaluated(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["evaluate", *words, "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def test_a_locator_is_scored_by_places(locator: Path, pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated([str(locator), str(pages)], capsys)
    assert {"hmean", "precision", "recall", "hmean_70", "precision_70", "recall_70", "intervals"} <= set(result)
    assert (result["pages"], result["lines"], result["end_to_end"], result["cer"]) == (2, 2, None, None)
    assert list(result["sources"]) == ["pages"]  # type: ignore[call-overload]
    assert result["bytes"] == locator.stat().st_size


def test_what_is_said_of_the_pages_stands_in_the_result(
    locator: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = json.loads((pages / "pages.json").read_text())
    described[0]["lines"] = []
    (pages / "pages.json").write_text(json.dumps(described))
    (warning,) = evaluated([str(locator), str(pages)], capsys)["warnings"]  # type: ignore[misc]
    assert "pages that are marked to have no line: 1 (0.png)" in warning


def test_a_recogniser_beside_it_is_scored_by_texts(
    locator: Path, student_file: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(locator), str(pages), "--recogniser", str(student_file)]
    result = evaluated([*words, "--protocol", "nospace"], capsys)
    assert result["protocol"] == "nospace"
    assert result["end_to_end"] is not None
    assert result["cer"] is not None
    assert result["bytes"] == locator.stat().st_size + student_file.stat().st_size


def test_one_file_of_both_is_scored_as_the_two(
    locator: Path, student_file: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = write_both(tmp_path / "both.safetensors", locator, student_file)
    apart = evaluated([str(locator), str(pages), "--recogniser", str(student_file)], capsys)
    together = evaluated([str(both), str(pages)], capsys)
    assert together["bytes"] == both.stat().st_size
    assert together | {"bytes": 0} == apart | {"bytes": 0}


def test_what_the_model_finds_is_what_is_counted(
    locator: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages marked with what a locator finds on them score 1 with that locator, whatever it finds."""
    described = json.loads((pages / "pages.json").read_text())
    model, found = open_page_model(locator), 0
    for page in described:
        outlines = [line.outline_P2 for line in model.read(np.asarray(Image.open(pages / page["file"])))]
        page["lines"] = [{"box": [*o.min(0).tolist(), *o.max(0).tolist()], "text": "x"} for o in outlines]
        found += len(outlines)
    assert found
    (pages / "pages.json").write_text(json.dumps(described))
    result = evaluated([str(locator), str(pages)], capsys)
    assert (result["lines"], result["hmean"], result["hmean_70"]) == (found, 1.0, 1.0)


def test_others_on_the_same_pages(
    locator: Path, pages: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box_42 = np.array([(5, 5), (90, 5), (90, 20), (5, 20)], float)
    knows = peers.PagePeer("knows", lambda _: [FoundText(box_42, "ab")], 9)
    monkeypatch.setattr(peers, "open_page_peers", lambda: ([knows], {"other": "is not installed"}))
    result = evaluated([str(locator), str(pages), "--against", "peers"], capsys)
    assert result["against"]["knows"]["hmean"] == 1.0  # type: ignore[index]
    assert result["skipped"] == {"other": "is not installed"}
    assert main(["evaluate", str(locator), str(pages), "--against", "peers"]) == 0
    table = capsys.readouterr().out
    assert "skipped: other: is not installed" in table
    assert [row.split()[0] for row in table.splitlines()[:3]] == ["source", "pages", "knows"]


def test_figures_go_into_records(locator: Path, pages: Path, tmp_path: Path) -> None:
    target, copy = tmp_path / "records.json", tmp_path / "copy"
    shutil.copytree(pages, copy)
    assert main(["evaluate", str(locator), str(pages), str(copy), "--record", str(target)]) == 0
    records = {(r.what, r.columns["pages"]): r for r in read_question(target).records}
    assert records["pages", "all"].value == 4
    assert records["pages", "2-copy"].value == 2
    assert records["H-mean", "all"].interval is not None


def test_a_broken_page_and_a_box_outside_are_named(
    locator: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = json.loads((pages / "pages.json").read_text())
    described[0]["lines"].append({"box": [500, 500, 600, 520], "text": "ab"})
    (pages / "pages.json").write_text(json.dumps(described))
    assert [reason for reason in _refused(locator, pages, capsys) if "0/0001: its polygon leaves" in reason]
    (pages / "1.png").write_bytes(b"no image")
    assert [reason for reason in _refused(locator, pages, capsys) if "1.png" in reason]


def _refused(locator: Path, pages: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    result = evaluated([str(locator), str(pages)], capsys)
    refused: list[str] = result["refused"]  # type: ignore[assignment]
    return refused


def test_a_mistake_is_one_message(
    locator: Path, student_file: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unmarked = tmp_path / "unmarked"
    unmarked.mkdir()
    Image.new("L", (64, 64), 255).save(unmarked / "a.png")
    for words, message in (
        ([str(locator), str(pages), "--protocol", "exact"], "give --recogniser MODEL"),
        ([str(locator), str(pages), "--alphabet", "ab"], "give --recogniser MODEL"),
        ([str(student_file), str(pages), "--recogniser", str(student_file)], "--recogniser goes with a locator"),
        ([str(locator), str(pages), "--recogniser", str(locator)], "locator"),
        ([str(locator), str(unmarked)], "1 of 1 pages without marked lines"),
        ([str(locator), str(tmp_path / "none")], "none"),
    ):
        assert main(["evaluate", *words]) == 2, words
        told = capsys.readouterr().err
        assert message in told, words
        assert "Traceback" not in told


def test_a_teacher_and_a_locator_open_as_their_readers_do(tmp_path: Path, student_file: Path) -> None:
    teacher = write_small_locator(tmp_path / "teacher.safetensors", "locator_teacher")
    page_HWC = np.random.default_rng(1).integers(0, 256, (96, 128), np.uint8)
    found = open_page_model(teacher).read(page_HWC)
    expected = lines_of(teachers.load_locator(teacher), page_HWC)
    assert boxes_of([line.outline_P2 for line in found]).tolist() == [list(line.box) for line in expected]
    locator = write_small_locator(tmp_path / "locator.safetensors")
    read = open_page_model(locator, student_file).read(page_HWC)
    lines = students.load_page(locator, student_file).read_page(page_HWC).lines
    assert [line.text for line in read] == [line.text for line in lines]
