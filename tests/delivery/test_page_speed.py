"""`distill speed` of page readers: pages a second by phase, beside others, with a chart and records."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from distill.delivery.page_processes import Opening
from distill.delivery.speed import pages as page_speed
from distill.delivery.speed.pages import measure_pages
from distill.delivery.speed.summary import page_speed_table
from distill.evaluation.pages.matching import FoundText
from distill.evaluation.pages.peers import PagePeer
from distill.records import read_question
from students.errors import DataError
from tests.pages import write_loose_locator, write_noisy_pages

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    return write_loose_locator(tmp_path / "locator.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_noisy_pages(tmp_path / "pages", ("a.png", "b.png", "c.png"))


def busy(page_HWC: np.ndarray) -> list[FoundText]:
    until = time.process_time() + 0.02
    while time.process_time() < until:
        np.sort(page_HWC, axis=None)
    return []


def test_pages_a_second_beside_another(
    locator_file: Path, student_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_speed, "cold_page", lambda *_: {"seconds": 0.5, "mib": 200.0, "torch": False})
    pictures = [file.read_bytes() for file in sorted(folder.iterdir())]
    result = measure_pages({"mine": Opening(str(locator_file), str(student_file))}, pictures, [PagePeer("other", busy)])
    assert result["pages"] == 3
    row = result["models"]["mine"]
    assert list(row["ms_a_page"]) == ["decode", "locate", "cut", "read"]
    assert all(ms > 0 for ms in row["ms_a_page"].values())
    assert row["pages_a_second"] == pytest.approx(1e3 / sum(row["ms_a_page"].values()))
    assert row["together"] > 0
    assert 30 < result["peers"]["other"]["pages_a_second"] <= 50
    table = page_speed_table(result)
    row["cold"] = {"refused": "no such model"}
    assert "a fresh process: not measured: no such model" in page_speed_table(result)
    assert "0.50 s to its first page, 200 MiB, without torch" in table
    assert "other: " in table
    with pytest.raises(DataError, match="no pages to measure on"):
        measure_pages({}, [])
    with pytest.raises(DataError, match="not a readable image"):
        measure_pages({"mine": Opening(str(locator_file), str(student_file))}, [b"no picture"])


def test_a_fresh_process_that_cannot_open_the_parts_says_why(folder: Path) -> None:
    picture = next(folder.iterdir()).read_bytes()
    assert "nowhere.safetensors" in page_speed.cold_page(Opening("nowhere.safetensors"), picture)["refused"]


def test_the_command_tells_draws_and_records(
    locator_file: Path,
    student_file: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    monkeypatch.setattr(page_speed, "COLD_ROUNDS", 1)
    chart, record = tmp_path / "speed.png", tmp_path / "speed.json"
    words = ["speed", str(locator_file), "--recogniser", str(student_file), "--data", str(folder), "-n", "2"]
    assert main([*words, "--json", "--chart", str(chart), "--record", str(record)]) == 0
    result = json.loads(capsys.readouterr().out)
    row = result["models"]["locator.safetensors"]
    assert result["pages"] == 2
    assert row["cold"]["torch"] is True
    assert 50 < row["cold"]["mib"] < 2_000
    assert Image.open(chart).size[0] > 600
    question = read_question(record)
    assert {each.what for each in question.records} >= {"pages/s", "pages/s, several in a batch", "locate, a page"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "name pictures of pages"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "PAGES", "--protocol", "exact"], "speed compares no texts of pages"),
        (["--data", "PAGES", "--processes", "0"], "must be at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    locator_file: Path, student_file: Path, folder: Path, more: list[str], message: str, capsys: Printed
) -> None:
    words = [str(folder) if word == "PAGES" else word for word in more]
    assert main(["speed", str(locator_file), "--recogniser", str(student_file), *words]) == 2
    assert message in capsys.readouterr().err
